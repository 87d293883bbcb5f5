using System.Buffers.Text;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text.Json;

namespace Berth.Protocol.Identity;

/// <summary>
/// Keys in the form Solana's tools keep them: a JSON array of 64 numbers, the 32 bytes of the seed and the 32 of the public key. Whoever reads the file has what belongs
/// to the address, so it is its owner's only.
/// </summary>
public static partial class KeyFile
{
    private const int Numbers = 64;
    private const UnixFileMode OwnersOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    // EEXIST, the same number on Linux and macOS.
    private const int NameIsTaken = 17;

    // 64 numbers of three digits need 257 characters; this leaves room for people's line breaks.
    private const int LargestFile = 4096;

    /// <summary>The key in the file; whatever keeps it from being read is a sentence, never an exception.</summary>
    public static KeyReading Read(string path)
    {
        var text = new byte[LargestFile + 1];
        try
        {
            using var file = File.OpenRead(path);
            var length = file.ReadAtLeast(text, text.Length, throwOnEndOfStream: false);
            var reading = length > LargestFile ? Faulty($"has more than {LargestFile} bytes") : Parse(text.AsSpan(0, length));
            return reading with
            {
                Fault = reading.Fault is { } fault ? $"{path} is no key file: {fault}" : null,
                Warning = reading.Key is not null && IsOpenToOthers(file) ? $"Others on this machine can read or change {path}; keep it to yourself: chmod 600 {path}" : null,
            };
        }
        catch (Exception missing) when (missing is FileNotFoundException or DirectoryNotFoundException)
        {
            return new() { Fault = $"There is no key file {path}." };
        }
        catch (Exception unreadable) when (unreadable is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            return new() { Fault = $"The key file {path} cannot be read: {unreadable.Message}" };
        }
        finally
        {
            CryptographicOperations.ZeroMemory(text);
        }
    }

    /// <summary>The key in the text of a key file.</summary>
    public static KeyReading Parse(ReadOnlySpan<byte> utf8)
    {
        Span<byte> bytes = stackalloc byte[Numbers];
        try
        {
            if (ReadNumbers(utf8, bytes) is { } fault)
            {
                return Faulty(fault);
            }

            var key = SigningKey.FromSeed(bytes[..SigningKey.SeedSize]);
            if (key.Address == Address.Of(bytes[SigningKey.SeedSize..]))
            {
                return new() { Key = key };
            }

            key.Dispose();
            return Faulty("its second half is not the public key of its first; the file was damaged or put together by hand");
        }
        finally
        {
            CryptographicOperations.ZeroMemory(bytes);
        }
    }

    /// <summary>
    /// Writes the key, readable by its owner only, and makes the folders on the way. The file is there whole or not at all. False when there is a file already and
    /// <paramref name="overwrite"/> does not say that it may go.
    /// </summary>
    /// <exception cref="IOException">The file cannot be written there.</exception>
    /// <exception cref="UnauthorizedAccessException">The folder is not to be written to.</exception>
    public static bool Write(string path, SigningKey key, bool overwrite)
    {
        path = Path.GetFullPath(path);
        if (!overwrite && Path.Exists(path))
        {
            return false;
        }

        MakeFolder(Path.GetDirectoryName(path)!);
        var beside = $"{path}.{RandomNumberGenerator.GetHexString(8, lowercase: true)}.new";
        var text = Text(key);
        try
        {
            using (var file = new FileStream(beside, OwnersOnlyFile()))
            {
                file.Write(text);
                file.Flush(flushToDisk: true);
            }

            return MoveTo(beside, path, overwrite);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(text);
            File.Delete(beside);
        }
    }

    private static bool MoveTo(string beside, string path, bool overwrite)
    {
        // File.Move looks whether there is a file and renames afterwards, so that of two writers both would win; a link takes a name only where it is free.
        if (!overwrite && !OperatingSystem.IsWindows())
        {
            if (Link(beside, path) == 0)
            {
                return true;
            }

            if (Marshal.GetLastPInvokeError() == NameIsTaken)
            {
                return false;
            }
        }

        File.Move(beside, path, overwrite);
        return true;
    }

    [LibraryImport("libc", EntryPoint = "link", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Link(string from, string to);

    private static byte[] Text(SigningKey key)
    {
        var seed = key.ExportSeed();
        Span<byte> text = stackalloc byte[(Numbers * 4) + 2];
        var length = 0;
        foreach (var number in (ReadOnlySpan<byte>)[.. seed, .. key.Address.Bytes])
        {
            text[length++] = (byte)(length == 1 ? '[' : ',');
            Utf8Formatter.TryFormat(number, text[length..], out var digits);
            length += digits;
        }

        text[length++] = (byte)']';
        var written = text[..length].ToArray();
        CryptographicOperations.ZeroMemory(seed);
        CryptographicOperations.ZeroMemory(text);
        return written;
    }

    /// <summary>Fills in the numbers; else what is wrong, by place and never by value.</summary>
    private static string? ReadNumbers(ReadOnlySpan<byte> utf8, Span<byte> bytes)
    {
        var json = new Utf8JsonReader(utf8);
        try
        {
            if (!json.Read() || json.TokenType != JsonTokenType.StartArray)
            {
                return "it is JSON, but not an array of 64 numbers";
            }

            var count = 0;
            while (json.Read() && json.TokenType != JsonTokenType.EndArray)
            {
                byte number = 0;
                if (json.TokenType != JsonTokenType.Number || !json.TryGetByte(out number))
                {
                    return $"its entry {count + 1} is not a whole number from 0 to 255";
                }

                if (count < Numbers)
                {
                    bytes[count] = number;
                }

                count++;
            }

            while (json.Read())
            {
            }

            return count == Numbers ? null : $"it has {count} numbers instead of 64, the 32 bytes of the seed and the 32 of the public key";
        }
        catch (JsonException)
        {
            return "it is not JSON; a key file is an array of 64 numbers";
        }
    }

    private static KeyReading Faulty(string why) => new() { Fault = why + "." };

    private static bool IsOpenToOthers(FileStream file) =>
        !OperatingSystem.IsWindows() && (File.GetUnixFileMode(file.SafeFileHandle) & ~(OwnersOnly | UnixFileMode.UserExecute)) != 0;

    private static FileStreamOptions OwnersOnlyFile()
    {
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows())
        {
            options.UnixCreateMode = OwnersOnly;
        }

        return options;
    }

    private static void MakeFolder(string folder)
    {
        if (OperatingSystem.IsWindows())
        {
            Directory.CreateDirectory(folder);
        }
        else
        {
            Directory.CreateDirectory(folder, OwnersOnly | UnixFileMode.UserExecute);
        }
    }
}
