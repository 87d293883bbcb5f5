using System.Text;
using System.Text.Json;
using Berth.Jobs;
using Berth.Jobs.Definitions;
using Berth.Protocol.Identity;

namespace Berth.Protocol.Sealing;

/// <summary>
/// The definition of a confidential job: what is posted instead of it is a box for the poster, whose content key is the job's key. Everything else of the job is sealed with keys that
/// follow from that one, so the poster can open all of it at any later time.
/// </summary>
/// <param name="Definition">The document as it was written.</param>
/// <param name="Format">How it is to be read.</param>
public sealed record SealedDefinition(string Definition, DefinitionFormat Format)
{
    // What is sealed is one of these and the document.
    private const string Json = "json\n";
    private const string Yaml = "yaml\n";

    /// <summary>The text that is posted.</summary>
    public string SealFor(JobId job, EncryptionKey poster)
    {
        using var key = ContentKey.New();
        var box = SealedBox.Seal(Encoding.UTF8.GetBytes($"{(Format == DefinitionFormat.Yaml ? Yaml : Json)}{Definition}"), key, Purpose(job), poster);
        return JsonSerializer.Serialize(box, WireJson.Answers.SealedBox);
    }

    /// <summary>The job's key, for the poster; null when the text is no box of that job for this key.</summary>
    public static ContentKey? KeyIn(string posted, JobId job, DecryptionKey poster) => BoxIn(posted)?.KeyFor(poster, Purpose(job));

    /// <summary>The definition, or null when the text is no box of that job with this key.</summary>
    public static SealedDefinition? Open(string posted, JobId job, ContentKey key)
    {
        var text = BoxIn(posted) is { } box && key.Open(box.Content, Purpose(job)) is { } content ? Encoding.UTF8.GetString(content) : "";
        return text.StartsWith(Json, StringComparison.Ordinal) ? new SealedDefinition(text[Json.Length..], DefinitionFormat.Json)
            : text.StartsWith(Yaml, StringComparison.Ordinal) ? new SealedDefinition(text[Yaml.Length..], DefinitionFormat.Yaml)
            : null;
    }

    /// <summary>The definition, read; null when this program cannot.</summary>
    public JobDefinition? Read() => JobDefinitionReader.Read(Encoding.UTF8.GetBytes(Definition), Format == DefinitionFormat.Yaml ? DocumentFormat.Yaml : DocumentFormat.Json).Definition;

    /// <summary>The box that the text of a sealed definition is, or null when it is none.</summary>
    public static SealedBox? BoxIn(string posted)
    {
        try
        {
            return JsonSerializer.Deserialize(posted, WireJson.Requests.SealedBox) is { Content.Length: >= ContentKey.Overhead, Keys: { IsDefault: false, Length: > 0 and <= SealedBox.MostRecipients } } box
                && box.Keys.All(key => key is { Encapsulated.Length: Hpke.KeySize, Wrapped.Length: ContentKey.Size + Hpke.Overhead })
                    ? box
                    : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    public override string ToString() => "SealedDefinition { ••• }";

    private static string Purpose(JobId job) => $"definition {job}";
}

/// <summary>
/// The poster's word that a job is to run with this definition. Whoever hands something over for the job believes nobody else about it, so that a market cannot have another
/// definition run with the poster's secrets.
/// </summary>
public static class DefinitionSignature
{
    public static byte[] Make(SigningKey poster, JobId job, string definition) => poster.Sign(Signed(job, definition));

    /// <summary>Whether the address signed that definition, by its content id, for that job.</summary>
    public static bool Holds(Address poster, JobId job, string definition, ReadOnlySpan<byte> signature) => poster.Verify(Signed(job, definition), signature);

    private static byte[] Signed(JobId job, string definition) => Encoding.UTF8.GetBytes($"berth job definition 1\n{job}\n{definition}");
}
