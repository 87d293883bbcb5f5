using System.Formats.Tar;
using System.Text;
using Berth.Node.Artefacts;
using CsCheck;
using Xunit;

namespace Berth.Tests.Node.Artefacts;

/// <summary>A hostile container's output stays inside the folder it is copied to.</summary>
public sealed class OutputFolderTests : IDisposable
{
    private readonly DirectoryInfo _home = Directory.CreateTempSubdirectory("berth-out-");

    private string Destination => Path.Combine(_home.FullName, "a", "b", "out");

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public void Dispose() => _home.Delete(recursive: true);

    [Fact]
    public async Task Files_folders_and_links_that_stay_inside_are_copied()
    {
        var copied = await UnpackAsync(Folder("out/"), Folder("out/sub/"), File("out/sub/one.txt", "one"), File("out/two", "two"), Link("out/link", "sub/one.txt"), HardLink("out/hard", "out/two"));

        Assert.Equal((4, 9L), (copied.Files, copied.Bytes));
        Assert.Empty(copied.LeftOut);
        Assert.Equal("one", System.IO.File.ReadAllText(Path.Combine(Destination, "sub", "one.txt")));
        Assert.Equal("one", System.IO.File.ReadAllText(Path.Combine(Destination, "link")));
        Assert.Equal("two", System.IO.File.ReadAllText(Path.Combine(Destination, "hard")));
    }

    [Fact]
    public async Task A_single_file_keeps_its_name()
    {
        await UnpackAsync(File("result.txt", "forty-two"));

        Assert.Equal("forty-two", System.IO.File.ReadAllText(Path.Combine(Destination, "result.txt")));
    }

    public static TheoryData<string, TarEntry[]> Hostile => new()
    {
        { "a name that climbs", [File("out/../../evil", "x")] },
        { "a name that climbs late", [File("out/sub/../../../evil", "x")] },
        { "an absolute name", [File("/out/../evil", "x"), File("//evil/../../x", "x")] },
        { "a link to outside", [Link("out/evil", "/etc/passwd"), Link("out/evil2", "../../evil")] },
        { "a file through a link", [Link("out/way", ".."), File("out/way/x", "x")] },
        { "a link through a link", [Link("out/a/b", ".."), Link("out/a/b/evil", "../../x"), Link("out/evil/evil", "../../y")] },
        { "a link through a link that is there already", [Folder("out/a/"), Link("out/l", "a"), Link("out/l/m", "../x"), Link("out/l/m/evil", "x")] },
        { "a hard link to outside", [HardLink("out/evil", "/etc/passwd"), HardLink("out/evil2", "out/../../../etc/passwd")] },
        { "a hard link to a link", [Link("out/l", "two"), HardLink("out/evil", "out/l")] },
        { "a pipe and a device", [new PaxTarEntry(TarEntryType.Fifo, "out/evil"), new PaxTarEntry(TarEntryType.CharacterDevice, "out/evil2")] },
        { "a second file of one name", [File("out/x", "first"), File("out/x", "second")] },
        { "a folder where a file is", [File("out/x", "first"), Folder("out/x/")] },
        { "a link where a file is", [File("out/x", "first"), Link("out/x", "y")] },
    };

    [Theory]
    [MemberData(nameof(Hostile))]
    public async Task What_would_lead_outside_or_is_no_file_is_left_out(string what, TarEntry[] entries)
    {
        var copied = await UnpackAsync(entries);

        Assert.True(copied.LeftOut.Count > 0, what);
        Assert.Equal(["a"], _home.EnumerateFileSystemInfos().Select(found => found.Name));
        Assert.Equal(["out"], Directory.EnumerateFileSystemEntries(Path.Combine(_home.FullName, "a", "b")).Select(Path.GetFileName));
        Assert.Equal(["b"], Directory.EnumerateFileSystemEntries(Path.Combine(_home.FullName, "a")).Select(Path.GetFileName));
        Assert.Empty(Directory.EnumerateFileSystemEntries(Destination, "evil*"));
        Assert.DoesNotContain(Directory.EnumerateFiles(Destination), path => new FileInfo(path).LinkTarget is null && System.IO.File.ReadAllText(path) == "second");
    }

    [Fact]
    public async Task More_files_or_bytes_than_allowed_are_refused()
    {
        var files = await Assert.ThrowsAsync<InvalidDataException>(() => UnpackAsync([.. Enumerable.Range(0, 11).Select(number => File($"out/{number}", ""))]));
        var bytes = await Assert.ThrowsAsync<InvalidDataException>(() => UnpackAsync(File("out/big", new string('x', 1001))));
        var copies = await Assert.ThrowsAsync<InvalidDataException>(
            () => UnpackAsync(File("out/most", new string('x', 600)), HardLink("out/again", "out/most")));
        var pipes = await Assert.ThrowsAsync<InvalidDataException>(
            () => UnpackAsync([.. Enumerable.Range(0, 11).Select(number => new PaxTarEntry(TarEntryType.Fifo, $"out/{number}"))]));

        Assert.All([files, bytes, copies, pipes], fault => Assert.Contains("10 files or 1000 bytes", fault.Message, StringComparison.Ordinal));
    }

    [Fact]
    public async Task Names_may_be_odd()
    {
        string[] names = ["tab\t", "ünï", " space ", "-rf", "..hidden", "C:", "\u001b[31mred"];

        var newline = new UstarTarEntry(TarEntryType.RegularFile, "out/new\nline") { DataStream = new MemoryStream("x"u8.ToArray()) };

        var copied = await UnpackAsync([newline, .. names.Select(name => File("out/" + name, name))]);

        Assert.Equal(names.Length + 1, copied.Files);
        Assert.All(names, name => Assert.Equal(name, System.IO.File.ReadAllText(Path.Combine(Destination, name))));
    }

    [Fact]
    public async Task Bytes_that_are_no_tar_are_a_fault_that_is_told()
    {
        var tar = Pack([Folder("out/"), File("out/x", "first"), Link("out/y", "x")]);
        var spoiled = Gen.Select(Gen.Int[0, tar.Length - 1], Gen.Byte, Gen.Int[0, tar.Length]);
        await spoiled.SampleAsync(
            async spoil =>
            {
                var bytes = tar[..Math.Max(spoil.Item3, 1)];
                bytes[spoil.Item1 % bytes.Length] = spoil.Item2;
                var destination = Path.Combine(_home.FullName, Guid.NewGuid().ToString("N"));
                try
                {
                    await new OutputFolder(10, 1000).UnpackAsync(new MemoryStream(bytes), destination, (_, _) => { }, CancellationToken.None);
                }
                catch (Exception told) when (told is IOException or InvalidDataException)
                {
                    return;
                }
            },
            iter: 2000,
            threads: 1);
    }

    private async Task<CopiedOutput> UnpackAsync(params TarEntry[] entries)
    {
        if (Directory.Exists(Destination))
        {
            Directory.Delete(Destination, recursive: true);
        }

        return await new OutputFolder(10, 1000).UnpackAsync(new MemoryStream(Pack(entries)), Destination, (_, _) => { }, Ct);
    }

    private static byte[] Pack(TarEntry[] entries)
    {
        var packed = new MemoryStream();
        using (var tar = new TarWriter(packed, leaveOpen: true))
        {
            foreach (var entry in entries)
            {
                tar.WriteEntry(entry);
            }
        }

        return packed.ToArray();
    }

    private static PaxTarEntry Folder(string name) => new(TarEntryType.Directory, name);

    private static PaxTarEntry File(string name, string content) =>
        new(TarEntryType.RegularFile, name) { DataStream = new MemoryStream(Encoding.UTF8.GetBytes(content)) };

    private static PaxTarEntry Link(string name, string target) => new(TarEntryType.SymbolicLink, name) { LinkName = target };

    private static PaxTarEntry HardLink(string name, string target) => new(TarEntryType.HardLink, name) { LinkName = target };
}
