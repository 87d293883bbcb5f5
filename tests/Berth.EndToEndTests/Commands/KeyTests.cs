using System.Text.Json;
using Berth.EndToEndTests.Lab;
using Berth.Protocol.Identity;

namespace Berth.EndToEndTests.Commands;

/// <summary>The key a person signs with: made, shown, taken over from Solana's tools, and never lost by accident.</summary>
public sealed class KeyTests
{
    // The first key of RFC 8032, 7.1, as Solana's tools keep it.
    private const string SolanasFile =
        "[157,97,177,157,239,253,90,96,186,132,74,244,146,236,44,196,68,73,197,105,123,50,105,25,112,59,172,3,28,174,127,96," +
        "215,90,152,1,130,177,10,183,213,75,254,211,201,100,7,58,14,225,114,243,218,166,35,37,175,2,26,104,247,7,81,26]";

    private const string SolanasAddress = "FVen3X669xLzsi6N2V91DoiyzHzg1uAgqiT8jZ9nS96Z";

    [Fact]
    public async Task A_new_key_is_the_one_its_owner_is_known_by()
    {
        await using var desk = new Desk();
        var path = Path.Combine(desk.Folder, "key.json");

        var made = (await desk.BerthAsync("key", "new")).Exited(0);

        using var key = KeyFile.Read(path).Key!;
        Assert.Equal($"address   {key.Address}\nkey file  {path}\n", made.Output);
        Assert.Contains("Whoever has this file has the money", made.Error, StringComparison.Ordinal);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(path));
        Assert.Equal($"{key.Address}\n", (await desk.BerthAsync("address")).Exited(0).Output);
        Assert.Equal(made.Output, (await desk.BerthAsync("key", "show")).Exited(0).Output);
    }

    [Fact]
    public async Task Programs_are_told_the_same_as_people()
    {
        await using var desk = new Desk();
        var path = Path.Combine(desk.Folder, "mine.json");

        var made = (await desk.BerthAsync("key", "new", "mine.json", "--format", "json")).Exited(0);
        var shown = (await desk.BerthAsync("key", "show", "mine.json", "--format", "json")).Exited(0);

        using var key = KeyFile.Read(path).Key!;
        var facts = JsonDocument.Parse(made.Output).RootElement;
        Assert.Equal(key.Address.Value, facts.GetProperty("address").GetString());
        Assert.Equal(path, facts.GetProperty("file").GetString());
        Assert.Equal(made.Output, shown.Output);
        Assert.False(Path.Exists(Path.Combine(desk.Folder, "key.json")));
    }

    [Fact]
    public async Task A_key_that_is_there_stays_until_force_is_used()
    {
        await using var desk = new Desk();
        var first = (await desk.BerthAsync("key", "new")).Exited(0).Output;
        desk.Write("solana.json", SolanasFile);

        var refused = (await desk.BerthAsync("key", "new")).Exited(2);

        Assert.Contains("nothing was changed", refused.Error, StringComparison.Ordinal);
        Assert.Contains("nothing was changed", (await desk.BerthAsync("key", "import", "solana.json")).Exited(2).Error, StringComparison.Ordinal);
        Assert.Equal(first, (await desk.BerthAsync("key", "show")).Exited(0).Output);
        Assert.NotEqual(first, (await desk.BerthAsync("key", "new", "--force")).Exited(0).Output);
    }

    [Fact]
    public async Task A_key_of_Solanas_tools_is_taken_over()
    {
        await using var desk = new Desk();
        desk.Write("solana.json", SolanasFile);

        var imported = (await desk.BerthAsync("key", "import", "solana.json")).Exited(0);

        Assert.StartsWith($"address   {SolanasAddress}\n", imported.Output, StringComparison.Ordinal);
        Assert.Contains("chmod 600 solana.json", imported.Error, StringComparison.Ordinal);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(Path.Combine(desk.Folder, "key.json")));
        var address = (await desk.BerthAsync("address", "--format", "json")).Exited(0);
        Assert.Equal(SolanasAddress, JsonDocument.Parse(address.Output).RootElement.GetProperty("address").GetString());
        Assert.Empty(address.Error);
    }

    [Fact]
    public async Task Without_a_key_it_is_said_how_to_make_one()
    {
        await using var desk = new Desk();

        var said = (await desk.BerthAsync("address")).Exited(2);

        Assert.Equal($"berth: There is no key file {desk.Folder}/key.json. Make one with: berth key new\n", said.Error);
        Assert.Empty(said.Output);
    }

    [Fact]
    public async Task A_spoiled_key_file_is_told_without_quoting_it()
    {
        await using var desk = new Desk();
        desk.Write("key.json", SolanasFile.Replace("157,97", "156,97", StringComparison.Ordinal));

        var said = (await desk.BerthAsync("key", "show")).Exited(2);

        Assert.Contains("is no key file: its second half is not the public key of its first", said.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("156", said.Error, StringComparison.Ordinal);
        Assert.Equal("berth: An empty name points at no key file.\nSee: berth key show --help\n", (await desk.BerthAsync("key", "show", "")).Exited(2).Error);
    }

    [Theory]
    [InlineData("XDG_CONFIG_HOME", "berth/key.json")]
    [InlineData("HOME", ".config/berth/key.json")]
    public async Task A_key_is_kept_where_configuration_goes(string variable, string place)
    {
        await using var desk = new Desk();
        var start = desk.Command(["key", "new"]);
        start.Environment.Remove("BERTH_KEY");
        start.Environment.Remove("XDG_CONFIG_HOME");
        start.Environment[variable] = desk.Folder;

        var said = (await RunningProgram.RunAsync(start)).Exited(0);

        Assert.Equal($"key file  {desk.Folder}/{place}", said.Lines[1]);
        Assert.True(File.Exists(Path.Combine(desk.Folder, place)));
    }
}
