using Berth.Protocol.Identity;

namespace Berth.Cli.Commands;

/// <summary>Reads the key a command acts with, and tells on standard error what is wrong with its file.</summary>
internal static class OwnKey
{
    /// <summary>The key in the file, or in this user's own when none is named; null when there is none to act with.</summary>
    public static SigningKey? Read(Surroundings around, string? file)
    {
        var reading = KeyFile.Read(file ?? around.KeyFile);
        if (reading.Warning is { } warning)
        {
            around.Error.WriteLine($"berth: {warning}");
        }

        if (reading.Fault is { } fault)
        {
            var hint = Path.Exists(file ?? around.KeyFile) ? "" : $" Make one with: berth key new{(file is null ? "" : $" {file}")}";
            around.Error.WriteLine($"berth: {fault}{hint}");
        }

        return reading.Key;
    }
}
