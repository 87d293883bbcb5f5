using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Berth.Jobs.Results;

namespace Berth.Node.Runs;

/// <summary>
/// Puts <c>•••</c> in place of the values of secrets: as they are, line by line where they have several, as base64 (wherever in the encoded bytes they begin, and wrapped at 64 or 76
/// columns), hexadecimal, URL-encoded and as a JSON text has them. A line is masked as a whole, however it came. What a container does to a value beyond that nobody can know.
/// </summary>
public sealed class SecretMask
{
    /// <summary>Values and lines of values that are shorter, bytes, are not masked: a log would be full of holes.</summary>
    public const int ShortestMasked = 4;

    private const int ShortestEncoded = 6;
    private readonly byte[][] _forms;

    private SecretMask(byte[][] forms) => _forms = forms;

    /// <summary>Masks nothing.</summary>
    public static SecretMask None { get; } = new([]);

    private static ReadOnlySpan<byte> Mark => "•••"u8;

    /// <summary>The mask of these values.</summary>
    public static SecretMask Of(IEnumerable<string> values)
    {
        var forms = values.SelectMany(Pieces).SelectMany(Forms).DistinctBy(Convert.ToHexString).OrderByDescending(form => form.Length).ToArray();
        return forms.Length == 0 ? None : new SecretMask(forms);
    }

    /// <summary>The text of a line; <paramref name="isCut"/> says that more of it was left out, so that it may end within a value.</summary>
    public ReadOnlyMemory<byte> Apply(ReadOnlyMemory<byte> text, bool isCut = false)
    {
        foreach (var form in _forms)
        {
            text = Replace(text, form);
        }

        return isCut && _forms.Length > 0 ? WithoutBegun(text) : text;
    }

    /// <summary>The event without values in any of its texts.</summary>
    public RunEvent Apply(RunEvent happened)
    {
        if (_forms.Length == 0)
        {
            return happened;
        }

        var masked = new MemoryStream();
        using (var json = new Utf8JsonWriter(masked))
        using (var document = JsonDocument.Parse(RunEventJson.Write(happened)))
        {
            Copy(document.RootElement, json);
        }

        return RunEventJson.Read(masked.ToArray()) ?? happened;
    }

    public override string ToString() => "SecretMask { ••• }";

    private static ReadOnlyMemory<byte> Replace(ReadOnlyMemory<byte> text, byte[] form)
    {
        var at = text.Span.IndexOf(form);
        if (at < 0)
        {
            return text;
        }

        var masked = new MemoryStream(text.Length);
        for (; at >= 0; at = text.Span.IndexOf(form))
        {
            masked.Write(text.Span[..at]);
            masked.Write(Mark);
            text = text[(at + form.Length)..];
        }

        masked.Write(text.Span);
        return masked.ToArray();
    }

    private ReadOnlyMemory<byte> WithoutBegun(ReadOnlyMemory<byte> text)
    {
        var begun = _forms.Max(form => Enumerable.Range(ShortestMasked, Math.Max(0, Math.Min(form.Length - 1, text.Length) - ShortestMasked + 1))
            .LastOrDefault(length => text.Span.EndsWith(form.AsSpan(0, length))));
        return begun == 0 ? text : (byte[])[.. text.Span[..^begun], .. Mark];
    }

    private void Copy(JsonElement element, Utf8JsonWriter json)
    {
        switch (element.ValueKind)
        {
            case JsonValueKind.Object:
                json.WriteStartObject();
                foreach (var member in element.EnumerateObject())
                {
                    json.WritePropertyName(member.Name);
                    Copy(member.Value, json);
                }

                json.WriteEndObject();
                break;
            case JsonValueKind.Array:
                json.WriteStartArray();
                foreach (var item in element.EnumerateArray())
                {
                    Copy(item, json);
                }

                json.WriteEndArray();
                break;
            case JsonValueKind.String:
                json.WriteStringValue(Apply(Encoding.UTF8.GetBytes(element.GetString()!)).Span);
                break;
            default:
                element.WriteTo(json);
                break;
        }
    }

    private static IEnumerable<string> Pieces(string value) => value.Split('\n').Select(line => line.Trim()).Append(value).Where(piece => Encoding.UTF8.GetByteCount(piece) >= ShortestMasked).Distinct();

    private static IEnumerable<byte[]> Forms(string piece)
    {
        var bytes = Encoding.UTF8.GetBytes(piece);
        yield return bytes;
        foreach (var text in Escaped(piece).Concat(InBase64(bytes)).Append(Convert.ToHexString(bytes)).Append(Convert.ToHexStringLower(bytes)))
        {
            yield return Encoding.UTF8.GetBytes(text);
        }
    }

    private static IEnumerable<string> Escaped(string piece)
    {
        yield return JsonEncodedText.Encode(piece).Value;
        yield return JsonEncodedText.Encode(piece, JavaScriptEncoder.UnsafeRelaxedJsonEscaping).Value;
        var url = Uri.EscapeDataString(piece);
        yield return url;
        yield return url.Replace("%20", "+", StringComparison.Ordinal);
        yield return LowerEscapes(url);
        yield return LowerEscapes(url).Replace("%20", "+", StringComparison.Ordinal);
    }

    private static string LowerEscapes(string url)
    {
        var lower = url.ToCharArray();
        for (var at = url.IndexOf('%'); at >= 0; at = url.IndexOf('%', at + 1))
        {
            (lower[at + 1], lower[at + 2]) = (char.ToLowerInvariant(lower[at + 1]), char.ToLowerInvariant(lower[at + 2]));
        }

        return new string(lower);
    }

    // Of three bytes base64 makes four characters, so a value looks different with each number of bytes before it; the characters at its ends also say something of its neighbours: of nothing, a line end, or whatever.
    private static IEnumerable<string> InBase64(byte[] bytes)
    {
        for (var before = 0; before < 3; before++)
        {
            var text = Convert.ToBase64String([.. new byte[before], .. bytes]);
            var (first, end) = (((before * 8) + 5) / 6, (before + bytes.Length) * 8 / 6);
            foreach (var form in Alphabets(text[first..end]).Concat(Alphabets(text[first..])).Concat(Alphabets(Convert.ToBase64String([.. new byte[before], .. bytes, (byte)'\n'])[first..])))
            {
                yield return form;
            }
        }

        foreach (var columns in (int[])[64, 76])
        {
            foreach (var line in bytes.Chunk(columns / 4 * 3).Where(_ => bytes.Length > columns / 4 * 3))
            {
                foreach (var form in Alphabets(Convert.ToBase64String(line)[..(line.Length * 8 / 6)]))
                {
                    yield return form;
                }
            }
        }
    }

    private static IEnumerable<string> Alphabets(string base64) => base64.Length < ShortestEncoded ? [] : [base64, base64.Replace('+', '-').Replace('/', '_')];
}
