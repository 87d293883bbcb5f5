using System.Collections.Immutable;
using System.Globalization;
using System.Net;
using System.Text;

namespace Berth.Node.Resources;

/// <summary>An object as S3 lists it.</summary>
internal sealed record S3Object(string Key, long Size, string? ETag, DateTimeOffset? Modified);

/// <summary>One page of a bucket's list (ListObjectsV2). Its XML is flat and short; a parser for all of XML would be most of what it brings along.</summary>
internal sealed record S3Page(ImmutableArray<S3Object> Objects, string? Next)
{
    /// <summary>The page, or null when the text is none.</summary>
    public static S3Page? Read(byte[] utf8)
    {
        var text = Encoding.UTF8.GetString(utf8);
        if (!text.Contains("<ListBucketResult", StringComparison.Ordinal))
        {
            return null;
        }

        var isEncoded = Element(text, "EncodingType") == "url";
        return new(
            [
                .. from element in Elements(text, "Contents")
                   let key = Element(element, "Key") ?? ""
                   select new S3Object(
                       isEncoded ? Uri.UnescapeDataString(key.Replace('+', ' ')) : key,
                       long.TryParse(Element(element, "Size"), NumberStyles.None, CultureInfo.InvariantCulture, out var size) ? size : 0,
                       Element(element, "ETag"),
                       DateTimeOffset.TryParse(Element(element, "LastModified"), CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var at) ? at : null),
            ],
            Element(text, "IsTruncated") == "true" ? Element(text, "NextContinuationToken") : null);
    }

    /// <summary>The text of the first element of that name.</summary>
    public static string? Element(string xml, string name) => Elements(xml, name).FirstOrDefault() is { } text ? WebUtility.HtmlDecode(text) : null;

    private static IEnumerable<string> Elements(string xml, string name)
    {
        var (open, close) = ($"<{name}>", $"</{name}>");
        for (var at = 0; xml.IndexOf(open, at, StringComparison.Ordinal) is >= 0 and var start;)
        {
            start += open.Length;
            var end = xml.IndexOf(close, start, StringComparison.Ordinal);
            if (end < 0)
            {
                yield break;
            }

            yield return xml[start..end];
            at = end + close.Length;
        }
    }
}
