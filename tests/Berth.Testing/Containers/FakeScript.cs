using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using Berth.Containers;
using Berth.Jobs.Definitions;

namespace Berth.Testing.Containers;

/// <summary>
/// What a container of a <c>fake/…</c> image does, told by the image's name:
/// <c>exit-N</c>, <c>echo</c> (its command line), <c>env</c>, <c>lines-N</c>, <c>both-streams</c>, <c>long-line-N</c>, <c>prints-then-sleeps</c>,
/// <c>prints-when-stopped</c>, <c>ignores-stop</c>, <c>sleeps-N</c> and <c>ticks-N</c> (seconds), <c>oom</c>, <c>fails-N-times</c>, <c>writes-output</c>,
/// <c>reads-files</c> (what is mounted in it), <c>cannot-start</c>, <c>no-gpu</c>.
/// </summary>
internal sealed record FakeScript
{
    public ImmutableArray<FakeStep> Steps { get; init; } = [new FakeExit(0)];

    /// <summary>Done at SIGTERM; null ignores it.</summary>
    public ImmutableArray<FakeStep>? OnStop { get; init; } = [new FakeExit(143)];

    public EngineFault? StartFault { get; init; }

    /// <summary>Null when there is no such image.</summary>
    public static FakeScript? Of(string image, ContainerSpec? spec = null, int startsBefore = 0, IEnumerable<KeyValuePair<string, byte[]>>? files = null)
    {
        var name = NameOf(image);
        var number = Number(name);
        return Kind(name) switch
        {
            "exit-N" => Does(new FakeExit(number)),
            "echo" => Does(new FakePrint(LogStream.Stdout, string.Join(' ', [.. spec?.Entrypoint ?? [], .. spec?.Command ?? []])), new FakeExit(0)),
            "env" => Does([.. (spec?.Env ?? []).Select(pair => new FakePrint(LogStream.Stdout, $"{pair.Key}={pair.Value}")), new FakeExit(0)]),
            "lines-N" => Does([.. Enumerable.Range(1, number).Select(line => new FakePrint(LogStream.Stdout, $"line {line}")), new FakeExit(0)]),
            "both-streams" => Does(new FakePrint(LogStream.Stdout, "out"), new FakePrint(LogStream.Stderr, "err"), new FakeExit(0)),
            "long-line-N" => Does(new FakePrint(LogStream.Stdout, new string('x', number)), new FakePrint(LogStream.Stdout, "end"), new FakeExit(0)),
            "prints-then-sleeps" => Does(new FakePrint(LogStream.Stdout, "ready")),
            "prints-when-stopped" => Does(new FakePrint(LogStream.Stdout, "first")) with
            {
                OnStop = [new FakePrint(LogStream.Stdout, "second"), new FakeExit(0)],
            },
            "ignores-stop" => Does(new FakePrint(LogStream.Stdout, "ready")) with { OnStop = null },
            "sleeps-N" => Does(new FakeSleep(TimeSpan.FromSeconds(number)), new FakeExit(0)),
            "ticks-N" => Does([.. Enumerable.Range(1, number).SelectMany(Tick), new FakeExit(0)]),
            "oom" => Does(new FakeExit(137, OutOfMemory: true)),
            "fails-N-times" => Does(new FakePrint(LogStream.Stdout, $"start {startsBefore + 1}"), new FakeExit(startsBefore < number ? 1 : 0)),
            "writes-output" => Does(new FakeWrite("/output/result.txt", "forty-two"), new FakeExit(0)),
            "reads-files" => Does([.. (files ?? []).OrderBy(file => file.Key, StringComparer.Ordinal).Select(file => new FakePrint(LogStream.Stdout, $"{file.Key}: {Encoding.UTF8.GetString(file.Value)}")), new FakeExit(0)]),
            "cannot-start" => new() { StartFault = EngineFault.CannotStart },
            "no-gpu" => new() { StartFault = EngineFault.GpuUnavailable },
            _ => null,
        };
    }

    /// <summary>The image's name without <c>fake/</c> and tag.</summary>
    public static string NameOf(string image)
    {
        var name = image.StartsWith("fake/", StringComparison.Ordinal) ? image["fake/".Length..] : "";
        return name.Split(':', '@')[0];
    }

    private static FakeScript Does(params ImmutableArray<FakeStep> steps) => new() { Steps = steps };

    private static FakeStep[] Tick(int number) => [new FakeSleep(TimeSpan.FromSeconds(1)), new FakePrint(LogStream.Stdout, $"tick {number}")];

    private static string Kind(string name) =>
        string.Join('-', name.Split('-').Select(word => int.TryParse(word, NumberStyles.None, CultureInfo.InvariantCulture, out _) ? "N" : word));

    private static int Number(string name) =>
        name.Split('-').Select(word => int.TryParse(word, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : 0).FirstOrDefault(number => number > 0);
}

/// <summary>One thing a scripted container does.</summary>
internal abstract record FakeStep;

/// <summary>Writes a line.</summary>
internal sealed record FakePrint(LogStream Stream, string Text) : FakeStep;

/// <summary>Does nothing for a while.</summary>
internal sealed record FakeSleep(TimeSpan Length) : FakeStep;

/// <summary>Leaves a file.</summary>
internal sealed record FakeWrite(string Path, string Text) : FakeStep;

/// <summary>Ends; a script without it runs until it is stopped.</summary>
internal sealed record FakeExit(int Code, bool OutOfMemory = false) : FakeStep;
