using System.Runtime.InteropServices;

namespace Berth.Cli.Commands;

/// <summary>Ctrl-C and SIGTERM end a command in steps: each signal takes the next step, the last one again and again.</summary>
internal sealed class StopOnSignals : IDisposable
{
    private readonly PosixSignalRegistration[] _registrations;
    private readonly Action[] _steps;
    private int _received;

    public StopOnSignals(params Action[] steps)
    {
        _steps = steps;
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
        foreach (var registration in _registrations)
        {
            registration.Dispose();
        }
    }

    private void Receive(PosixSignalContext signal)
    {
        signal.Cancel = true;
        Received ??= signal.Signal;
        _steps[Math.Min(Interlocked.Increment(ref _received), _steps.Length) - 1]();
    }
}
