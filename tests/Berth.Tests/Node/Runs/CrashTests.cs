using System.Collections.Immutable;
using System.Text.Json;
using Berth.Jobs.Results;
using Berth.Testing.Resources;
using Berth.Testing.Runs;
using CsCheck;
using Xunit;
using static Berth.Testing.Runs.TestRun;

namespace Berth.Tests.Node.Runs;

/// <summary>A process may die at any moment of a run; who executes it again with the same folder ends it as if nothing had happened.</summary>
public sealed class CrashTests : IAsyncDisposable
{
    private const string Model = "weights of a small model";
    private readonly FileServer _server = new();

    public CrashTests()
    {
        _server.Serve("/model.bin", Model);
        _server.Serve("/large.bin", new ServedFile(200_000, (_, bytes) => bytes.Fill((byte)'x')));
    }

    private string[] Job =>
    [
        Volume("store", "store", """ "execution": { "group": "one" } """),
        Op("many", "fake/lines-1200", """ "volumes": [{ "name": "store", "dest": "/store" }] """,
            """ "execution": { "group": "one", "depends_on": ["store"] }, "results": { "tens": "^line (\\d+00)\n" } """),
        Op("stubborn", "fake/fails-2-times", """ "restart_policy": { "policy": "on-failure", "restart_tries": 3 } """,
            """ "execution": { "group": "one" }, "results": { "starts": "start" } """),
        Op("both", "fake/both-streams", more: """ "execution": { "group": "one", "depends_on": ["many"] }, "results": { "all": { "regex": "^.*", "logType": ["stdout", "stderr"] } } """),
        Op("writer", "fake/writes-output", """ "output": "/output", "volumes": [{ "name": "scratch", "dest": "/scratch" }] """),
        Op("model", "fake/reads-files", $$""" "resources": [{{Http("/model.bin", "/models")}}, {{Http("/large.bin", "/large")}}] """),
        Op("ticker", "fake/ticks-2", """ "cmd": ["%%ops.stubborn.results.starts%%"] """),
    ];

    private string Http(string path, string target) => $$"""{ "type": "HTTP", "url": "{{new Uri(_server.Address, path)}}", "target": "{{target}}" }""";

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    [Fact]
    public async Task A_run_whose_process_dies_at_any_event_ends_as_if_it_had_not()
    {
        var smooth = await SmoothAsync();
        var points =
            from events in Enumerable.Range(1, smooth.Events)
            from before in new[] { true, false }
            select new CrashPoint(events, before);
        await Parallel.ForEachAsync(points, new ParallelOptions { MaxDegreeOfParallelism = 8 }, async (point, _) => await SurvivesAsync(smooth, [point]));
    }

    [Fact]
    [Trait("Category", "Long")]
    public async Task A_run_whose_process_dies_again_and_again_ends_as_if_it_had_not()
    {
        var smooth = await SmoothAsync();
        var point = Gen.Select(Gen.Int[1, 20], Gen.Bool, (events, before) => new CrashPoint(events, before));
        await point.Array[2, 6].SampleAsync(points => SurvivesAsync(smooth, points), iter: 300, threads: 1);
    }

    private async Task<Ended> SmoothAsync()
    {
        using var run = Of(new Wishes { Hurries = TimeSpan.FromSeconds(5) }, Job);
        await run.ExecuteAsync();
        var ended = new Ended(run);
        Assert.Equal(RunOutcome.Succeeded, run.State.Outcome);
        Assert.Equal(1200, ended.Logs["many"].Length);
        Assert.Equal("forty-two", ended.Output);
        Assert.Contains($"stdout /models/model.bin: {Model}", ended.Logs["model"]);
        return ended;
    }

    private async Task SurvivesAsync(Ended smooth, CrashPoint[] points)
    {
        using var first = Of(new Wishes { Hurries = TimeSpan.FromSeconds(5), Crash = points[0] }, Job);
        var run = first;
        await run.ExecuteAsync();
        foreach (var next in points.Skip(1).Append(null))
        {
            if (run.HasDied)
            {
                run = run.Successor(next);
                await run.ExecuteAsync();
            }
        }

        var at = string.Join(", ", points.Select(point => $"{(point.Before ? "before" : "after")} event {point.Events}"));
        var ended = new Ended(run);
        Assert.True(ended.Outcome == RunOutcome.Succeeded, $"{at}: {ended.Outcome}, {ended.Message}");
        Assert.True(ended.Left.IsEmpty, $"{at}: left {string.Join(", ", ended.Left)}");
        Assert.True(smooth.Starts.SequenceEqual(ended.Starts), $"{at}: started {string.Join(", ", ended.Starts)}");
        Assert.True(smooth.Created == ended.Created, $"{at}: created {ended.Created} containers");
        Assert.True(smooth.Results == ended.Results, $"{at}: results {ended.Results}");
        Assert.True(smooth.Output == ended.Output, $"{at}: output {ended.Output}");
        foreach (var (operation, lines) in smooth.Logs)
        {
            Assert.True(lines.SequenceEqual(ended.Logs[operation]), $"{at}: log of {operation} has {ended.Logs[operation].Length} lines: {string.Join(" | ", ended.Logs[operation].Take(5))}");
        }
    }

    /// <summary>What must be the same however often the process died.</summary>
    private sealed class Ended(TestRun run)
    {
        public int Events { get; } = run.Events.Length;

        public RunOutcome? Outcome { get; } = FromDisk(run).Outcome;

        public string? Message { get; } = FromDisk(run).Message;

        public ImmutableArray<string> Left { get; } = run.Engine.Left;

        public int Created { get; } = run.Engine.Created.Length;

        public ImmutableArray<string> Starts { get; } = [.. run.Engine.Started.Select(name => name[^1..]).Order(StringComparer.Ordinal)];

        public string Results { get; } = JsonSerializer.Serialize(
            FromDisk(run).Operations.Select(operation => new
            {
                operation.Id.Value,
                operation.Outcome,
                operation.End?.ExitCode,
                operation.End?.LogLines,
                operation.Restart,
                Results = operation.End?.Results.OrderBy(result => result.Key, StringComparer.Ordinal).ToArray(),
            }));

        public string? Output { get; } = Path.Combine(run.Request.OutputDirectory, "writer", "result.txt") is var file && File.Exists(file) ? File.ReadAllText(file) : null;

        public ImmutableDictionary<string, ImmutableArray<string>> Logs { get; } =
            run.Request.Definition.Operations.ToImmutableDictionary(operation => operation.Id.Value, operation => run.Log(operation.Id.Value));

        private static RunState FromDisk(TestRun run) => RunState.Of(Berth.Node.Runs.RunJournal.Read(run.Folder.Journal));
    }
}
