using System.Collections.Immutable;
using System.Diagnostics;
using Berth.Jobs.Definitions;

namespace Berth.Jobs.Commands;

/// <summary>The argument vector of a container from the <c>cmd</c> a person wrote, in either generation of the language (job-language.md 2.3).</summary>
public static class CommandLine
{
    /// <summary>
    /// The vector handed to the engine, or null for the image's own command. Behind an <paramref name="entrypoint"/> that is a shell
    /// waiting for its script (<c>["sh", "-c"]</c>) a list is taken as it is; behind any other, one whole command line becomes its words.
    /// </summary>
    public static ImmutableArray<string>? For(CommandForm command, ImmutableArray<string>? entrypoint) => command switch
    {
        CommandText text => Shell(text.Script),
        CommandList { Elements: [] } => null,
        CommandList list when AwaitsScript(entrypoint) => list.Elements,
        CommandList { Elements: [var only] } when HasBlank(only) => entrypoint is [_, ..] ? OrNull(ShellWords.Split(only)) : Shell(only),
        CommandList { Elements: [var first, .. var rest] } when HasBlank(first) => OneScript(first, rest),
        CommandList list => list.Elements,
        _ => throw new UnreachableException($"No command line for {command.GetType().Name}."),
    };

    /// <summary>Whether what follows is a script: after <c>-c</c>, or after any options of a shell that end in <c>c</c>.</summary>
    internal static bool AwaitsScript(ImmutableArray<string>? words) =>
        words is [.., "-c"] || (words is [var program, .., ['-', .., 'c'] option] && IsShell(program) && option.Skip(1).All(char.IsAsciiLetterLower));

    internal static bool IsShell(string program) => program[(program.LastIndexOf('/') + 1)..] is "sh" or "bash" or "dash" or "ash" or "zsh" or "ksh";

    private static bool HasBlank(string element) => element.Any(char.IsWhiteSpace);

    private static ImmutableArray<string> Shell(string script) => ["/bin/sh", "-c", script];

    private static ImmutableArray<string>? OrNull(ImmutableArray<string> words) => words.IsEmpty ? null : words;

    /// <summary>
    /// The form of 2024: the first element is a command line, the others are pieces of one script behind it. Each piece stood
    /// in single quotes, so its writer had to put <c>'\''</c> for a quote of his own.
    /// </summary>
    private static ImmutableArray<string> OneScript(string commandLine, ImmutableArray<string> pieces) =>
        ShellWords.SplitBefore(commandLine, string.Concat(pieces.Select(piece => piece.Replace("'\\''", "'", StringComparison.Ordinal))));
}
