namespace Berth.Containers;

/// <summary>What kind of thing went wrong at the engine; decides retry and exit code.</summary>
public enum EngineFault
{
    /// <summary>Nobody answers at the socket, or the answer broke off.</summary>
    Unreachable,

    /// <summary>The registry has no such image or tag.</summary>
    ImageNotFound,

    /// <summary>The registry refuses the login, or wants one.</summary>
    ImageDenied,

    /// <summary>The registry cannot be reached or fails; trying again may help.</summary>
    RegistryUnavailable,

    /// <summary>The disk of the engine is full.</summary>
    DiskFull,

    /// <summary>The machine cannot give the GPUs asked for.</summary>
    GpuUnavailable,

    /// <summary>The container was made but its program cannot be started: no such executable, wrong architecture.</summary>
    CannotStart,

    /// <summary>The engine refuses the request itself.</summary>
    Refused,

    /// <summary>No container, network or volume of that name.</summary>
    NotFound,

    /// <summary>Anything else the engine says.</summary>
    Failed,
}

/// <summary>The engine could not do what was asked. The message is a sentence: what was attempted on what, and why it failed.</summary>
public sealed class EngineException(EngineFault fault, string message, Exception? inner = null) : Exception(message, inner)
{
    public EngineFault Fault { get; } = fault;

    /// <summary>The engine's own status code, or null when there was no answer.</summary>
    public int? StatusCode { get; init; }
}
