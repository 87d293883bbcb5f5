using System.Runtime.InteropServices;

namespace Berth.Cli.Commands;

/// <summary>Ctrl-C and SIGTERM end a command in steps: each signal takes the next step, the last one again and again. Of several, the one made last has the signals until it is disposed.</summary>
internal sealed class StopOnSignals : IDisposable
{
    private static StopOnSignals? _last;
    private readonly StopOnSignals? _before;
    private readonly PosixSignalRegistration[] _registrations;
    private readonly Action[] _steps;
    private int _received;

    public StopOnSignals(params Action[] steps)
    {
        _steps = steps;
        (_before, _last) = (_last, this);
        _registrations =
        [
            PosixSignalRegistration.Create(PosixSignal.SIGINT, Receive),
            PosixSignalRegistration.Create(PosixSignal.SIGTERM, Receive),
            PosixSignalRegistration.Create(PosixSignal.SIGHUP, Receive),
        ];
    }

    /// <summary>The first signal that came, or null.</summary>
    public PosixSignal? Received { get; private set; }

    public void Dispose()
    {
        _last = _before;
        foreach (var registration in _registrations)
        {
            registration.Dispose();
        }
    }

    private void Receive(PosixSignalContext signal)
    {
        signal.Cancel = true;
        if (_last != this)
        {
            return;
        }

        Received ??= signal.Signal;
        _steps[Math.Min(Interlocked.Increment(ref _received), _steps.Length) - 1]();
    }
}
