using System.Text;

namespace Berth.Protocol.Identity;

/// <summary>The text that a message signature signs (RFC 9421, 2.5): a line for every covered component, and one for the signature's parameters.</summary>
internal static class SignatureBase
{
    public const string Method = "@method";
    public const string Authority = "@authority";
    public const string Path = "@path";
    public const string Query = "@query";

    /// <summary>The text for the covered components, in their order.</summary>
    /// <exception cref="ArgumentException">The request lacks a component: <see cref="Component"/> has no value for it.</exception>
    public static string Of(RequestParts request, FieldList covered)
    {
        var text = new StringBuilder();
        foreach (var item in covered.Items)
        {
            text.Append(item).Append(": ").Append(Component(request, item) ?? throw new ArgumentException($"The request has no component {item}.", nameof(covered))).Append('\n');
        }

        return text.Append("\"@signature-params\": ").Append(covered).ToString();
    }

    /// <summary>
    /// The value of a component (RFC 9421, 2.1 and 2.2); null when the request has none, when it could not stand in one line of ASCII, or when it is
    /// of a kind nobody here signs: a response's, or one with parameters.
    /// </summary>
    public static string? Component(RequestParts request, FieldItem component)
    {
        if (component is not { Value: TextItem { Value: var name }, Parameters.Count: 0 })
        {
            return null;
        }

        var value = name switch
        {
            Method => request.Method,
            Authority => request.Authority.ToLowerInvariant(),
            Path => request.Path.Length == 0 ? "/" : request.Path,
            Query => request.Query.Length == 0 ? "?" : request.Query,
            ['@', ..] or "" => null,
            _ => Header(request, name),
        };
        return value is null || value.AsSpan().ContainsAnyExceptInRange(' ', '~') ? null : value;
    }

    /// <summary>The lines of a header as one value (RFC 9421, 2.1); null when there is none. Names are in small letters.</summary>
    public static string? Header(RequestParts request, string name)
    {
        var lines = request.Header(name).Select(line => line?.Trim(' ', '\t')).ToArray();
        return lines.Length == 0 || name.AsSpan().ContainsAnyInRange('A', 'Z') ? null : string.Join(", ", lines);
    }
}
