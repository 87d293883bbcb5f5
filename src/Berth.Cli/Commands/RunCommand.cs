using System.CommandLine;
using System.Runtime.InteropServices;
using Berth.Cli.Rendering;
using Berth.Containers;
using Berth.Jobs;
using Berth.Jobs.Definitions;
using Berth.Jobs.Results;
using Berth.Node.Capacity;
using Berth.Node.Resources;
using Berth.Node.Runs;

namespace Berth.Cli.Commands;

/// <summary><c>berth run</c>: runs a job on this machine and exits with the job's code.</summary>
internal static class RunCommand
{
    public static Command Make(Surroundings around)
    {
        var source = CommonOptions.Source();
        source.Arity = ArgumentArity.ZeroOrOne;
        var resume = new Option<string?>("--resume")
        {
            Description = "Go on with a run whose process died: the run's id, or last. Its containers are adopted.",
            HelpName = "run",
        };
        var timeout = new Option<TimeSpan?>("--timeout", "-t")
        {
            Description = "The longest the job may run (90s, 10m, 2h; a bare number is minutes). Default: no limit.",
            HelpName = "time",
            CustomParser = Durations.Parse,
        };
        var gpu = new Option<GpuChoice?>("--gpu")
        {
            Description = "The GPUs the job may use: all (default), how many, or which (0,2 or #0 or GPU-uuid).",
            HelpName = "all|count|ids",
            CustomParser = result =>
            {
                var choice = GpuChoice.Read(result.Tokens is [{ Value: var value }] ? value : "");
                if (choice is null)
                {
                    result.AddError("--gpu takes all, a number of GPUs, or a list of them such as 0,2 or GPU-uuid; a single one by index is #0.");
                }

                return choice;
            },
        };
        var noGpu = new Option<bool>("--no-gpu") { Description = "Run without GPUs even if the job asks for them." };
        var pull = CommonOptions.OneOf<PullPolicy>("--pull", "When images are pulled: when missing (default), always, never.");
        var output = new Option<string?>("--output", "-o") { Description = "Where output folders are copied to. Default ./berth-output/<run>.", HelpName = "dir" };
        var result = new Option<string?>("--result") { Description = "Write the result of the run to this file, as JSON.", HelpName = "file" };
        var secrets = LocalSecrets.Option();
        var artefacts = ArtefactOption.Make();
        var format = CommonOptions.Format();
        var resources = new ResourceOptions(around);
        var command = new Command("run", "Run a job on this machine.") { source, resume, timeout, gpu, noGpu, pull, output, artefacts, result, secrets, format };
        resources.AddTo(command);
        command.Validators.Add(parsed =>
        {
            if (parsed.GetResult(source) is not { Tokens.Count: > 0 } && parsed.GetResult(resume) is not { Tokens.Count: > 0 })
            {
                parsed.AddError("Which job? Name a definition (a file, an address or -), or --resume a run.");
            }

            if (parsed.GetResult(gpu) is { Tokens.Count: > 0 } && parsed.GetValue(noGpu))
            {
                parsed.AddError("--gpu and --no-gpu exclude each other.");
            }
        });
        command.SetAction(async (parsed, ct) =>
        {
            var wishes = new RunWishes(
                parsed.GetValue(source),
                parsed.GetValue(resume),
                parsed.GetValue(timeout),
                parsed.GetValue(noGpu) ? null : parsed.GetResult(gpu) is { Tokens: [{ Value: var text }] } ? text : "all",
                parsed.GetValue(pull),
                parsed.GetValue(output),
                parsed.GetRequiredValue(artefacts),
                parsed.GetValue(result),
                parsed.GetValue(secrets) ?? [],
                parsed.GetValue(format) == OutputFormat.Json,
                resources.Settings(parsed));
            return (int)await RunAsync(around, wishes, ct);
        });
        return command;
    }

    /// <summary>1 read the job and what it names, 2 see what the machine can give it, 3 own its folder, 4 run it, 5 write the result.</summary>
    private static async Task<ExitCode> RunAsync(Surroundings around, RunWishes wishes, CancellationToken ct)
    {
        // 1
        var (stored, definition, fault) = wishes.Resume is null
            ? await NewAsync(around, wishes, ct)
            : await ResumedAsync(around, wishes, ct);
        if (stored is null || definition is null)
        {
            return fault;
        }

        if (await LocalSecrets.ReadAsync(around, definition, wishes.Secrets, ct) is not { } secrets)
        {
            return ExitCode.WrongUse;
        }

        // 2
        var request = new RunRequest
        {
            Run = stored.Run,
            Job = stored.Job,
            Definition = definition,
            Timeout = stored.Timeout,
            Pull = stored.Pull,
            Gpu = stored.Gpu is null ? null : GpuChoice.Read(stored.Gpu),
            OutputDirectory = stored.OutputDirectory,
            Artefacts = stored.Artefacts,
            Secrets = secrets,
        };
        await using var engine = DockerEngine.Connect(EngineAddress.Find(around.Environment));
        var admission = await RunAdmission.ForAsync(request, engine, around.Time, ct);
        if (admission.Refusal is { } refusal)
        {
            await around.Error.WriteLineAsync($"berth: {refusal}{(admission.IsGpuRefused ? " Run it with --no-gpu to go on without one." : "")}");
            return ExitCode.WrongUse;
        }

        // 3
        var folder = RunFolder.Of(around.StateDirectory, request.Run);
        using var lease = folder.TryOwn();
        if (lease is null)
        {
            await around.Error.WriteLineAsync($"berth: run {request.Run} is alive in another process.");
            return ExitCode.WrongUse;
        }

        stored.Save(folder);

        // 4
        using var stop = new StopSignal();
        using var signals = new StopOnSignals(() => stop.Request(StopReason.StoppedByClient), stop.Hurry);
        using var closed = new CancellationTokenSource();
        await using var stopping = closed.Token.Register(() => stop.Request(StopReason.StoppedByClient));
        IRunWatcher watcher = wishes.AsJson ? new JsonWatcher(around.Output, OutputClosed) : new TextWatcher(around, StateSoFar(folder), OutputClosed);
        using var resources = new ResourceStore(wishes.Resources, around.Time);
        var state = await new RunExecutor(engine, around.LocalNode, resources, around.Time).ExecuteAsync(request, admission, folder, watcher, stop);

        // 5
        await WriteResultAsync(around, state, definition, folder, wishes.Result);
        return signals.Received switch
        {
            PosixSignal.SIGINT => ExitCode.Interrupted,
            PosixSignal.SIGTERM => ExitCode.Terminated,
            _ => ExitCodes.Of(state),
        };

        // Whoever notices is in the middle of showing something; what follows from it must happen on a thread of its own.
        void OutputClosed() => closed.CancelAfter(TimeSpan.Zero);
    }

    private static async Task<(StoredRequest?, JobDefinition?, ExitCode)> NewAsync(Surroundings around, RunWishes wishes, CancellationToken ct)
    {
        var (definition, fault) = await DefinitionArgument.ReadAsync(around, wishes.Source!, showWarnings: !wishes.AsJson, ct);
        if (definition is null)
        {
            return (null, null, fault);
        }

        if (wishes.Artefacts.Select(wish => wish.FaultIn(definition)).FirstOrDefault(wrong => wrong is not null) is { } none)
        {
            await around.Error.WriteLineAsync($"berth: {none}");
            return (null, null, ExitCode.WrongUse);
        }

        var run = RunId.New();
        var stored = new StoredRequest
        {
            Run = run,
            Job = JobId.New(),
            Definition = DefinitionKeeping.WithoutLogins(definition, out var hadLogins),
            HadLogins = hadLogins,
            Timeout = wishes.Timeout,
            Pull = wishes.Pull,
            Gpu = wishes.Gpu,
            OutputDirectory = Path.GetFullPath(wishes.Output ?? Path.Combine("berth-output", run.Value)),
            Artefacts = [.. wishes.Artefacts],
        };
        return (stored, definition, ExitCode.Success);
    }

    private static async Task<(StoredRequest?, JobDefinition?, ExitCode)> ResumedAsync(Surroundings around, RunWishes wishes, CancellationToken ct)
    {
        var folder = wishes.Resume == "last"
            ? RunFolder.All(around.StateDirectory).MaxBy(one => File.GetLastWriteTimeUtc(one.Journal))
            : RunId.TryParse(wishes.Resume, null, out var run) ? RunFolder.Of(around.StateDirectory, run) : null;
        if (folder is null || StoredRequest.Load(folder) is not { } stored)
        {
            await around.Error.WriteLineAsync($"berth: there is no run {wishes.Resume} to resume under {around.StateDirectory}.");
            return (null, null, ExitCode.WrongUse);
        }

        if (StateSoFar(folder) is { Outcome: { } outcome } ended)
        {
            await around.Error.WriteLineAsync($"berth: run {folder.Run} has ended already ({outcome}). {ended.Message}".TrimEnd());
            return (null, null, ExitCodes.Of(ended));
        }

        if (stored.HadLogins && wishes.Source is null)
        {
            await around.Error.WriteLineAsync($"berth: the job has passwords or keys, which are never stored; name its definition again: berth run FILE --resume {folder.Run}");
            return (null, null, ExitCode.WrongUse);
        }

        if (wishes.Source is not null)
        {
            var (named, fault) = await DefinitionArgument.ReadAsync(around, wishes.Source, showWarnings: false, ct);
            return (stored, named, fault);
        }

        return (stored, JobDefinitionReader.Read(System.Text.Encoding.UTF8.GetBytes(stored.Definition)).Definition, ExitCode.WrongUse);
    }

    private static RunState StateSoFar(RunFolder folder) =>
        File.Exists(folder.Journal) ? RunState.Of(RunJournal.Read(folder.Journal)) : RunState.Empty;

    private static async Task WriteResultAsync(Surroundings around, RunState state, JobDefinition definition, RunFolder folder, string? path)
    {
        var places = definition.Operations.ToDictionary(operation => operation.Id, operation => operation.Index);
        try
        {
            await using (var kept = File.Create(folder.Result))
            {
                RunResultWriter.Write(kept, state, id => RunLog.Tail(folder.Log(places[id]), RunResultWriter.LogEntries));
            }

            if (path is not null)
            {
                File.Copy(folder.Result, path, overwrite: true);
            }
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            await around.Error.WriteLineAsync($"berth: the result could not be written: {fault.Message}");
        }
    }

    private sealed record RunWishes(
        string? Source, string? Resume, TimeSpan? Timeout, string? Gpu, PullPolicy Pull, string? Output, ArtefactWish[] Artefacts, string? Result, string[] Secrets, bool AsJson, ResourceSettings Resources);
}
