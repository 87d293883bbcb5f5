using System.Diagnostics;
using Berth.Containers;
using Berth.Jobs.Results;
using Berth.Protocol;

namespace Berth.Cli;

/// <summary>What the process says to whoever started it.</summary>
internal enum ExitCode
{
    Success = 0,

    /// <summary>An operation failed, timed out, was killed for memory, or its image does not exist or is denied.</summary>
    JobFailed = 1,

    /// <summary>Wrong use, invalid definition, unsupported field, no GPU.</summary>
    WrongUse = 2,

    /// <summary>Stopped, or the job's time ran out.</summary>
    Stopped = 3,

    /// <summary>Engine, registry or network unreachable, disk full, lost.</summary>
    Unreachable = 4,

    Interrupted = 130,
    Terminated = 143,
}

/// <summary>Exit codes of runs and of what goes wrong around them.</summary>
internal static class ExitCodes
{
    public static ExitCode Of(RunState state) => state.Outcome switch
    {
        RunOutcome.Succeeded => ExitCode.Success,
        RunOutcome.Failed => Of(state.Operations.First(operation => operation.Outcome == OperationOutcome.Failed).End?.Error?.Fault),
        RunOutcome.Expired or RunOutcome.StoppedByClient => ExitCode.Stopped,
        RunOutcome.Lost => ExitCode.Unreachable,
        RunOutcome.Refused => ExitCode.WrongUse,
        _ => throw new UnreachableException($"The run has no outcome."),
    };

    /// <summary>The code of a job that ended on a market; the state of its last run tells failures apart.</summary>
    public static ExitCode Of(JobEnded end, RunState run) => end.Outcome switch
    {
        JobOutcome.Succeeded => ExitCode.Success,
        JobOutcome.Failed => run.Outcome == RunOutcome.Failed ? Of(run) : ExitCode.JobFailed,
        JobOutcome.Expired or JobOutcome.StoppedByClient => ExitCode.Stopped,
        JobOutcome.Lost => ExitCode.Unreachable,
        JobOutcome.Refused => ExitCode.WrongUse,
        _ => throw new UnreachableException($"No exit code for {end.Outcome}."),
    };

    public static ExitCode Of(EngineFault fault) => fault switch
    {
        EngineFault.Unreachable or EngineFault.RegistryUnavailable or EngineFault.DiskFull => ExitCode.Unreachable,
        EngineFault.GpuUnavailable => ExitCode.WrongUse,
        _ => ExitCode.JobFailed,
    };

    private static ExitCode Of(OperationFault? fault) => fault switch
    {
        OperationFault.RegistryUnavailable or OperationFault.ResourceUnavailable or OperationFault.DiskFull or OperationFault.EngineUnreachable => ExitCode.Unreachable,
        OperationFault.GpuUnavailable => ExitCode.WrongUse,
        _ => ExitCode.JobFailed,
    };
}
