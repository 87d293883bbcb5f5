using Berth.EndToEndTests.Lab;

namespace Berth.EndToEndTests.Runs;

/// <summary>What a job leaves behind for its owner: files in output folders, and the result file.</summary>
public sealed class OutputTests
{
    private const string ToOutput = """{"output":"/output"}""";

    [Fact]
    public async Task Files_are_copied_out_with_whatever_names_they_have()
    {
        await using var desk = new Desk();
        string[] names = ["plain", "two words", "-rf", "näme", "new\nline", "..dots", "q'u\"o$te", "deep/er/file"];
        var script = string.Join("; ", names.Select(name => $"printf %s \"$(printf '{Octal(name)}')\" >\"/output/$(printf '{Octal(name)}')\""));

        (await desk.RunAsync(Definition.Of($"mkdir -p /output/deep/er; {script}", ToOutput), "--output", "taken")).Exited(0);

        var taken = Path.Combine(desk.Folder, "taken", "op");
        Assert.Equal(names.Order(StringComparer.Ordinal), Directory.EnumerateFiles(taken, "*", SearchOption.AllDirectories).Select(file => Path.GetRelativePath(taken, file)).Order(StringComparer.Ordinal));
        Assert.All(names, name => Assert.Equal(name, File.ReadAllText(Path.Combine(taken, name))));
    }

    [Fact]
    public async Task Links_to_the_outside_are_neither_followed_nor_made()
    {
        await using var desk = new Desk();
        var outside = desk.Write("outside", "untouched");

        var said = (await desk.RunAsync(
            Definition.Of(
                $"mkdir -p /output /src; echo in >/output/inside; ln -s inside /output/fine; ln -s {outside} /output/absolute; ln -s ../../outside /output/above; " +
                "ln -s / /output/root; mkfifo /output/pipe; ln /output/inside /output/twin",
                ToOutput),
            "--output",
            "taken")).Exited(0);

        var taken = new DirectoryInfo(Path.Combine(desk.Folder, "taken", "op"));
        Assert.Equal(["fine", "inside", "twin"], taken.EnumerateFileSystemInfos().Select(file => file.Name).Order(StringComparer.Ordinal));
        Assert.Equal("in\n", File.ReadAllText(Path.Combine(taken.FullName, "fine")));
        Assert.Equal("untouched", File.ReadAllText(outside));
        Assert.Contains("Left out of the output", said.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_failed_operation_leaves_what_it_had_made_so_far()
    {
        await using var desk = new Desk();

        (await desk.RunAsync(Definition.Of("mkdir /output; echo half >/output/part; exit 1", ToOutput), "--output", "taken")).Exited(1);

        Assert.Equal("half\n", File.ReadAllText(Path.Combine(desk.Folder, "taken", "op", "part")));
    }

    [Fact]
    public async Task Without_a_word_about_it_outputs_are_under_the_name_of_the_run()
    {
        await using var desk = new Desk();

        var said = (await desk.RunAsync(Definition.Of("mkdir /output; echo all >/output/file", ToOutput))).Exited(0);

        var place = Path.Combine(desk.Folder, "berth-output", desk.OnlyRun.Value, "op");
        Assert.Equal("all\n", File.ReadAllText(Path.Combine(place, "file")));
        Assert.Contains($"copied /output to {place} (1 file, 4 B)", said.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_output_folder_that_was_never_made_is_said_and_no_failure()
    {
        await using var desk = new Desk();

        var said = (await desk.RunAsync(Definition.Of("true", ToOutput), "--output", "taken")).Exited(0);

        Assert.Contains("There is no /output in the container", said.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_result_file_has_the_shape_that_clients_know()
    {
        await using var desk = new Desk();
        var job = Definition.Of("echo answer 42; echo oh >&2", members: """{"results":{"answer":"[0-9]+","none":"x{9}"},"execution":{"group":"work"}}""");

        var said = (await desk.RunAsync(job, "--result", "result.json")).Exited(0);

        var result = desk.Result();
        Assert.Equal(["status", "startTime", "endTime", "opStates"], result.EnumerateObject().Select(member => member.Name));
        Assert.Equal("success", result.GetProperty("status").GetString());
        Assert.True(result.GetProperty("endTime").GetInt64() >= result.GetProperty("startTime").GetInt64());
        var operation = Assert.Single(result.GetProperty("opStates").EnumerateArray());
        Assert.Equal(
            ["providerId", "operationId", "group", "status", "startTime", "endTime", "exitCode", "logs", "results", "errors", "diagnostics"],
            operation.EnumerateObject().Select(member => member.Name));
        Assert.Equal("work", operation.GetProperty("group").GetString());
        Assert.Equal(0, operation.GetProperty("exitCode").GetInt32());
        Assert.Equal(["stderr oh\n", "stdout answer 42\n"], operation.GetProperty("logs").EnumerateArray().Select(log => $"{log.GetProperty("type")} {log.GetProperty("log")}").Order(StringComparer.Ordinal));
        Assert.Equal("""{"answer":["42"],"none":[]}""", operation.GetProperty("results").GetRawText().ReplaceLineEndings("").Replace(" ", "", StringComparison.Ordinal));
        Assert.False(operation.GetProperty("diagnostics").GetProperty("state").GetProperty("OOMKilled").GetBoolean());
        Assert.Contains("op answer = \"42\"", said.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_result_keeps_the_end_of_a_long_log_and_says_how_much_came_before()
    {
        await using var desk = new Desk();

        (await desk.RunAsync(Definition.Of("seq 1 30000"), "--result", "result.json")).Exited(0);

        var logs = desk.Result().GetProperty("opStates")[0].GetProperty("logs");
        Assert.Equal(25_000, logs.GetArrayLength());
        Assert.Contains("5001 earlier lines", logs[0].GetProperty("log").GetString(), StringComparison.Ordinal);
        Assert.Equal("5002\n", logs[1].GetProperty("log").GetString());
        Assert.Equal("30000\n", logs[24_999].GetProperty("log").GetString());
    }

    private static string Octal(string text) =>
        string.Concat(System.Text.Encoding.UTF8.GetBytes(text).Select(code => $"\\{Convert.ToString(code, 8).PadLeft(3, '0')}"));
}
