using System.Runtime.Versioning;
using System.Text;
using System.Text.Json;
using Berth.Protocol.Identity;
using Xunit;

namespace Berth.Tests.Protocol.Identity;

/// <summary>Key files: Solana's form, nobody else's to read, and every spoiled one told in a sentence.</summary>
[SupportedOSPlatform("linux")]
public sealed class KeyFileTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("berth-keys-").FullName;

    // The first key of RFC 8032, 7.1, as Solana's tools would write it.
    private static int[] Good { get; } =
        [.. Convert.FromHexString("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a").Select(number => (int)number)];

    private string KeyPath => Path.Combine(_folder, "key.json");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void A_file_of_Solanas_tools_is_a_key()
    {
        using var key = KeyFile.Parse(Text(Good)).Key!;

        Assert.Equal("FVen3X669xLzsi6N2V91DoiyzHzg1uAgqiT8jZ9nS96Z", key.Address.Value);
    }

    [Fact]
    public void What_is_written_is_what_Solanas_tools_write()
    {
        using var key = SigningKey.FromSeed(Convert.FromHexString("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"));

        Assert.True(KeyFile.Write(KeyPath, key, overwrite: false));

        Assert.Equal(JsonSerializer.Serialize(Good), File.ReadAllText(KeyPath));
        using var read = KeyFile.Read(KeyPath).Key!;
        Assert.Equal(key.Address, read.Address);
    }

    [Fact]
    public void A_key_file_and_the_folder_made_for_it_are_their_owners_only()
    {
        using var key = SigningKey.New();
        var path = Path.Combine(_folder, "new", "folders", "key.json");

        KeyFile.Write(path, key, overwrite: false);

        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(path));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(Path.GetDirectoryName(path)!));
        Assert.Null(KeyFile.Read(path).Warning);
    }

    [Theory]
    [InlineData(UnixFileMode.GroupRead)]
    [InlineData(UnixFileMode.OtherRead)]
    [InlineData(UnixFileMode.OtherWrite)]
    public void A_key_that_others_can_read_or_change_comes_with_a_warning(UnixFileMode others)
    {
        File.WriteAllBytes(KeyPath, Text(Good));
        File.SetUnixFileMode(KeyPath, UnixFileMode.UserRead | others);

        var reading = KeyFile.Read(KeyPath);

        Assert.NotNull(reading.Key);
        Assert.Contains($"chmod 600 {KeyPath}", reading.Warning, StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_that_is_there_stays_unless_it_may_go()
    {
        using var first = SigningKey.New();
        using var second = SigningKey.New();
        KeyFile.Write(KeyPath, first, overwrite: false);

        Assert.False(KeyFile.Write(KeyPath, second, overwrite: false));
        Assert.Equal(first.Address, KeyFile.Read(KeyPath).Key!.Address);

        Assert.True(KeyFile.Write(KeyPath, second, overwrite: true));
        Assert.Equal(second.Address, KeyFile.Read(KeyPath).Key!.Address);
        Assert.Equal([KeyPath], Directory.GetFileSystemEntries(_folder));
    }

    [Fact]
    public async Task Of_many_that_write_at_once_one_does()
    {
        var start = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var writers = Enumerable.Range(0, 8).Select(_ => Task.Run(async () =>
        {
            using var key = SigningKey.New();
            await start.Task;
            return KeyFile.Write(KeyPath, key, overwrite: false) ? key.Address : (Address?)null;
        })).ToArray();
        start.SetResult();

        var written = Assert.Single(await Task.WhenAll(writers), address => address is not null);

        Assert.Equal(written, KeyFile.Read(KeyPath).Key!.Address);
        Assert.Equal([KeyPath], Directory.GetFileSystemEntries(_folder));
    }

    [Theory]
    [InlineData("", "it is not JSON; a key file is an array of 64 numbers.")]
    [InlineData("4Z7cXSyeFR8wNGMVXUE1TwtKn5D5Vu7FzEv69dokLv7KrQk7h6pu4LF8ZRR9yQBhc7uSM6RTTZtU1fmaxiNrxXrs", "it is not JSON; a key file is an array of 64 numbers.")]
    [InlineData("[1,2", "it is not JSON; a key file is an array of 64 numbers.")]
    [InlineData("[1,]", "it is not JSON; a key file is an array of 64 numbers.")]
    [InlineData("{\"key\":[1]}", "it is JSON, but not an array of 64 numbers.")]
    [InlineData("\"text\"", "it is JSON, but not an array of 64 numbers.")]
    [InlineData("[]", "it has 0 numbers instead of 64, the 32 bytes of the seed and the 32 of the public key.")]
    [InlineData("[1,2,3]", "it has 3 numbers instead of 64, the 32 bytes of the seed and the 32 of the public key.")]
    [InlineData("[1,256]", "its entry 2 is not a whole number from 0 to 255.")]
    [InlineData("[-1]", "its entry 1 is not a whole number from 0 to 255.")]
    [InlineData("[1,2.5]", "its entry 2 is not a whole number from 0 to 255.")]
    [InlineData("[\"1\"]", "its entry 1 is not a whole number from 0 to 255.")]
    [InlineData("[[1]]", "its entry 1 is not a whole number from 0 to 255.")]
    public void A_spoiled_file_is_told_in_a_sentence_that_does_not_quote_it(string text, string why)
    {
        File.WriteAllText(KeyPath, text);

        var reading = KeyFile.Read(KeyPath);

        Assert.Null(reading.Key);
        Assert.Equal($"{KeyPath} is no key file: {why}", reading.Fault);
    }

    [Fact]
    public void Numbers_after_the_64_and_text_after_the_array_are_faults()
    {
        Assert.Contains("65 numbers", KeyFile.Parse(Text([.. Good, 1])).Fault, StringComparison.Ordinal);
        Assert.Contains("not JSON", KeyFile.Parse([.. Text(Good), (byte)'x']).Fault, StringComparison.Ordinal);
        Assert.Null(KeyFile.Parse([.. "\n "u8, .. Text(Good), (byte)'\n']).Fault);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(31)]
    [InlineData(32)]
    [InlineData(63)]
    public void Halves_that_do_not_belong_together_are_a_fault(int place)
    {
        var reading = KeyFile.Parse(Text([.. Good.Select((number, index) => index == place ? number ^ 1 : number)]));

        Assert.Null(reading.Key);
        Assert.Contains("not the public key of its first", reading.Fault, StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_that_is_not_there_or_no_file_or_huge_is_told()
    {
        Assert.Equal($"There is no key file {KeyPath}.", KeyFile.Read(KeyPath).Fault);
        Assert.Contains("cannot be read", KeyFile.Read(_folder).Fault, StringComparison.Ordinal);

        File.WriteAllText(KeyPath, new string(' ', 5000));
        Assert.Contains("more than 4096 bytes", KeyFile.Read(KeyPath).Fault, StringComparison.Ordinal);
    }

    private static byte[] Text(int[] numbers) => Encoding.UTF8.GetBytes(JsonSerializer.Serialize(numbers));
}
