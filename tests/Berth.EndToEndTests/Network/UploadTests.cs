using Berth.EndToEndTests.Lab;
using Berth.Protocol;

namespace Berth.EndToEndTests.Network;

/// <summary>A folder of the client's machine goes along with a job.</summary>
public sealed class UploadTests
{
    [Fact]
    public async Task A_folder_goes_along_and_every_container_sees_it_but_cannot_write_to_it()
    {
        await using var network = await LocalNetwork.StartAsync();
        var folder = Directory.CreateDirectory(Path.Combine(network.Folder, "my code")).FullName;
        Write(folder, ".gitignore", "*.log\nbuild/\n!keep.log\n");
        Write(folder, ".berthignore", "big.bin\n");
        Write(folder, "main.sh", "echo hello from $(cat data/name)\n");
        File.SetUnixFileMode(Path.Combine(folder, "main.sh"), UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        Write(folder, "data/name", "home");
        Write(folder, "x.log", "");
        Write(folder, "keep.log", "");
        Write(folder, "build/out", "");
        Write(folder, "big.bin", "");
        Write(folder, ".git/config", "");
        Directory.CreateDirectory(Path.Combine(folder, "empty"));
        var two = new Definition()
            .Then("a", "cd /workspace && ./main.sh && find . -type f | sort && touch /workspace/new 2>/dev/null || echo read-only")
            .Then("b", "su nobody -s /bin/sh -c 'cat /workspace/data/name' 2>/dev/null || cat /workspace/data/name");
        var file = network.Write("job.json", two);

        var said = (await network.BerthAsync("job", "post", "--wait", "--upload", folder, file)).Exited(0);
        var again = (await network.BerthAsync("job", "post", "--upload", $"{folder}:/elsewhere", network.Write("other.json", Definition.Of("cat /elsewhere/data/name")))).Exited(0);

        var lines = said.Lines.Where(line => line.StartsWith("a |", StringComparison.Ordinal)).Select(line => line[4..]).ToList();
        Assert.Equal(["hello from home", "./.berthignore", "./.gitignore", "./data/name", "./keep.log", "./main.sh", "read-only"], lines);
        Assert.Contains("b | home", said.Lines);
        Assert.Contains("has 5 files", said.Error, StringComparison.Ordinal);
        Assert.Contains("the market has it already", again.Error, StringComparison.Ordinal);
        Assert.Equal(JobOutcome.Succeeded, (await network.EndOfAsync(await network.OnlyJobAsync())).Facts.Outcome);
        Assert.Equal(["home"], await network.LogAsync(await network.OnlyJobAsync()));
        await network.UntilAsync(() => Task.FromResult(!Directory.EnumerateDirectories(network.Folder, "sources", SearchOption.AllDirectories).Any()), "the folders that came along to be gone");
        await network.IsInOrderAsync();
    }

    [Fact]
    public async Task A_folder_that_is_too_large_or_is_not_there_is_refused_with_what_to_do()
    {
        await using var network = await LocalNetwork.StartAsync(serverOptions: ["--largest-upload", "1"]);
        var folder = Directory.CreateDirectory(Path.Combine(network.Folder, "big")).FullName;
        Write(folder, "weights/model.bin", new string('x', 3_000_000));
        Write(folder, "main.py", "pass");
        var file = network.Write("job.json", Definition.Of("true"));

        var large = (await network.BerthAsync("job", "post", "--upload", folder, file)).Exited(2);
        var missing = (await network.BerthAsync("job", "post", "--upload", folder + "x", file)).Exited(2);

        Assert.Contains("this market takes 1.0 MB. Leave something out by a .berthignore", large.Error, StringComparison.Ordinal);
        Assert.Contains("weights/ 3.0 MB", large.Error, StringComparison.Ordinal);
        Assert.Contains($"There is no folder {folder}x", missing.Error, StringComparison.Ordinal);
        Assert.Empty((await network.Client.ListJobsAsync(new JobFilter(), CancellationToken.None)).Items);
    }

    [Fact]
    public async Task Of_a_folder_with_odd_rules_the_same_files_go_along_that_git_would_take()
    {
        await using var network = await LocalNetwork.StartAsync();
        var folder = Directory.CreateDirectory(Path.Combine(network.Folder, "odd")).FullName;
        Write(folder, ".gitignore", "# all kinds\n\n*.o\n!important.o\n/top\nanywhere\ndir/\na/**/z\n**/deep/skip\nlogs/**\n[ab]?.txt\n[!x-z]q.dat\n\\#hash\n\\!bang\ntrail \nkept\\ \nsub/*.tmp\nfoo*bar\n*.keep/\nquestion?\n");
        Write(folder, "sub/.gitignore", "!*.o\nlocal\n/only\n");
        Write(folder, "sub/inner/.gitignore", "*\n!.gitignore\n!yes\n");
        string[] names =
        [
            "x.o", "important.o", "top", "sub/top", "anywhere", "sub/anywhere", "dir/in", "sub/dir/in", "a/z", "a/b/z", "a/b/c/z", "a/b/c/y", "deep/skip", "q/deep/skip", "q/deep/take", "logs/1", "logs/2/3",
            "a1.txt", "c1.txt", "b.txt", "aq.dat", "xq.dat", "#hash", "!bang", "trail", "trail ", "kept ", "kept", "sub/1.tmp", "sub/in/1.tmp", "fooxbar", "foobar", "foo/bar", "f.keep", "g.keep/in", "question1", "question",
            "sub/y.o", "sub/local", "sub/more/local", "sub/only", "sub/more/only", "sub/inner/no", "sub/inner/yes", "sub/inner/deeper/yes", "ünï", "plain",
        ];
        foreach (var name in names)
        {
            Write(folder, name, "");
        }

        var git = new System.Diagnostics.ProcessStartInfo("/bin/sh", ["-c", "cp -r odd check && cd check && git init -q . && git -c core.quotePath=false -c core.excludesFile=/dev/null ls-files --others --exclude-standard"]) { WorkingDirectory = network.Folder };
        var expected = (await RunningProgram.RunAsync(git)).Exited(0).Lines;
        var taken = (await network.BerthAsync("job", "post", "--wait", "--upload", folder, network.Write("job.json", Definition.Of("cd /workspace && find . -type f")))).Exited(0).Lines;

        Assert.Equal(expected.Order(StringComparer.Ordinal), taken.Select(line => line[2..]).Order(StringComparer.Ordinal));
        Assert.InRange(expected.Length, 15, names.Length - 15);
    }

    private static void Write(string folder, string name, string text)
    {
        var path = Path.Combine(folder, name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path, text);
    }
}
