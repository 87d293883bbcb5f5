using System.Collections.Immutable;
using System.CommandLine;
using Berth.Jobs.Definitions;
using Berth.Node.Runs;

namespace Berth.Cli.Commands;

/// <summary>
/// Where <c>berth run</c> has secrets from, there being no market: <c>--secret NAME=@FILE</c>, else <c>BERTH_SECRET_NAME</c> in the environment. Only those that the definition names are
/// looked at.
/// </summary>
internal static class LocalSecrets
{
    private const string Variable = "BERTH_SECRET_";

    public static Option<string[]> Option()
    {
        var option = new Option<string[]>("--secret")
        {
            Description = "A secret the job names, from a file: NAME=@FILE. Default $BERTH_SECRET_NAME. May be given several times.",
            HelpName = "NAME=@FILE",
        };
        option.Validators.Add(result =>
        {
            foreach (var token in result.Tokens)
            {
                if (token.Value.Split("=@", 2) is not [var name, { Length: > 0 }] || !SecretReference.IsName(name))
                {
                    result.AddError("--secret takes NAME=@FILE; a value never stands on the command line.");
                }
            }
        });
        return option;
    }

    /// <summary>The values; null when one is missing or cannot be used, which is told.</summary>
    public static async Task<RunSecrets?> ReadAsync(Surroundings around, JobDefinition definition, IEnumerable<string> given, CancellationToken ct)
    {
        var files = given.Select(text => text.Split("=@", 2)).ToLookup(pair => pair[0], pair => pair[1]);
        var values = ImmutableDictionary.CreateBuilder<string, string>();
        var names = SecretReferences.In(definition).Select(reference => reference.Name).Distinct().ToList();
        foreach (var name in names)
        {
            var value = files[name].LastOrDefault() is { } file ? await SecretInput.ReadAsync(around, name, file, ct)
                : around.Environment(Variable + name) is { Length: > 0 } set ? set
                : Missing(around, name);
            if (value is null)
            {
                return null;
            }

            values.Add(name, value);
        }

        foreach (var unused in files.Select(file => file.Key).Except(names))
        {
            await around.Error.WriteLineAsync($"berth: the job names no secret {unused}; --secret {unused}=… is not used.");
        }

        return new RunSecrets(values.ToImmutable());
    }

    private static string? Missing(Surroundings around, string name)
    {
        around.Error.WriteLine($"berth: the job names the secret {name}, and there is none here: --secret {name}=@FILE, or {Variable}{name} in the environment.");
        return null;
    }
}
