using System.Collections.Immutable;
using Berth.Jobs.Definitions;

namespace Berth.Cli.Rendering;

/// <summary>Prints what is wrong with a definition the way compilers do: place, weight, sentence, and below it what was found and expected.</summary>
internal static class ProblemPrinter
{
    public static void Print(TextWriter output, Palette palette, string source, ImmutableArray<Problem> problems)
    {
        foreach (var problem in problems)
        {
            var weight = problem.Severity == Severity.Error ? palette.Bad("error") : palette.Doubtful("warning");
            output.WriteLine($"{palette.Strong($"{source}:{problem.Position}")} {weight} {palette.Quiet(problem.Path)}");
            output.WriteLine($"  {problem.Message}");
            var details = new[]
            {
                problem.Found is { } found ? $"found {found}" : null,
                problem.Expected is { } expected ? $"expected {expected}" : null,
                problem.Suggestion is { } suggestion && !problem.Message.Contains("did you mean", StringComparison.Ordinal) ? $"did you mean {suggestion}?" : null,
            };
            if (details.OfType<string>().ToArray() is { Length: > 0 } told)
            {
                output.WriteLine($"  {palette.Quiet(string.Join("; ", told))}");
            }
        }
    }
}
