using System.Runtime.InteropServices;
using Berth.Jobs.Results;
using Berth.Node.Runs;

namespace Berth.Cli.Commands;

/// <summary>Ctrl-C and SIGTERM stop the run gracefully; the same again leaves no grace.</summary>
internal sealed class StopOnSignals : IDisposable
{
    private readonly PosixSignalRegistration[] _registrations;
    private readonly StopSignal _stop;

    public StopOnSignals(StopSignal stop)
    {
        _stop = stop;
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
        if (Received is null)
        {
            Received = signal.Signal;
            _stop.Request(StopReason.StoppedByClient);
        }
        else
        {
            _stop.Hurry();
        }
    }
}
