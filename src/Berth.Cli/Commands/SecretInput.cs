using System.Text;
using Berth.Jobs.Definitions;

namespace Berth.Cli.Commands;

/// <summary>Takes the value of a secret from where nobody else sees it: a file, standard input, or a question on a terminal that shows nothing.</summary>
internal static class SecretInput
{
    /// <summary>The value, a line end after it dropped; null when there is none that can be used, which is told.</summary>
    public static async Task<string?> ReadAsync(Surroundings around, string name, string? file, CancellationToken ct)
    {
        if (file is null or "-" && !Console.IsInputRedirected)
        {
            return Usable(around, name, Ask(around, name));
        }

        try
        {
            await using var stream = file is null or "-" ? Console.OpenStandardInput() : File.OpenRead(file);
            var bytes = new byte[SecretReference.LongestValue + 3];
            var length = await stream.ReadAtLeastAsync(bytes, bytes.Length, throwOnEndOfStream: false, ct);
            return Usable(around, name, new UTF8Encoding(false, throwOnInvalidBytes: true).GetString(bytes, 0, length).TrimEnd('\r', '\n'));
        }
        catch (DecoderFallbackException)
        {
            await around.Error.WriteLineAsync($"berth: the value of {name} is no UTF-8 text; encode it, as base64 for one, and let the job decode it.");
            return null;
        }
        catch (Exception unreadable) when (unreadable is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            await around.Error.WriteLineAsync($"berth: the value of {name} cannot be read from {file}: {unreadable.Message}");
            return null;
        }
    }

    private static string? Usable(Surroundings around, string name, string value)
    {
        var fault = value.Length == 0 ? "is empty"
            : value.Contains('\0') ? "has a NUL in it, which no environment variable can have"
            : Encoding.UTF8.GetByteCount(value) > SecretReference.LongestValue ? $"is longer than {SecretReference.LongestValue >> 10} KiB"
            : null;
        if (fault is null)
        {
            return value;
        }

        around.Error.WriteLine($"berth: the value of {name} {fault}.");
        return null;
    }

    private static string Ask(Surroundings around, string name)
    {
        around.Error.Write($"Value of {name} (not shown): ");
        var value = new StringBuilder();
        for (ConsoleKeyInfo key; (key = Console.ReadKey(intercept: true)).Key != ConsoleKey.Enter;)
        {
            if (key.Key == ConsoleKey.Backspace)
            {
                value.Length = Math.Max(0, value.Length - 1);
            }
            else if (!char.IsControl(key.KeyChar))
            {
                value.Append(key.KeyChar);
            }
        }

        around.Error.WriteLine();
        return value.ToString();
    }
}
