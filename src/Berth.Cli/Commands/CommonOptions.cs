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

    public static Option<OutputFormat> Format() =>
        new("--format") { Description = "text for people, json for programs.", DefaultValueFactory = _ => OutputFormat.Text };
}
