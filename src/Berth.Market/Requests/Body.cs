using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Microsoft.AspNetCore.Http;

namespace Berth.Market.Requests;

/// <summary>The body of a request, the bytes whose digest was signed.</summary>
public sealed record Body(ReadOnlyMemory<byte> Bytes)
{
    public static ValueTask<Body?> BindAsync(HttpContext context) => ValueTask.FromResult<Body?>(context.Features.Get<Body>() ?? new Body(ReadOnlyMemory<byte>.Empty));

    /// <summary>The body as what the route takes.</summary>
    /// <exception cref="RefusedException">It is something else; the sentence says where.</exception>
    public T As<T>(JsonTypeInfo<T> type)
    {
        try
        {
            return JsonSerializer.Deserialize(Bytes.Span, type) ?? throw RefusedException.Bad("The body is null.");
        }
        catch (JsonException wrong)
        {
            var where = wrong.Path is { } path && !wrong.Message.Contains(path, StringComparison.Ordinal) ? $" At {path}." : "";
            throw RefusedException.Bad($"The body is not what this route takes: {wrong.Message}{where}");
        }
        catch (Exception wrong) when (wrong is NotSupportedException or FormatException or InvalidOperationException)
        {
            throw RefusedException.Bad($"The body is not what this route takes: {wrong.Message}");
        }
    }
}

/// <summary>The largest body a route takes, bytes.</summary>
public sealed record BodyLimit(int Bytes)
{
    /// <summary>What routes take that say nothing of it.</summary>
    public static BodyLimit Usual { get; } = new(256 * 1024);
}
