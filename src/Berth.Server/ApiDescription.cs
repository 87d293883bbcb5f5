using Berth.Jobs;
using Berth.Protocol;
using Berth.Protocol.Identity;
using Microsoft.OpenApi;

namespace Berth.Server;

/// <summary>The OpenAPI document at <c>/openapi/v1.json</c>: the routes describe themselves, here is what they cannot say.</summary>
internal static class ApiDescription
{
    private const string About = """
        Jobs, markets, nodes, runs and accounts. Requests are signed by HTTP Message Signatures (RFC 9421): label `berth`, `alg="ed25519"`, `keyid` the address, over
        `@method`, `@authority`, `@path`, `@query` and, with a body, `content-digest` (RFC 9530), with `created`, `expires` and a `nonce` that is used once. What anybody may know needs no
        signature. Errors are problem details (RFC 9457); `type` is `urn:berth:problem:` and a code that programs may rely on. Lists are paged by a cursor.
        """;

    /// <summary>What our own types are on the wire.</summary>
    private static readonly Dictionary<Type, (JsonSchemaType Type, string? Format, string Description)> Values = new()
    {
        [typeof(Address)] = (JsonSchemaType.String, null, "An address: base58 of an ed25519 public key of 32 bytes."),
        [typeof(JobId)] = (JsonSchemaType.String, null, "A job's id: base58 of 32 bytes."),
        [typeof(RunId)] = (JsonSchemaType.String, null, "A run's id: base58 of 32 bytes."),
        [typeof(OperationId)] = (JsonSchemaType.String, null, "An operation's id, as its definition has it."),
        [typeof(Nos)] = (JsonSchemaType.Integer, "int64", "Micro-NOS: millionths of one NOS."),
    };

    public static void AddApiDescription(this IServiceCollection services) => services.AddOpenApi(options =>
    {
        options.AddDocumentTransformer((document, _, _) =>
        {
            document.Info = new OpenApiInfo { Title = "Berth", Version = "v1", Description = About };
            document.Servers = [];
            return Task.CompletedTask;
        });
        options.AddSchemaTransformer((schema, context, _) =>
        {
            if (Values.TryGetValue(Nullable.GetUnderlyingType(context.JsonTypeInfo.Type) ?? context.JsonTypeInfo.Type, out var value))
            {
                (schema.Type, schema.Format, schema.Description) = value;
            }

            return Task.CompletedTask;
        });
    });
}
