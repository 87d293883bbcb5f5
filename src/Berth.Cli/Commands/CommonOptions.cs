using System.CommandLine;
using System.Text.Json;

namespace Berth.Cli.Commands;

/// <summary>How a command prints what it has to say.</summary>
internal enum OutputFormat
{
    Text,
    Json,
}

/// <summary>Arguments and options that several commands have.</summary>
internal static class CommonOptions
{
    public static JsonWriterOptions Indented { get; } = new() { Indented = true };

    public static Argument<string> Source() =>
        new("definition") { Description = "The job definition: a file, an http(s) address, or - for standard input. JSON (comments allowed) or YAML." };

    public static Option<OutputFormat> Format() => OneOf<OutputFormat>("--format", "text for people (default), json for programs.");

    /// <summary>An option that takes the name of one of the values, in small letters; not giving it means the first.</summary>
    public static Option<T> OneOf<T>(string name, string description)
        where T : struct, Enum
    {
        var words = Enum.GetNames<T>().Select(word => word.ToLowerInvariant()).ToArray();
        return new(name)
        {
            Description = description,
            HelpName = string.Join('|', words),
            CustomParser = result =>
            {
                var text = result.Tokens is [{ Value: var value }] ? value : "";
                if (Array.IndexOf(words, text.ToLowerInvariant()) is var place and >= 0)
                {
                    return Enum.GetValues<T>()[place];
                }

                result.AddError($"{name} takes {string.Join(", ", words[..^1])} or {words[^1]}, not '{text}'.");
                return default;
            },
        };
    }
}
