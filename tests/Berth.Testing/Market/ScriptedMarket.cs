using System.Collections.Immutable;
using System.IO.Compression;
using System.Net;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Berth.Jobs;
using Berth.Jobs.Results;
using Berth.Protocol;
using Berth.Protocol.Identity;
using Berth.Testing.Runs;

namespace Berth.Testing.Market;

/// <summary>What a node asks of a market.</summary>
public enum MarketCall
{
    Register,
    Look,
    Claim,
    Renew,
    Report,
    Definition,
}

/// <summary>
/// A small market in memory, as its nodes see it, on the wire's own terms: leases with fences, receipts, long waits, on a clock that a test turns. It keeps a list of every way in
/// which a node broke the rules. It can be away, refuse, or do what it is asked and lose the answer. Nodes speak to it through a <see cref="ScriptedLine"/>.
/// </summary>
public sealed class ScriptedMarket(TimeProvider time)
{
    public const string Slug = "test-market";

    private static readonly Address Poster = Address.Of(new byte[32]);
    private readonly Lock _gate = new();
    private readonly LinkedList<ScriptedJob> _queue = [];
    private readonly List<ScriptedRun> _runs = [];
    private readonly List<MarketCall> _calls = [];
    private readonly List<string> _violations = [];
    private readonly Dictionary<MarketCall, Queue<HttpStatusCode>> _failures = [];
    private readonly Dictionary<MarketCall, int> _lostAnswers = [];
    private TaskCompletionSource _changed = NewSignal();
    private NodeRegistration? _registration;
    private bool _isAway;
    private int _refused;
    private long _fence;

    public TimeSpan LeaseLength { get; init; } = TimeSpan.FromSeconds(60);

    public ImmutableArray<string> RequiredImages { get; set; } = [];

    /// <summary>As JSON texts.</summary>
    public ImmutableArray<string> RequiredResources { get; set; } = [];

    public ImmutableArray<ScriptedRun> Runs => Locked(() => _runs.ToImmutableArray());

    /// <summary>Everything that reached the market, in order.</summary>
    public ImmutableArray<MarketCall> Calls => Locked(() => _calls.ToImmutableArray());

    /// <summary>What a node did that no node may do.</summary>
    public ImmutableArray<string> Violations => Locked(() => _violations.ToImmutableArray());

    /// <summary>How often somebody tried while nobody answered.</summary>
    public int Refused => Locked(() => _refused);

    public NodeRegistration? Registration => Locked(() => _registration);

    public JobId Post(string definition, long timeoutSeconds = 3600, DefinitionFormat format = DefinitionFormat.Json, string? definitionId = null) => Locked(() =>
    {
        var job = new ScriptedJob(JobId.New(), definition, format) { TimeoutSeconds = timeoutSeconds };
        job.DefinitionId = definitionId ?? job.DefinitionId;
        _queue.AddLast(job);
        Change();
        return job.Id;
    });

    public void AskToStop(JobId job) => Control(job, run => run.Stop = true);

    public void Extend(JobId job, long timeoutSeconds) => Control(job, run => run.Job.TimeoutSeconds = timeoutSeconds);

    /// <summary>The run is given up, as if its lease had lapsed.</summary>
    public void TakeAway(RunId id) => Locked(() =>
    {
        _runs.Single(run => run.Lease.Run == id).IsLost = true;
        Change();
        return true;
    });

    /// <summary>From now on nobody answers, and what waits breaks off.</summary>
    public void GoAway() => Locked(() =>
    {
        _isAway = true;
        Change();
        return true;
    });

    /// <summary>Knows no node any more, as after its database was put back.</summary>
    public void Forget() => Locked(() =>
    {
        _registration = null;
        Change();
        return true;
    });

    public void ComeBack() => Locked(() => _isAway = false);

    /// <summary>The next call of that kind is answered with that status and does nothing.</summary>
    public void FailNext(MarketCall call, HttpStatusCode status, int times = 1) => Locked(() =>
    {
        if (!_failures.TryGetValue(call, out var queue))
        {
            _failures[call] = queue = new();
        }

        for (var time = 0; time < times; time++)
        {
            queue.Enqueue(status);
        }

        return true;
    });

    /// <summary>The next call of that kind does what it should, but its answer is lost.</summary>
    public void LoseNextAnswer(MarketCall call) => Locked(() => _lostAnswers[call] = _lostAnswers.GetValueOrDefault(call) + 1);

    /// <summary>Turns the clock by that much and returns when a lease was renewed after it, or a run was settled.</summary>
    public async Task PassAndRenewAsync(TestClock clock, TimeSpan length)
    {
        var (renewals, settled) = (Count(), Runs.Count(run => run.IsSettled));
        clock.Advance(length);
        await UntilAsync(_ => Count() > renewals || Runs.Count(run => run.IsSettled) > settled, TestRun.Patience);

        int Count() => Calls.Count(call => call == MarketCall.Renew);
    }

    /// <summary>Returns as soon as it is so.</summary>
    public async Task UntilAsync(Func<ScriptedMarket, bool> isSo, TimeSpan patience)
    {
        while (true)
        {
            var changed = Locked(() => _changed.Task);
            if (isSo(this))
            {
                return;
            }

            await changed.WaitAsync(patience);
        }
    }

    internal async Task<HttpResponseMessage> AnswerAsync(HttpRequestMessage request, CancellationToken ct)
    {
        var (call, subject) = CallOf(request);
        var body = request.Content is null ? [] : await request.Content.ReadAsByteArrayAsync(ct);
        var until = (DateTimeOffset?)null;
        var isFirst = true;
        while (true)
        {
            HttpResponseMessage? answer;
            using var over = CancellationTokenSource.CreateLinkedTokenSource(ct);
            Task changed, waited;
            lock (_gate)
            {
                ThrowWhenAway();
                Lapse();
                if (isFirst)
                {
                    if (_failures.TryGetValue(call, out var failures) && failures.TryDequeue(out var failure))
                    {
                        Count(call);
                        return new HttpResponseMessage(failure) { RequestMessage = request };
                    }
                }

                (answer, var wait) = Act(call, subject, body);
                until ??= time.GetUtcNow() + TimeSpan.FromSeconds(wait);
                var left = until.Value - time.GetUtcNow();
                if (answer is null && left <= TimeSpan.Zero)
                {
                    answer = AtLast(call, subject);
                }

                // Whoever sees the call counted may turn the clock, so the wait must have begun.
                waited = answer is null ? Task.Delay(left, time, over.Token) : Task.CompletedTask;
                if (isFirst)
                {
                    Count(call);
                    isFirst = false;
                }

                changed = _changed.Task;
                if (answer is not null && _lostAnswers.GetValueOrDefault(call) is var lost and > 0)
                {
                    _lostAnswers[call] = lost - 1;
                    throw new HttpRequestException("the connection broke off");
                }
            }

            if (answer is not null)
            {
                answer.RequestMessage = request;
                return answer;
            }

            await Task.WhenAny(changed, waited);
            await over.CancelAsync();
            ct.ThrowIfCancellationRequested();
        }
    }

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private static (MarketCall Call, string Subject) CallOf(HttpRequestMessage request) =>
        request.RequestUri!.AbsolutePath.Trim('/').Split('/') switch
        {
            ["api", "v1", "nodes", var node] => (MarketCall.Register, node),
            ["api", "v1", "markets", var market] => (MarketCall.Look, market),
            ["api", "v1", "markets", var market, "claims"] => (MarketCall.Claim, market),
            ["api", "v1", "runs", var run, "renewals"] => (MarketCall.Renew, run),
            ["api", "v1", "runs", var run, "events"] => (MarketCall.Report, run),
            ["api", "v1", "jobs", var job, "definition"] => (MarketCall.Definition, job),
            _ => throw new InvalidOperationException($"The scripted market has no {request.RequestUri}."),
        };

    // An answer, or for how long one may be waited for.
    private (HttpResponseMessage? Answer, double Wait) Act(MarketCall call, string subject, byte[] body) => call switch
    {
        MarketCall.Register => (Register(new Address(subject), Read(body, WireJson.Requests.NodeRegistration)), 0),
        MarketCall.Look => (Json(Facts(), WireJson.Answers.MarketFacts), 0),
        MarketCall.Claim => Claim(Read(body, WireJson.Requests.ClaimRequest)),
        MarketCall.Renew => Renew(subject, Read(body, WireJson.Requests.RenewalRequest)),
        MarketCall.Report => (Report(subject, Read(body, WireJson.Requests.RunReport)), 0),
        MarketCall.Definition => (Bytes(_runs.First(run => run.Job.Id.Value == subject).Job.Definition), 0),
        _ => throw new System.Diagnostics.UnreachableException($"No such call: {call}."),
    };

    private HttpResponseMessage AtLast(MarketCall call, string subject) => call == MarketCall.Claim
        ? new HttpResponseMessage(HttpStatusCode.NoContent)
        : Json(Renewal(_runs.Single(run => run.Lease.Run.Value == subject)), WireJson.Answers.Renewal);

    private HttpResponseMessage Register(Address node, NodeRegistration registration)
    {
        if (_registration?.Instance != registration.Instance || registration.IsDraining)
        {
            foreach (var run in _runs.Where(run => !run.IsAccepted && !run.IsLost).ToArray())
            {
                Lose(run);
            }
        }

        _registration = registration;
        Change();
        var facts = new NodeFacts
        {
            Node = node,
            State = NodeState.Waiting,
            Market = Slug,
            Machine = registration.Machine,
            Slots = registration.Slots,
            RegisteredAt = time.GetUtcNow(),
            LastSeen = time.GetUtcNow(),
        };
        return Json(facts, WireJson.Answers.NodeFacts);
    }

    private MarketFacts Facts() => new()
    {
        Slug = Slug,
        Address = Poster,
        GpuTypes = [],
        Price = new Nos(10),
        DefaultTimeoutSeconds = 3600,
        LargestTimeoutSeconds = 86400,
        RequiredImages = RequiredImages,
        RequiredResources = [.. RequiredResources.Select(text => JsonSerializer.Deserialize<JsonElement>(text))],
    };

    private (HttpResponseMessage? Answer, double Wait) Claim(ClaimRequest claim)
    {
        if (_registration is null || claim.Instance != _registration.Instance)
        {
            var isOlder = _registration is not null && string.CompareOrdinal(claim.Instance, _registration.Instance) < 0;
            return (Problem(HttpStatusCode.Conflict, isOlder ? ProblemTypes.Superseded : ProblemTypes.NotRegistered), 0);
        }

        if (_runs.FirstOrDefault(run => run.Claim == claim.Claim) is { IsAccepted: false, IsLost: false } same)
        {
            return (Json(same.Lease, WireJson.Answers.Lease), 0);
        }

        if (_registration.IsDraining)
        {
            return (new HttpResponseMessage(HttpStatusCode.NoContent), 0);
        }

        if (_runs.Any(run => run.Lease.Slot == claim.Slot && run is { IsSettled: false, IsLost: false }))
        {
            _violations.Add($"Slot {claim.Slot} asks for work while it has some.");
        }

        if (_queue.First?.Value is not { } job)
        {
            return (null, claim.WaitSeconds);
        }

        _queue.RemoveFirst();
        var run = new ScriptedRun(job, claim.Claim, time.GetUtcNow() + LeaseLength)
        {
            Lease = new Lease
            {
                Run = RunId.New(),
                Job = job.Id,
                Fence = ++_fence,
                Attempt = _runs.Count(before => before.Job == job) + 1,
                LeaseSeconds = LeaseLength.TotalSeconds,
                TimeoutSeconds = job.TimeoutSeconds,
                Market = Slug,
                Poster = Poster,
                Slot = claim.Slot,
                Definition = job.Definition,
                Format = job.Format,
                DefinitionId = job.DefinitionId,
                EndpointDomain = "endpoints.test",
            },
        };
        _runs.Add(run);
        Change();
        return (Json(run.Lease, WireJson.Answers.Lease), 0);
    }

    private (HttpResponseMessage? Answer, double Wait) Renew(string id, RenewalRequest renewal)
    {
        if (_runs.FirstOrDefault(run => run.Lease.Run.Value == id) is not { } run || run.IsLost || run.IsSettled || run.Lease.Fence != renewal.Fence)
        {
            return (Problem(HttpStatusCode.Conflict, ProblemTypes.LeaseLost), 0);
        }

        if (!run.IsAccepted)
        {
            run.IsAccepted = true;
            Change();
        }

        run.LeasedUntil = time.GetUtcNow() + LeaseLength;
        return run.Control > renewal.Control ? (Json(Renewal(run), WireJson.Answers.Renewal), 0) : (null, renewal.WaitSeconds);
    }

    private Renewal Renewal(ScriptedRun run) => new()
    {
        LeaseSeconds = LeaseLength.TotalSeconds,
        TimeoutSeconds = run.Job.TimeoutSeconds,
        Stop = run.Stop,
        Control = run.Control,
    };

    private HttpResponseMessage Report(string id, RunReport report)
    {
        if (_runs.FirstOrDefault(run => run.Lease.Run.Value == id) is not { IsLost: false } run || run.Lease.Fence != report.Fence)
        {
            _runs.Where(run => run.Lease.Run.Value == id).ToList().ForEach(run => run.LateReports++);
            Change();
            return Problem(HttpStatusCode.Conflict, ProblemTypes.LeaseLost);
        }

        if (!run.IsAccepted)
        {
            _violations.Add("A run was reported of before its lease was accepted.");
        }

        run.Reports++;
        foreach (var chunk in report.Logs)
        {
            Add(run, chunk);
        }

        foreach (var happened in report.Events)
        {
            Add(run, RunEventJson.Read(Encoding.UTF8.GetBytes(happened.GetRawText()))!);
        }

        Change();
        var receipt = new RunReceipt
        {
            LastEvent = run.LastEvent,
            LastLines = run.Lines.ToImmutableDictionary(pair => pair.Key, pair => (long)pair.Value.Count),
            IsSettled = run.IsSettled,
        };
        return Json(receipt, WireJson.Answers.RunReceipt);
    }

    private void Add(ScriptedRun run, RunEvent happened)
    {
        if (happened.Number <= run.LastEvent)
        {
            return;
        }

        if (happened.Number != run.LastEvent + 1)
        {
            _violations.Add($"Event {happened.Number} came after event {run.LastEvent}.");
        }

        if (happened is OperationEnded ended && run.Lines.GetValueOrDefault(ended.Operation.Value, []).Count < ended.LogLines)
        {
            _violations.Add($"{ended.Operation} ended with {ended.LogLines} lines, and not all of them are here.");
        }

        run.Events = run.Events.Add(happened);
        run.IsSettled |= happened is RunEnded;
    }

    private void Add(ScriptedRun run, LogChunk chunk)
    {
        using var unzip = new GZipStream(new MemoryStream(chunk.Data), CompressionMode.Decompress);
        using var unpacked = new MemoryStream();
        unzip.CopyTo(unpacked);
        var text = Encoding.UTF8.GetString(unpacked.ToArray());
        var lines = text.Split('\n')[..^1];
        if (unpacked.Length != chunk.Size || lines.Length != chunk.Last - chunk.First + 1 || !text.EndsWith('\n'))
        {
            _violations.Add($"A chunk of {chunk.Operation} says {chunk.Size} bytes and lines {chunk.First} to {chunk.Last} and has {unpacked.Length} and {lines.Length}.");
        }

        if (chunk.Size > LogChunk.UsualSize && lines.Length > 1)
        {
            _violations.Add($"A chunk of {chunk.Operation} with {lines.Length} lines has {chunk.Size} bytes.");
        }

        var known = run.Lines.GetValueOrDefault(chunk.Operation.Value, []);

        if (chunk.First > known.Count + 1)
        {
            _violations.Add($"Line {chunk.First} of {chunk.Operation} came after line {known.Count}.");
        }

        run.LargestChunk = Math.Max(run.LargestChunk, chunk.Size);
        run.Chunks++;
        run.Lines = run.Lines.SetItem(chunk.Operation.Value, known.AddRange(lines.Skip((int)(known.Count + 1 - chunk.First)).Select(line => line[29..])));
    }

    private void Control(JobId job, Action<ScriptedRun> change) => Locked(() =>
    {
        var run = _runs.Last(run => run.Job.Id == job);
        change(run);
        run.Control++;
        Change();
        return true;
    });

    private void Count(MarketCall call)
    {
        _calls.Add(call);
        Change();
    }

    private void Lapse()
    {
        foreach (var run in _runs.Where(run => run is { IsSettled: false, IsLost: false } && run.LeasedUntil <= time.GetUtcNow()).ToArray())
        {
            Lose(run);
        }
    }

    private void Lose(ScriptedRun run)
    {
        run.IsLost = true;
        _queue.AddFirst(run.Job);
        Change();
    }

    private void Change()
    {
        _changed.TrySetResult();
        _changed = NewSignal();
    }

    private void ThrowWhenAway()
    {
        if (_isAway)
        {
            _refused++;
            Change();
            throw new HttpRequestException("connection refused");
        }
    }

    private T Locked<T>(Func<T> act)
    {
        lock (_gate)
        {
            return act();
        }
    }

    private static T Read<T>(byte[] body, JsonTypeInfo<T> type) => JsonSerializer.Deserialize(body, type)!;

    private static HttpResponseMessage Json<T>(T body, JsonTypeInfo<T> type) => new(HttpStatusCode.OK) { Content = new ByteArrayContent(JsonSerializer.SerializeToUtf8Bytes(body, type)) };

    private static HttpResponseMessage Bytes(string text) => new(HttpStatusCode.OK) { Content = new ByteArrayContent(Encoding.UTF8.GetBytes(text)) };

    private static HttpResponseMessage Problem(HttpStatusCode status, string code) => new(status)
    {
        Content = new ByteArrayContent(JsonSerializer.SerializeToUtf8Bytes(
            new ServerProblem { Type = ProblemTypes.Prefix + code, Status = (int)status, Detail = $"The scripted market says {code}." }, WireJson.Answers.ServerProblem)),
    };
}

/// <summary>A job as it was posted.</summary>
public sealed class ScriptedJob(JobId id, string definition, DefinitionFormat format)
{
    public JobId Id => id;

    public string Definition => definition;

    public DefinitionFormat Format => format;

    /// <summary>What the market says the definition's content id is.</summary>
    public string DefinitionId { get; set; } = UnixFsHasher.IdOf(Encoding.UTF8.GetBytes(definition)).Value;

    public long TimeoutSeconds { get; set; }
}

/// <summary>An attempt, and what was heard of it.</summary>
public sealed class ScriptedRun(ScriptedJob job, string claim, DateTimeOffset leasedUntil)
{
    public required Lease Lease { get; init; }

    public ScriptedJob Job => job;

    public string Claim => claim;

    public DateTimeOffset LeasedUntil { get; set; } = leasedUntil;

    public bool IsAccepted { get; set; }

    /// <summary>Given up: the lease lapsed or was taken away.</summary>
    public bool IsLost { get; set; }

    public bool IsSettled { get; set; }

    public bool Stop { get; set; }

    public long Control { get; set; }

    public ImmutableList<RunEvent> Events { get; set; } = [];

    /// <summary>Of each operation the stream letter and the text of every line, in order.</summary>
    public ImmutableDictionary<string, ImmutableList<string>> Lines { get; set; } = ImmutableDictionary<string, ImmutableList<string>>.Empty;

    public int Reports { get; set; }

    /// <summary>Reports that came when the run was no longer the node's.</summary>
    public int LateReports { get; set; }

    public int Chunks { get; set; }

    public int LargestChunk { get; set; }

    public long LastEvent => Events.Count == 0 ? 0 : Events[^1].Number;

    public RunState State => RunState.Of(Events);
}
