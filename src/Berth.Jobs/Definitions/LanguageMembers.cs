using System.Collections.Frozen;
using System.Collections.Immutable;

namespace Berth.Jobs.Definitions;

/// <summary>The names that each object of a definition may have. The reader refuses every other; the published schema lists the same.</summary>
public static class LanguageMembers
{
    public static ImmutableArray<string> Definition { get; } =
        ["$schema", "version", "type", "meta", "global", "ops", "logistics", "deployment_id", "ssh"];

    public static ImmutableArray<string> Global { get; } = ["image", "gpu", "entrypoint", "work_dir", "env", "variables"];

    public static ImmutableArray<string> Operation { get; } = ["type", "id", "args", "results", "execution"];

    public static ImmutableArray<string> ContainerArguments { get; } =
    [
        "image", "cmd", "entrypoint", "env", "work_dir", "gpu", "volumes", "expose", "private", "aliases", "resources",
        "authentication", "restart_policy", "output", "required_vram", "trusted_execution_env",
    ];

    public static ImmutableArray<string> VolumeArguments { get; } = ["name"];

    public static ImmutableArray<string> VolumeMount { get; } = ["name", "dest"];

    public static ImmutableArray<string> Exposure { get; } = ["port", "type", "health_checks"];

    public static ImmutableArray<string> HttpHealthCheck { get; } =
    [
        "type", "path", "method", "expected_status", "headers", "body", "continuous", "restart_on_failure", "max_restarts",
    ];

    public static ImmutableArray<string> WebSocketHealthCheck { get; } =
        ["type", "expected_response", "continuous", "restart_on_failure", "max_restarts"];

    public static ImmutableArray<string> Execution { get; } = ["group", "depends_on", "stop_if_dependent_stops", "timeout"];

    public static ImmutableArray<string> ResultPattern { get; } = ["regex", "logType"];

    public static ImmutableArray<string> S3Resource { get; } =
        ["type", "target", "url", "bucket", "buckets", "files", "allowWrite", "IAM"];

    public static ImmutableArray<string> HuggingFaceResource { get; } =
        ["type", "target", "repo", "url", "revision", "files", "accessToken"];

    public static ImmutableArray<string> OllamaResource { get; } = ["type", "model", "target"];

    public static ImmutableArray<string> IpfsResource { get; } = ["type", "url", "target"];

    public static ImmutableArray<string> HttpResource { get; } = ["type", "url", "target", "name", "sha256", "size"];

    public static ImmutableArray<string> GitResource { get; } = ["type", "url", "target", "revision", "accessToken"];

    public static ImmutableArray<string> ResourceBucket { get; } = ["url", "files"];

    public static ImmutableArray<string> S3Credentials { get; } = ["REGION", "ACCESS_KEY_ID", "SECRET_ACCESS_KEY"];

    public static ImmutableArray<string> Authentication { get; } = ["docker"];

    public static ImmutableArray<string> RegistryLogin { get; } = ["username", "password", "email", "server"];

    public static ImmutableArray<string> RestartPolicy { get; } = ["policy", "restart_tries"];

    public static ImmutableArray<string> Logistics { get; } = ["send", "receive"];

    public static ImmutableArray<string> LogisticsLeg { get; } = ["type", "args"];

    public static ImmutableArray<string> LogisticsArguments { get; } = ["endpoint"];

    public static ImmutableArray<string> Ssh { get; } = ["public_keys"];

    public static ImmutableArray<string> SecretReference { get; } = [Definitions.SecretReference.Member];

    public static ImmutableArray<string> SpreadMarker { get; } = [Marker.Spread, Marker.Chunked];

    /// <summary>All of the above by the name the schema gives the object.</summary>
    public static FrozenDictionary<string, ImmutableArray<string>> All { get; } = new Dictionary<string, ImmutableArray<string>>
    {
        ["definition"] = Definition,
        ["global"] = Global,
        ["operation"] = Operation,
        ["containerArguments"] = ContainerArguments,
        ["volumeArguments"] = VolumeArguments,
        ["volumeMount"] = VolumeMount,
        ["exposure"] = Exposure,
        ["httpHealthCheck"] = HttpHealthCheck,
        ["webSocketHealthCheck"] = WebSocketHealthCheck,
        ["execution"] = Execution,
        ["resultPattern"] = ResultPattern,
        ["s3Resource"] = S3Resource,
        ["huggingFaceResource"] = HuggingFaceResource,
        ["ollamaResource"] = OllamaResource,
        ["ipfsResource"] = IpfsResource,
        ["httpResource"] = HttpResource,
        ["gitResource"] = GitResource,
        ["resourceBucket"] = ResourceBucket,
        ["s3Credentials"] = S3Credentials,
        ["authentication"] = Authentication,
        ["registryLogin"] = RegistryLogin,
        ["restartPolicy"] = RestartPolicy,
        ["logistics"] = Logistics,
        ["logisticsLeg"] = LogisticsLeg,
        ["logisticsArguments"] = LogisticsArguments,
        ["ssh"] = Ssh,
        ["secretReference"] = SecretReference,
        ["spreadMarker"] = SpreadMarker,
    }.ToFrozenDictionary();
}
