using System.Text.Json.Serialization;

namespace Berth.Containers.Docker;

/// <summary>The few messages of the engine's API that are read and written without the library.</summary>
[JsonSourceGenerationOptions(DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(NetworkRequest))]
[JsonSerializable(typeof(RegistryAuth))]
[JsonSerializable(typeof(PullMessage))]
[JsonSerializable(typeof(PodmanNetwork))]
internal sealed partial class EngineJson : JsonSerializerContext;

/// <summary>A network to make. The library lacks <c>CheckDuplicate</c>, without which engines before API 1.44 make a second one of the same name.</summary>
internal sealed record NetworkRequest(
    string Name, bool CheckDuplicate, string Driver, bool EnableIPv6, IReadOnlyDictionary<string, string> Options, IReadOnlyDictionary<string, string> Labels);

/// <summary>The login that goes along with a pull.</summary>
internal sealed record RegistryAuth(
    [property: JsonPropertyName("username")] string? Username,
    [property: JsonPropertyName("password")] string? Password,
    [property: JsonPropertyName("email")] string? Email,
    [property: JsonPropertyName("serveraddress")] string? Server);

/// <summary>One message of a pull's stream.</summary>
internal sealed record PullMessage(
    [property: JsonPropertyName("id")] string? Id,
    [property: JsonPropertyName("status")] string? Status,
    [property: JsonPropertyName("error")] string? Error,
    [property: JsonPropertyName("progressDetail")] PullDetail? Detail);

/// <summary>How far a layer is.</summary>
internal sealed record PullDetail([property: JsonPropertyName("current")] long? Current, [property: JsonPropertyName("total")] long? Total);

/// <summary>What only Podman's own API says of a network.</summary>
internal sealed record PodmanNetwork([property: JsonPropertyName("network_interface")] string? BridgeName);
