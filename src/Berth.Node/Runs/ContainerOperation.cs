using System.Collections.Immutable;
using System.Diagnostics;
using Berth.Containers;
using Berth.Jobs;
using Berth.Jobs.Commands;
using Berth.Jobs.Definitions;
using Berth.Jobs.Placeholders;
using Berth.Jobs.Results;

namespace Berth.Node.Runs;

/// <summary>Runs one <c>container/run</c> from its turn to its end, or goes on with it from wherever a process that died left it.</summary>
internal sealed class ContainerOperation(RunContainer operation, RunScope scope, StopSignal stop, Action ready) : IDisposable
{
    private static readonly TimeSpan CleanupPatience = TimeSpan.FromMinutes(2);
    private static readonly TimeSpan LongestRestartPause = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan SteadyRun = TimeSpan.FromSeconds(10);
    private readonly string _container = scope.Names.Container(operation.Index);
    private readonly ResultSearch _search = new(operation.Results, scope.Time);
    private LogPump? _pump;
    private bool _outOfTime;

    private RunJournal Journal => scope.Journal;

    private OperationState State => Journal.State.Find(operation.Id) ?? throw new UnreachableException($"The run never announced {operation.Id}.");

    public string Container => _container;

    /// <summary>It ended and there may be a container of it.</summary>
    public bool IsRemovable => State is { Container: not null, End: not null };

    /// <summary>
    /// 1 fill the placeholders, 2 get the image, 3 create and start the container, 4 follow it to its end, starting it again as its
    /// policy says, 5 copy its output out, 6 say how it ended. <see cref="RemoveAsync"/> comes after.
    /// </summary>
    /// <exception cref="EngineException">The engine is gone; the operation has no end of its own then.</exception>
    public async Task<OperationOutcome> RunAsync()
    {
        _pump = new LogPump(operation.Id, operation.Index, scope, _search);
        try
        {
            if (State.StartedAt is null)
            {
                Journal.Append(new OperationStarting(operation.Id));
            }

            // 1
            var arguments = Fill();

            // 2
            if (State.Container is null)
            {
                await new ImagePulls(scope.Engine, Journal, scope.Request.Pull, scope.Time).EnsureAsync(operation.Id, arguments.Image, arguments.Login, stop.Ended);
            }

            // 3, 4
            var exit = await FollowAsync(arguments);

            // 5
            var outputFault = arguments.Output is { } path ? await CopyOutputAsync(path) : null;

            // 6
            return End(exit, outputFault);
        }
        catch (OperationCanceledException) when (stop.Ended.IsCancellationRequested)
        {
            return End(OperationOutcome.Stopped, null);
        }
        catch (EngineException fault) when (fault.Fault != EngineFault.Unreachable)
        {
            return Fail(new OperationError(FaultOf(fault.Fault), fault.Message));
        }
        catch (UnfillableException unfillable)
        {
            return Fail(new OperationError(OperationFault.Placeholder, unfillable.Message));
        }
    }

    public void Dispose() => _pump?.Dispose();

    private ContainerArguments Fill()
    {
        var path = $"$.ops[{operation.Index}].args";
        if (!operation.HasPlaceholders)
        {
            return operation.Arguments;
        }

        var filling = Placeholders.Fill(operation.Template, PlaceholderSources.Of(scope), operation.Id, path);
        if (filling.Arguments is not { } filled)
        {
            throw new UnfillableException(filling.Problems);
        }

        var reading = JobDefinitionReader.ReadArguments(filled, path);
        return reading.Arguments ?? throw new UnfillableException(reading.Problems);
    }

    private async Task<ContainerExited?> FollowAsync(ContainerArguments arguments)
    {
        for (var pause = TimeSpan.FromMilliseconds(100); ; pause = Min(pause * 2, LongestRestartPause))
        {
            var status = await scope.Outage.PatientlyAsync(() => StartAsync(arguments), stop.Ended);
            var ending = WaitForEndAsync(CancellationToken.None);
            var logging = KeepLogAsync();
            var wantsRestart = await WatchAsync(arguments, status, ending);
            await Task.WhenAll(ending, logging);
            var ended = await ending;
            _outOfTime |= stop.Reason is null && !wantsRestart && operation.Execution.Timeout <= ended.FinishedAt - ended.StartedAt;
            _pump!.FlushToDisk();
            var exit = (ContainerExited)Journal.Append(new ContainerExited(operation.Id, _container, ended.ExitCode)
            {
                OutOfMemory = ended.OutOfMemory,
                State = new EngineState(ended.State, ended.ExitCode, ended.OutOfMemory, ended.Error, ended.StartedAt, ended.FinishedAt),
            });

            if (stop.Reason is not null || _outOfTime || !(wantsRestart || ShouldRestart(arguments.Restart, exit.ExitCode)))
            {
                return exit;
            }

            if (ended.FinishedAt - ended.StartedAt > SteadyRun)
            {
                pause = TimeSpan.FromMilliseconds(100);
            }

            Journal.Append(new ContainerStarting(operation.Id, _container, State.Restart + 1) { Delay = pause });
            await Task.Delay(pause, scope.Time, stop.Ended);
        }
    }

    // A container whose log can no longer be kept is brought to an end. Of an engine that is gone the wait for the end tells.
    private async Task KeepLogAsync()
    {
        try
        {
            await _pump!.DrainAsync(_container, CancellationToken.None);
        }
        catch (Exception broken) when (broken is IOException or EngineException { Fault: not EngineFault.Unreachable })
        {
            stop.Request(StopReason.NodeShutdown);
            throw;
        }
    }

    /// <summary>Brings the container to running, or finds that a process before this one did: the journal and the engine together tell.</summary>
    private async Task<ContainerStatus> StartAsync(ContainerArguments arguments)
    {
        var known = State.Container is null ? null : await scope.Engine.InspectAsync(_container, stop.AtOnce);
        if (known is null && State is { ContainerId: not null, Phase: OperationPhase.Running })
        {
            throw new EngineException(EngineFault.Failed, $"The container {_container} is gone; somebody removed it while it ran.");
        }

        var isStale = known is { HasEnded: true } && State.Phase == OperationPhase.Restarting && State.Exit?.State?.FinishedAt == known.FinishedAt;
        if (known is null or { IsRunning: false, HasEnded: false } || isStale)
        {
            stop.Ended.ThrowIfCancellationRequested();
            await scope.Network.WaitAsync(stop.Ended);
            await MakeAsync(arguments, exists: known is not null);
            await scope.Guard.WaitAsync(stop.Ended);
            await scope.Engine.StartAsync(_container, stop.AtOnce);
        }

        var status = await scope.Engine.InspectAsync(_container, stop.AtOnce)
            ?? throw new EngineException(EngineFault.Failed, $"The container {_container} is gone; somebody removed it as it started.");
        if (State.Phase != OperationPhase.Running || State.ContainerId != status.Id)
        {
            Journal.Append(new ContainerStarted(operation.Id, _container, status.Id) { Address = status.Address?.ToString() });
        }

        AnnounceEndpoints(arguments, status);
        return status;
    }

    // A volume that no operation creates is the run's all the same, and must be known before the engine makes it by itself.
    private async Task MakeAsync(ContainerArguments arguments, bool exists)
    {
        if (exists)
        {
            return;
        }

        foreach (var name in arguments.Volumes.Select(volume => scope.Names.Volume(volume.Name)).Distinct())
        {
            if (!Journal.State.Volumes.Contains(name))
            {
                Journal.Append(new VolumeCreating(name));
            }

            await scope.Engine.CreateVolumeAsync(new VolumeSpec(name, scope.Names.Labels()), CancellationToken.None);
        }

        if (State.Container is null)
        {
            Journal.Append(new ContainerStarting(operation.Id, _container, 0));
        }

        // Not to be broken off: the engine would make the container all the same, after its removal.
        await scope.Engine.CreateAsync(Spec(arguments), CancellationToken.None);
        stop.Ended.ThrowIfCancellationRequested();
    }

    private ContainerSpec Spec(ContainerArguments arguments)
    {
        var hasGpu = arguments.Gpu && scope.Gpu is not null;
        var names = scope.Names;
        return new ContainerSpec
        {
            Name = _container,
            Image = arguments.Image,
            Entrypoint = arguments.Entrypoint,
            Command = CommandLine.For(arguments.Command, arguments.Entrypoint),
            Env = [.. arguments.Env.Where(pair => pair.Key != "NOSANA_ID"), new("NOSANA_ID", scope.Request.Job.Value)],
            WorkDir = arguments.WorkDir,
            Network = names.Network,
            NetworkAliases = [.. new[] { operation.Id.Value, names.Host(operation.Index) }.Concat(arguments.Aliases).Distinct()],
            ExtraHosts = [new("host.docker.internal", NowhereAddress), new("host.containers.internal", NowhereAddress)],
            Volumes = [.. arguments.Volumes.Select(volume => new VolumeBinding(names.Volume(volume.Name), volume.Destination))],
            PublishedPorts = [.. Ports(arguments)],
            Gpu = hasGpu ? scope.Gpu : null,
            Limits = scope.Ceiling,
            Labels = names.Labels(operation.Id),
        };
    }

    /// <summary>An address of the documentation range: the machine's own names lead nowhere from inside a job.</summary>
    private const string NowhereAddress = "192.0.2.1";

    private static IEnumerable<int> Ports(ContainerArguments arguments) =>
        arguments.Exposures.SelectMany(exposure => Enumerable.Range(exposure.FirstPort, exposure.LastPort - exposure.FirstPort + 1)).Distinct();

    private void AnnounceEndpoints(ContainerArguments arguments, ContainerStatus status)
    {
        foreach (var exposure in arguments.Exposures)
        {
            for (var port = exposure.FirstPort; port <= exposure.LastPort; port++)
            {
                if (!status.PublishedPorts.TryGetValue(port, out var published))
                {
                    continue;
                }

                var text = $"{port}";
                var url = $"http://127.0.0.1:{published}";
                var before = State.Endpoints.FirstOrDefault(known => known.Port == text);
                if (before?.Url == url)
                {
                    continue;
                }

                var id = before is not null ? new EndpointId(before.EndpointId) : arguments.Private ? EndpointId.Private() : EndpointId.For(operation.Index, exposure.Port, scope.Request.Job);
                Journal.Append(new EndpointUp(operation.Id, text, id.Value, url)
                {
                    Health = exposure.HealthChecks.IsEmpty ? EndpointHealth.Unknown : EndpointHealth.Offline,
                });
            }
        }
    }

    /// <summary>Stays with the running container until it has ended; true when a health check wants it started again.</summary>
    private async Task<bool> WatchAsync(ContainerArguments arguments, ContainerStatus status, Task<ContainerStatus> ending)
    {
        using var health = new HealthWatch(operation.Id, Journal, scope.Request.Limits.Health, scope.Time);
        using var ended = new CancellationTokenSource();
        using var stopped = CancellationTokenSource.CreateLinkedTokenSource(stop.Ended, ended.Token);
        var stopping = Task.Delay(Timeout.InfiniteTimeSpan, scope.Time, stopped.Token);
        var expiring = LongWait.ForAsync(status.IsRunning ? TimeLeft() : TimeSpan.MaxValue, scope.Time, ended.Token);
        var watching = status.Address is { } address && status.IsRunning
            ? health.WatchAsync(arguments.Exposures, address, MarkReady, MayRestartFor, ended.Token)
            : Task.Delay(Timeout.InfiniteTimeSpan, scope.Time, ended.Token);
        if (arguments.Exposures.All(exposure => exposure.HealthChecks.IsEmpty))
        {
            MarkReady();
        }

        var first = await Task.WhenAny(ending, stopping, expiring, watching);
        if (first == watching)
        {
            await watching;
        }

        _outOfTime = first == expiring;
        if (first != ending)
        {
            await BringToEndAsync();
        }

        await Task.WhenAny(ending);
        await ended.CancelAsync();
        await Task.WhenAny(watching);
        return first == watching;
    }

    private bool MayRestartFor(HealthCheck failing) => failing.MaxRestarts is not { } most || State.Restart < most;

    private TimeSpan TimeLeft() => operation.Execution.Timeout is { } most
        ? most - (scope.Time.GetUtcNow() - (State.RunningSince ?? scope.Time.GetUtcNow()))
        : TimeSpan.MaxValue;

    private void MarkReady()
    {
        if (!State.IsReady)
        {
            Journal.Append(new OperationReady(operation.Id));
        }

        ready();
    }

    private async Task BringToEndAsync()
    {
        try
        {
            await scope.Outage.PatientlyAsync(
                async () =>
                {
                    await scope.Engine.StopAsync(_container, scope.Request.Limits.StopGrace, stop.AtOnce);
                    return true;
                },
                CancellationToken.None);
        }
        catch (OperationCanceledException)
        {
            using var limit = new CancellationTokenSource(CleanupPatience, scope.Time);
            await scope.Engine.KillAsync(_container, limit.Token);
        }
    }

    private async Task<ContainerStatus> WaitForEndAsync(CancellationToken ct)
    {
        try
        {
            return await scope.Engine.WaitAsync(_container, ct);
        }
        catch (EngineException away) when (away.Fault == EngineFault.Unreachable)
        {
            await scope.Outage.WaitUntilBackAsync(away, ct);
        }

        return await scope.Engine.InspectAsync(_container, ct) switch
        {
            { IsRunning: true } => await WaitForEndAsync(ct),
            { } ended when scope.Outage.BackAt is not { } back || ended.FinishedAt >= back => ended,
            _ => throw new EngineException(EngineFault.Unreachable, $"The container of {operation.Id} ended while the engine was away; nobody can say how."),
        };
    }

    private bool ShouldRestart(RestartPolicy policy, int exitCode) => policy.When switch
    {
        RestartWhen.Never => false,
        RestartWhen.Always or RestartWhen.UnlessStopped => true,
        RestartWhen.OnFailure => exitCode != 0 && (policy.Tries is not { } most || State.Restart < most),
        _ => throw new UnreachableException($"No such policy: {policy.When}."),
    };

    private async Task<OperationError?> CopyOutputAsync(string path)
    {
        if (State.Output is not null)
        {
            return null;
        }

        var destination = Path.Combine(scope.Request.OutputDirectory, FolderName(operation.Id));
        try
        {
            MakeRoomFor(path, destination);
            await using var tar = await scope.Engine.CopyOutAsync(_container, path, stop.AtOnce);
            if (tar is null)
            {
                Journal.Append(new Notice(NoticeLevel.Warning, $"There is no {path} in the container, so no output was copied.", operation.Id));
                return null;
            }

            var shown = scope.Time.GetTimestamp();
            var copied = await new OutputFolder(scope.Request.Limits.OutputFiles, scope.Request.Limits.OutputBytes).UnpackAsync(
                tar,
                destination,
                (files, bytes) =>
                {
                    if (scope.Time.GetElapsedTime(shown) > TimeSpan.FromMilliseconds(500))
                    {
                        shown = scope.Time.GetTimestamp();
                        Journal.Append(new OutputCopying(operation.Id, path, files, bytes));
                    }
                },
                stop.AtOnce);
            if (copied.LeftOut.Count > 0)
            {
                Journal.Append(new Notice(NoticeLevel.Warning, $"Left out of the output, being links to outside, devices or odd names: {string.Join(", ", copied.LeftOut)}.", operation.Id));
            }

            Journal.Append(new OutputCopied(operation.Id, path, destination, copied.Files, copied.Bytes));
            return null;
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException or InvalidDataException
            || fault is EngineException { Fault: not EngineFault.Unreachable })
        {
            return new OperationError(OperationFault.Output, $"The output {path} could not be copied to {destination}: {fault.Message}");
        }
    }

    private void MakeRoomFor(string path, string destination)
    {
        if (!State.HasBegunOutput && Directory.Exists(destination) && Directory.EnumerateFileSystemEntries(destination).Any())
        {
            throw new IOException("there is something already, and nothing is written over.");
        }

        Journal.Append(new OutputCopying(operation.Id, path, 0, 0));
        if (Directory.Exists(destination))
        {
            Directory.Delete(destination, recursive: true);
        }
    }

    private static string FolderName(OperationId id)
    {
        var name = string.Concat(id.Value.Select(character => char.IsAsciiLetterOrDigit(character) || character is '-' or '_' or '.' ? character : '_'));
        return name.Trim('.') is { Length: > 0 } usable ? usable : "_";
    }

    private OperationOutcome End(ContainerExited? exit, OperationError? outputFault)
    {
        if (_outOfTime)
        {
            return Fail(new OperationError(OperationFault.NotReady, $"Operation killed after exceeding its timeout of {operation.Execution.Timeout!.Value.TotalSeconds:0}s"), StopReason.Expired);
        }

        if (stop.Reason is not null)
        {
            return End(OperationOutcome.Stopped, null);
        }

        if (exit is { ExitCode: not 0 })
        {
            return Fail(exit.OutOfMemory
                ? new OperationError(OperationFault.OutOfMemory, $"Killed for using more memory than the {scope.Ceiling.MemoryBytes >> 20} MiB it may have (exit code {exit.ExitCode}).")
                : null);
        }

        return outputFault is null ? End(OperationOutcome.Succeeded, null) : Fail(outputFault);
    }

    private OperationOutcome Fail(OperationError? error, StopReason? reason = null)
    {
        if (error is not null)
        {
            _pump!.Say(error.Message);
        }

        return End(OperationOutcome.Failed, error, reason);
    }

    private OperationOutcome End(OperationOutcome outcome, OperationError? error, StopReason? reason = null)
    {
        _pump!.FlushToDisk();
        Journal.Append(new OperationEnded(operation.Id, outcome)
        {
            ExitCode = State.Exit?.ExitCode,
            Reason = reason ?? (outcome == OperationOutcome.Stopped ? stop.Reason : null),
            Error = error,
            Results = _search.Finish(),
            LogLines = _pump.Lines,
        });
        return outcome;
    }

    /// <summary>Removes the container of an operation that has ended; what cannot be removed is said and left to prune.</summary>
    public async Task RemoveAsync()
    {
        using var limit = new CancellationTokenSource(CleanupPatience, scope.Time);
        try
        {
            await scope.Engine.RemoveAsync(_container, limit.Token);
        }
        catch (Exception fault) when (fault is EngineException or OperationCanceledException)
        {
            Journal.Note(new Notice(NoticeLevel.Warning, $"The container {_container} could not be removed ({fault.Message}); berth prune removes it.", operation.Id));
        }
    }

    public static OperationFault FaultOf(EngineFault fault) => fault switch
    {
        EngineFault.ImageNotFound => OperationFault.ImageNotFound,
        EngineFault.ImageDenied => OperationFault.ImageDenied,
        EngineFault.RegistryUnavailable => OperationFault.RegistryUnavailable,
        EngineFault.DiskFull => OperationFault.DiskFull,
        EngineFault.GpuUnavailable => OperationFault.GpuUnavailable,
        EngineFault.CannotStart => OperationFault.CannotStart,
        EngineFault.Unreachable => OperationFault.EngineUnreachable,
        EngineFault.Refused or EngineFault.NotFound or EngineFault.Failed => OperationFault.Engine,
        _ => throw new UnreachableException($"No such fault: {fault}."),
    };

    private static TimeSpan Min(TimeSpan one, TimeSpan other) => one < other ? one : other;

    private sealed class UnfillableException(ImmutableArray<Problem> problems)
        : Exception(string.Join(" ", problems.Select(problem => $"{problem.Path}: {problem.Message}")));
}
