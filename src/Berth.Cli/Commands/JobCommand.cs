using System.CommandLine;
using Berth.Cli.Network;
using Berth.Cli.Rendering;
using Berth.Jobs;
using Berth.Protocol;
using Berth.Protocol.Identity;
using Berth.Protocol.Sealing;

namespace Berth.Cli.Commands;

/// <summary><c>berth job</c>: what a client does with jobs on a market.</summary>
internal static class JobCommand
{
    public static Command Make(Surroundings around) => new("job", "Post jobs to a market and see what becomes of them.")
    {
        JobPostCommand.Make(around),
        JobServeCommand.Make(around),
        MakeGet(around),
        MakeList(around),
        MakeLogs(around),
        MakeWait(around),
        MakeResult(around),
        JobDownloadCommand.Make(around),
        MakeStop(around),
        MakeExtend(around),
    };

    public static Argument<JobId> JobArgument() => new("job")
    {
        Description = "The job's id.",
        CustomParser = argument =>
        {
            var text = argument.Tokens is [{ Value: var value }] ? value : "";
            if (!JobId.TryParse(text, null, out var job))
            {
                argument.AddError($"'{text}' is no job id: base58 of 32 bytes, as berth job list shows it.");
            }

            return job;
        },
    };

    /// <summary>An option that takes an address.</summary>
    public static Option<Address?> AddressOption(string name, string description) => new(name)
    {
        Description = description,
        HelpName = "address",
        CustomParser = argument =>
        {
            var text = argument.Tokens is [{ Value: var value }] ? value : "";
            if (Address.TryParse(text, null, out var address))
            {
                return address;
            }

            argument.AddError($"{name} takes an address, base58 of 32 bytes, not '{text}'.");
            return null;
        },
    };

    /// <summary>The job as people read it.</summary>
    public static void Show(Surroundings around, JobView job) => Table.WritePairs(
        around,
        [
        ("job", job.Facts.Job.Value),
        ("state", Printed.State(job.Facts) + (job is { Sealing: JobSealing.Poster, Facts: { State: JobState.Running, StartedAt: null } } ? ", its node waits for what is sealed in it: berth job serve" : "") + (job.IsStopping && job.Facts.State == JobState.Running ? ", stopping" : "")),
        ("", job.Message),
        ("queue", job.QueuePosition is { } place ? $"place {place}. {job.Waiting}" : null),
        ("market", job.Facts.Market),
        ("node", job.Facts.Node?.Value),
        ("attempt", job.Facts.Attempt > 0 ? $"{job.Facts.Attempt} of {job.Attempts}" : null),
        ("posted", Printed.Time(job.Facts.PostedAt)),
        ("started", Printed.Time(job.Facts.StartedAt)),
        ("ended", Printed.Time(job.Facts.EndedAt)),
        ("timeout", Printed.Span(job.Facts.TimeoutSeconds)),
        ("price", Printed.Price(job.Facts.Price)),
        ("deposit", $"{job.Deposit} NOS"),
        ("cost", job.Cost is { } cost ? $"{cost} NOS, {job.Refund} NOS back" : null),
        ("poster", job.Facts.Poster.Value),
        ("definition", job.Definition),
        ("result", job.Result),
        ("readable", job.Facts.IsConfidential ? "by the poster, and by the node while it runs" : job.Facts.IsPublic ? "by everybody" : "by poster, node and operator"),
        ("secrets", job.Sealing switch
        {
            JobSealing.Market => "handed over by the market",
            JobSealing.Pinned => "handed over with the post",
            JobSealing.Poster => "handed over by berth job serve, or berth job post --wait",
            _ => null,
        }),
        .. job.Sources.Select(source => ("source", (string?)$"{source.Target}  {source.Content}")),
        .. job.Artefacts.Select(artefact => ("artefact", (string?)Printed.Artefact(artefact))),
        ]);

    /// <summary>Opens a confidential job; null when it is not one, or when this key does not open it, which is told.</summary>
    public static async Task<OpenedJob?> OpenAsync(Surroundings around, MarketClient client, SigningKey? key, JobView job, CancellationToken ct)
    {
        if (!job.Facts.IsConfidential)
        {
            return null;
        }

        using var own = key is null ? null : DecryptionKey.Of(key);
        var opened = own is null || job.Facts.Poster != own.Owner ? null : await OpenedJob.OpenAsync(client, job, own, ct);
        if (opened is null)
        {
            await around.Error.WriteLineAsync($"berth: job {job.Facts.Job} is confidential; only the key of its poster, {job.Facts.Poster}, opens it.");
        }

        return opened;
    }

    private static Command MakeGet(Surroundings around)
    {
        var access = new ServerAccess(around);
        var (job, format) = (JobArgument(), CommonOptions.Format());
        var command = new Command("get", "Show a job: state, place in the queue and why it waits, node, cost.") { job, access.Server, access.Key, format };
        command.SetAction((parsed, ct) => access.AnyoneAsync(parsed, async client =>
        {
            Print(around, await client.GetJobAsync(parsed.GetRequiredValue(job), ct), parsed.GetValue(format));
            return ExitCode.Success;
        }));
        return command;
    }

    private static Command MakeList(Surroundings around)
    {
        var access = new ServerAccess(around);
        var state = CommonOptions.OneOf<StateFilter>("--state", "Only jobs in that state.");
        var market = new Option<string?>("--market", "-m") { Description = "Only jobs of that market.", HelpName = "market" };
        var node = AddressOption("--node", "Only jobs that node runs or ran last.");
        var poster = AddressOption("--poster", "Only jobs of that poster.");
        var mine = new Option<bool>("--mine") { Description = "Only your own jobs." };
        var limit = new Option<int>("--limit") { Description = "How many, 200 at most.", HelpName = "count", DefaultValueFactory = _ => 50 };
        var after = new Option<string?>("--after") { Description = "Go on after that cursor; the end of a list says it.", HelpName = "cursor" };
        var format = CommonOptions.Format();
        var command = new Command("list", "List jobs, newest first.") { state, market, node, poster, mine, limit, after, access.Server, access.Key, format };
        command.SetAction((parsed, ct) => access.AnyoneAsync(parsed, async client =>
        {
            var own = parsed.GetValue(mine) ? OwnKey.Read(around, parsed.GetValue(access.Key))?.Address : null;
            if (parsed.GetValue(mine) && own is null)
            {
                return ExitCode.WrongUse;
            }

            var page = await client.ListJobsAsync(
                new JobFilter
                {
                    State = parsed.GetValue(state) switch
                    {
                        StateFilter.Any => null,
                        StateFilter.Queued => JobState.Queued,
                        StateFilter.Running => JobState.Running,
                        StateFilter.Completed => JobState.Completed,
                        StateFilter.Stopped => JobState.Stopped,
                        _ => throw new System.Diagnostics.UnreachableException("No such filter."),
                    },
                    Market = parsed.GetValue(market),
                    Node = parsed.GetValue(node),
                    Poster = own ?? parsed.GetValue(poster),
                    After = parsed.GetValue(after),
                    Limit = parsed.GetValue(limit),
                },
                ct);
            if (parsed.GetValue(format) == OutputFormat.Json)
            {
                Printed.Json(around, page, json => json.PageJobFacts);
                return ExitCode.Success;
            }

            if (page.Items.IsEmpty)
            {
                await around.Error.WriteLineAsync("There are no such jobs. berth job post posts one.");
                return ExitCode.Success;
            }

            Table.Write(
                around,
                ["JOB", "STATE", "MARKET", "POSTED", "NODE"],
                [.. page.Items.Select(one => (IReadOnlyList<string>)[one.Job.Value, Printed.State(one), one.Market, Printed.Time(one.PostedAt), one.Node is { } ran ? Printed.Short(ran.Value) : ""])]);
            if (page.Next is { } next)
            {
                await around.Error.WriteLineAsync($"There are more: --after {next}");
            }

            return ExitCode.Success;
        }));
        return command;
    }

    private static Command MakeLogs(Surroundings around)
    {
        var access = new ServerAccess(around);
        var (job, format) = (JobArgument(), CommonOptions.Format());
        var follow = new Option<bool>("--follow", "-f") { Description = "Stay until the job has ended, and exit with its code." };
        var operation = new Option<string?>("--op") { Description = "Only lines of that operation.", HelpName = "operation" };
        var stream = CommonOptions.OneOf<StreamFilter>("--stream", "Only lines of that stream: all (default), stdout, stderr.");
        var since = new Option<TimeSpan?>("--since") { Description = "Only lines of the last 90s, 10m, 2h.", HelpName = "time", CustomParser = Durations.Parse };
        var until = new Option<TimeSpan?>("--until") { Description = "Only lines older than 90s, 10m, 2h.", HelpName = "time", CustomParser = Durations.Parse };
        var tail = new Option<int?>("--tail") { Description = "Only so many lines from the end, and with -f what follows.", HelpName = "count" };
        var timestamps = new Option<bool>("--timestamps") { Description = "Put the time each line was written before it." };
        var command = new Command("logs", "Print a job's log; lines of a job that has ended are there as well.")
        {
            job, follow, operation, stream, since, until, tail, timestamps, access.Server, access.Key, format,
        };
        command.Validators.Add(parsed =>
        {
            if (parsed.GetValue(tail) is <= 0)
            {
                parsed.AddError("--tail takes a number of lines, from 1.");
            }

            if (parsed.GetValue(follow) && parsed.GetValue(until) is not null)
            {
                parsed.AddError("--follow and --until exclude each other.");
            }
        });
        command.SetAction((parsed, ct) => access.AnyoneAsync(parsed, async (client, key) =>
        {
            var view = await client.GetJobAsync(parsed.GetRequiredValue(job), ct);
            using var opened = await OpenAsync(around, client, key, view, ct);
            if (view.Facts.IsConfidential && opened is null)
            {
                return ExitCode.WrongUse;
            }

            var lines = new LogPrinter(around, parsed.GetValue(format) == OutputFormat.Json)
            {
                Only = parsed.GetValue(operation) is { } name ? new OperationId(name) : null,
                Opened = opened,
                Streams = parsed.GetValue(stream),
                From = parsed.GetValue(since) is { } span ? around.Time.GetUtcNow() - span : null,
                Before = parsed.GetValue(until) is { } ago ? around.Time.GetUtcNow() - ago : null,
                Tail = parsed.GetValue(tail),
                HasTimes = parsed.GetValue(timestamps),
            };
            return await lines.PrintAsync(client, view, parsed.GetValue(follow), ct);
        }));
        return command;
    }

    private static Command MakeWait(Surroundings around)
    {
        var access = new ServerAccess(around);
        var job = JobArgument();
        var command = new Command("wait", "Wait until a job has ended, and exit with its code.") { job, access.Server, access.Key };
        command.SetAction((parsed, ct) => access.AnyoneAsync(parsed, async (client, key) =>
        {
            var view = await client.GetJobAsync(parsed.GetRequiredValue(job), ct);
            using var opened = view.Facts.Poster == key?.Address ? await OpenAsync(around, client, key, view, ct) : null;
            return await new JobFollower(around, client, view.Facts.Job, Showing.Quiet) { Opened = opened }.FollowAsync(ct);
        }));
        return command;
    }

    private static Command MakeResult(Surroundings around)
    {
        var access = new ServerAccess(around);
        var job = JobArgument();
        var output = new Option<string?>("--output", "-o") { Description = "Write it to this file instead of standard output.", HelpName = "file" };
        var command = new Command("result", "Print the result of a job that has ended, as JSON.") { job, output, access.Server, access.Key };
        command.SetAction((parsed, ct) => access.AnyoneAsync(parsed, async (client, key) =>
        {
            var view = await client.GetJobAsync(parsed.GetRequiredValue(job), ct);
            using var opened = await OpenAsync(around, client, key, view, ct);
            if (view.Facts.IsConfidential && opened is null)
            {
                return ExitCode.WrongUse;
            }

            var result = await client.GetResultAsync(view.Facts.Job, ct);
            result = opened is not null && view.Facts.Run is { } run ? opened.OpenResult(run, result) : result;
            if (parsed.GetValue(output) is { } file)
            {
                await File.WriteAllBytesAsync(file, result, ct);
            }
            else
            {
                await around.Output.WriteAsync(result, ct);
                around.Output.WriteByte((byte)'\n');
            }

            return ExitCode.Success;
        }));
        return command;
    }

    private static Command MakeStop(Surroundings around)
    {
        var access = new ServerAccess(around);
        var (job, format) = (JobArgument(), CommonOptions.Format());
        var wait = new Option<bool>("--wait") { Description = "Return when it has ended." };
        var command = new Command("stop", "Take a queued job back, or tell a running one to end. What it did not use comes back.") { job, wait, access.Server, access.Key, format };
        command.SetAction((parsed, ct) => access.SignedAsync(parsed, async (client, _) =>
        {
            var view = await client.StopAsync(parsed.GetRequiredValue(job), ct);
            if (parsed.GetValue(wait) && view.Facts.State == JobState.Running)
            {
                await new JobFollower(around, client, view.Facts.Job, Showing.Quiet).FollowAsync(ct);
                view = await client.GetJobAsync(view.Facts.Job, ct);
            }

            Print(around, view, parsed.GetValue(format));
            return ExitCode.Success;
        }));
        return command;
    }

    private static Command MakeExtend(Surroundings around)
    {
        var access = new ServerAccess(around);
        var (job, format) = (JobArgument(), CommonOptions.Format());
        var timeout = new Option<TimeSpan?>("--timeout", "-t")
        {
            Description = "How much longer it may take (90s, 10m, 2h; a bare number is minutes).",
            HelpName = "time",
            Required = true,
            CustomParser = Durations.Parse,
        };
        var command = new Command("extend", "Give a job more time, and deposit for it.") { job, timeout, access.Server, access.Key, format };
        command.SetAction((parsed, ct) => access.SignedAsync(parsed, async (client, _) =>
        {
            var before = await client.GetJobAsync(parsed.GetRequiredValue(job), ct);
            var longer = before.Facts.TimeoutSeconds + (long)Math.Ceiling(parsed.GetRequiredValue(timeout)!.Value.TotalSeconds);
            Print(around, await access.OnceAsync(() => client.ExtendAsync(before.Facts.Job, longer, ct), ct), parsed.GetValue(format));
            return ExitCode.Success;
        }));
        return command;
    }

    private static void Print(Surroundings around, JobView job, OutputFormat format)
    {
        if (format == OutputFormat.Json)
        {
            Printed.Json(around, job, json => json.JobView);
        }
        else
        {
            Show(around, job);
        }
    }

    private enum StateFilter
    {
        Any,
        Queued,
        Running,
        Completed,
        Stopped,
    }
}

/// <summary>Which stream's lines are printed.</summary>
internal enum StreamFilter
{
    All,
    Stdout,
    Stderr,
}
