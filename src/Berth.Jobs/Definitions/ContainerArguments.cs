using System.Collections.Immutable;

namespace Berth.Jobs.Definitions;

/// <summary>The arguments of <c>container/run</c> (job-language.md 1.6), globals merged in.</summary>
public sealed record ContainerArguments
{
    public required string Image { get; init; }

    public CommandForm Command { get; init; } = CommandForm.ImageDefault;

    /// <summary>Exec form; null keeps the image's. A text in the document is one element, never split.</summary>
    public ImmutableArray<string>? Entrypoint { get; init; }

    /// <summary>In the order of the document, globals first; <c>NOSANA_ID</c> is the executor's to add.</summary>
    public ImmutableArray<KeyValuePair<string, string>> Env { get; init; } = [];

    public string? WorkDir { get; init; }

    public bool Gpu { get; init; }

    public ImmutableArray<VolumeMount> Volumes { get; init; } = [];

    public ImmutableArray<Exposure> Exposures { get; init; } = [];

    /// <summary>Endpoint ids are random instead of derivable.</summary>
    public bool Private { get; init; }

    public ImmutableArray<string> Aliases { get; init; } = [];

    public ImmutableArray<Resource> Resources { get; init; } = [];

    public RegistryLogin? Login { get; init; }

    public RestartPolicy Restart { get; init; } = RestartPolicy.Never;

    /// <summary>Folder in the container whose content is copied out after the operation.</summary>
    public string? Output { get; init; }

    /// <summary>Decides fit only, GB.</summary>
    public double? RequiredVram { get; init; }

    public string? TrustedExecution { get; init; }
}

/// <summary>The <c>cmd</c> as it was written; <c>CommandLine</c> makes the argument vector of it (job-language.md 2).</summary>
public abstract record CommandForm
{
    private protected CommandForm()
    {
    }

    /// <summary>No <c>cmd</c>, or an empty list: the image's own.</summary>
    public static CommandForm ImageDefault { get; } = new CommandList([]);
}

/// <summary>A text: a script for the shell.</summary>
public sealed record CommandText(string Script) : CommandForm;

/// <summary>A list of either generation.</summary>
public sealed record CommandList(ImmutableArray<string> Elements) : CommandForm;

/// <summary>A volume of the run at a place in the container.</summary>
public sealed record VolumeMount(string Name, string Destination);

/// <summary>The login for the operation's image; never stored and never logged.</summary>
public sealed record RegistryLogin(string? Username, string? Password, string? Email, string? Server)
{
    public override string ToString() => $"RegistryLogin {{ Server = {Server}, Username = {Username}, Password = ••• }}";
}

/// <summary>When the container is started again after it ended (job-language.md 1.6, 3.8).</summary>
public sealed record RestartPolicy(RestartWhen When, int? Tries = null)
{
    public static RestartPolicy Never { get; } = new(RestartWhen.Never);
}

/// <summary>The occasions of <see cref="RestartPolicy"/>.</summary>
public enum RestartWhen
{
    Never,
    OnFailure,
    UnlessStopped,
    Always,
}

/// <summary>One exposed port or range of ports (job-language.md 1.8).</summary>
public sealed record Exposure
{
    /// <summary>First and, for a range, last port; equal for a single port.</summary>
    public required int FirstPort { get; init; }

    public required int LastPort { get; init; }

    /// <summary>As the document says it, range text included: part of the endpoint id.</summary>
    public string Port => FirstPort == LastPort ? $"{FirstPort}" : $"{FirstPort}-{LastPort}";

    /// <summary>web, api, webapi, websocket or none; told to viewers, acted on by nobody.</summary>
    public string Type { get; init; } = "none";

    public ImmutableArray<HealthCheck> HealthChecks { get; init; } = [];
}

/// <summary>A question asked of the service behind a port (job-language.md 1.8, 3.9).</summary>
public abstract record HealthCheck
{
    private protected HealthCheck()
    {
    }

    /// <summary>Whether it goes on being asked after the first success.</summary>
    public bool Continuous { get; init; }

    public bool RestartOnFailure { get; init; }

    public int? MaxRestarts { get; init; }
}

/// <summary>Healthy when the answer has the status; redirects are not followed.</summary>
public sealed record HttpHealthCheck : HealthCheck
{
    public required string Path { get; init; }

    public required string Method { get; init; }

    public required int ExpectedStatus { get; init; }

    public ImmutableArray<KeyValuePair<string, string>> Headers { get; init; } = [];

    /// <summary>Sent as is; JSON text when the document gave a value.</summary>
    public string? Body { get; init; }
}

/// <summary>Healthy when a message with the text arrives after the handshake.</summary>
public sealed record WebSocketHealthCheck : HealthCheck
{
    public required string ExpectedResponse { get; init; }
}

/// <summary>Data fetched before an operation starts (job-language.md 1.14).</summary>
public sealed record Resource
{
    /// <summary>S3, HF, IPFS, Ollama, HTTP, Git.</summary>
    public required string Type { get; init; }

    /// <summary>Folder in the container.</summary>
    public string? Target { get; init; }

    public string? Url { get; init; }

    public string? Bucket { get; init; }

    public ImmutableArray<ResourceBucket> Buckets { get; init; } = [];

    public ImmutableArray<string> Files { get; init; } = [];

    public string? Repo { get; init; }

    public string? Revision { get; init; }

    public string? AccessToken { get; init; }

    public string? Model { get; init; }

    /// <summary>What an HTTP file is called in the target; null is the last part of its address.</summary>
    public string? FileName { get; init; }

    /// <summary>Digest an HTTP file must have, lower-case hexadecimal.</summary>
    public string? Sha256 { get; init; }

    /// <summary>Bytes an HTTP file must have.</summary>
    public long? Size { get; init; }

    public bool AllowWrite { get; init; }

    public S3Credentials? Credentials { get; init; }

    public override string ToString() => $"Resource {{ Type = {Type}, Target = {Target} }}";
}

/// <summary>One of the buckets of an S3 resource.</summary>
public sealed record ResourceBucket(string Url, ImmutableArray<string> Files);

/// <summary>The <c>IAM</c> member of an S3 resource; never logged.</summary>
public sealed record S3Credentials(string? Region, string AccessKeyId, string SecretAccessKey)
{
    public override string ToString() => "S3Credentials { ••• }";
}
