using System.Text.Json.Nodes;

namespace Berth.EndToEndTests.Lab;

/// <summary>A job definition, written quickly: operations in a small image, each with a shell script and whatever else a test adds.</summary>
internal sealed class Definition
{
    public const string Busybox = "berth/busybox:1";

    private readonly JsonArray _operations = [];

    /// <summary>One operation, called <c>op</c>.</summary>
    public static Definition Of(string script, string? arguments = null, string? members = null) => new Definition().Then("op", script, arguments, members);

    /// <summary>Adds an operation; <paramref name="arguments"/> and <paramref name="members"/> are JSON objects laid over its <c>args</c> and itself.</summary>
    public Definition Then(string id, string script, string? arguments = null, string? members = null)
    {
        var args = new JsonObject { ["image"] = Busybox, ["cmd"] = script };
        var operation = new JsonObject { ["type"] = "container/run", ["id"] = id, ["args"] = args };
        Lay(arguments, args);
        Lay(members, operation);
        _operations.Add(operation);
        return this;
    }

    /// <summary>Adds an operation that creates a volume.</summary>
    public Definition Volume(string id, string name)
    {
        _operations.Add(new JsonObject { ["type"] = "container/create-volume", ["id"] = id, ["args"] = new JsonObject { ["name"] = name } });
        return this;
    }

    public override string ToString() => new JsonObject { ["version"] = "0.1", ["type"] = "container", ["ops"] = _operations.DeepClone() }.ToJsonString();

    private static void Lay(string? json, JsonObject over)
    {
        foreach (var (name, value) in json is null ? [] : JsonNode.Parse(json)!.AsObject())
        {
            over[name] = value?.DeepClone();
        }
    }
}
