using System.Collections.Immutable;
using System.Net;
using System.Text;
using Berth.Containers;
using Berth.Jobs.Definitions;

namespace Berth.Testing.Containers;

/// <summary>A scripted container. It acts on its own clock, whether anybody looks or not.</summary>
internal sealed class FakeContainer(ContainerSpec spec, string id, TimeProvider time)
{
    private readonly Lock _gate = new();
    private readonly List<FakeLine> _log = [];
    private readonly Dictionary<string, byte[]> _files = [];
    private TaskCompletionSource _changed = NewSignal();
    private FakeScript _script = new();
    private ITimer? _alarm;
    private int _step;

    public ContainerSpec Spec => spec;

    public DateTimeOffset CreatedAt { get; } = time.GetUtcNow();

    public ContainerStatus Status { get; private set; } = new() { Id = id, State = "created", Labels = spec.Labels };

    /// <summary>Completes at the next thing that happens to it.</summary>
    public Task Changed
    {
        get
        {
            lock (_gate)
            {
                return _changed.Task;
            }
        }
    }

    public void Start(FakeScript script, IPAddress? address, ImmutableDictionary<int, int> ports)
    {
        lock (_gate)
        {
            _script = script;
            _step = 0;
            Status = Status with
            {
                State = "running",
                StartedAt = time.GetUtcNow(),
                FinishedAt = null,
                ExitCode = 0,
                Address = address,
                PublishedPorts = ports,
            };
            Act(script.Steps);
        }
    }

    /// <summary>False when the container does not heed it.</summary>
    public bool Stop()
    {
        lock (_gate)
        {
            if (!Status.IsRunning)
            {
                return true;
            }

            if (_script.OnStop is not { } steps)
            {
                return false;
            }

            _alarm?.Dispose();
            _step = 0;
            Act(steps);
            return true;
        }
    }

    public void Kill()
    {
        lock (_gate)
        {
            if (Status.IsRunning)
            {
                Exit(new(137));
                Announce();
            }
        }
    }

    public void Disconnect()
    {
        lock (_gate)
        {
            Status = Status with { Address = null };
        }
    }

    /// <summary>Wakes those who wait, so that they see what became of the engine.</summary>
    public void Announce()
    {
        lock (_gate)
        {
            _changed.TrySetResult();
            _changed = NewSignal();
        }
    }

    public void Write(string path, ReadOnlySpan<byte> content)
    {
        lock (_gate)
        {
            _files[path] = content.ToArray();
        }
    }

    public ImmutableArray<KeyValuePair<string, byte[]>> FilesUnder(string path)
    {
        lock (_gate)
        {
            return [.. _files.Where(file => file.Key == path || file.Key.StartsWith(path.TrimEnd('/') + "/", StringComparison.Ordinal))];
        }
    }

    public ImmutableArray<FakeLine> LinesFrom(int first, int atMost)
    {
        lock (_gate)
        {
            return [.. _log.Skip(first).Take(atMost)];
        }
    }

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private void Act(ImmutableArray<FakeStep> steps)
    {
        while (_step < steps.Length && Status.IsRunning)
        {
            switch (steps[_step++])
            {
                case FakePrint print:
                    _log.Add(new(print.Stream, time.GetUtcNow(), Encoding.UTF8.GetBytes(print.Text)));
                    break;
                case FakeWrite write:
                    Write(write.Path, Encoding.UTF8.GetBytes(write.Text));
                    break;
                case FakeExit exit:
                    Exit(exit);
                    break;
                case FakeSleep sleep:
                    _alarm = time.CreateTimer(_ => GoOn(steps), null, sleep.Length, Timeout.InfiniteTimeSpan);
                    Announce();
                    return;
                default:
                    throw new System.Diagnostics.UnreachableException("A step of a script that no container knows.");
            }
        }

        Announce();
    }

    private void GoOn(ImmutableArray<FakeStep> steps)
    {
        lock (_gate)
        {
            if (Status.IsRunning)
            {
                Act(steps);
            }
        }
    }

    private void Exit(FakeExit exit)
    {
        _alarm?.Dispose();
        Status = Status with
        {
            State = "exited",
            ExitCode = exit.Code,
            OutOfMemory = exit.OutOfMemory,
            FinishedAt = time.GetUtcNow(),
            Address = null,
            PublishedPorts = ImmutableDictionary<int, int>.Empty,
        };
    }
}

/// <summary>A line a scripted container wrote.</summary>
internal sealed record FakeLine(LogStream Stream, DateTimeOffset At, byte[] Text);
