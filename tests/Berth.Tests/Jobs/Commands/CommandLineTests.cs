using Berth.Jobs.Commands;
using Berth.Jobs.Definitions;
using Xunit;

namespace Berth.Tests.Jobs.Commands;

public sealed class CommandLineTests
{
    [Fact]
    public void No_cmd_leaves_the_images_own() => Assert.Null(CommandLine.For(CommandForm.ImageDefault, entrypoint: null));

    [Fact]
    public void An_empty_list_leaves_the_images_own() => Assert.Null(CommandLine.For(new CommandList([]), entrypoint: ["python"]));

    [Theory]
    [InlineData("test command")]
    [InlineData("echo a; echo b")]
    [InlineData("/bin/bash -c 'echo x; ls'")]
    [InlineData("")]
    public void A_text_is_a_script_for_the_shell(string script)
    {
        Assert.Equal(["/bin/sh", "-c", script], CommandLine.For(new CommandText(script), entrypoint: null));
        Assert.Equal(["/bin/sh", "-c", script], CommandLine.For(new CommandText(script), entrypoint: ["python"]));
    }

    [Theory]
    [InlineData("example", "test command")]
    [InlineData("/bin/sh", "-c", "echo hi")]
    [InlineData("-c", "a; b")]
    [InlineData("/bin/sh", "-c", "a;", "b;")]
    [InlineData("printf", "'quoted' $HOME *", "{\"a\":1}")]
    [InlineData("one")]
    [InlineData("")]
    [InlineData("", "x y")]
    public void A_list_whose_first_element_has_no_blank_is_taken_as_it_is(params string[] elements)
    {
        Assert.Equal(elements, CommandLine.For(new CommandList([.. elements]), entrypoint: null));
        Assert.Equal(elements, CommandLine.For(new CommandList([.. elements]), entrypoint: ["python"]));
    }

    public static TheoryData<string[], string[]> ListsOf2024 => new()
    {
        { ["sh -c ", "nvidia-smi; cat /proc/cpuinfo | head -1;"], ["sh", "-c", "nvidia-smi; cat /proc/cpuinfo | head -1;"] },
        { ["sh -c ", "a;", "b;"], ["sh", "-c", "a;b;"] },
        { ["/bin/bash -c ", "for i in {1..3}; do echo $i; done"], ["/bin/bash", "-c", "for i in {1..3}; do echo $i; done"] },
        { ["sh -c", "a;", "b;"], ["sh", "-ca;b;"] },
        { ["sh -c ", "echo it'\\''s"], ["sh", "-c", "echo it's"] },
        { ["sh -c ", "echo 'a b' \"$X\""], ["sh", "-c", "echo 'a b' \"$X\""] },
        { ["'my program' --name=\"a b\" ", "rest"], ["my program", "--name=a b", "rest"] },
        { ["sh -c\\ ", "x"], ["sh", "-c x"] },
        { ["sh -c ", ""], ["sh", "-c", ""] },
        { [" ", "x y"], ["x y"] },
    };

    [Theory]
    [MemberData(nameof(ListsOf2024))]
    public void A_blank_in_the_first_of_several_makes_the_others_one_script(string[] elements, string[] expected)
    {
        Assert.Equal(expected, CommandLine.For(new CommandList([.. elements]), entrypoint: null));
        Assert.Equal(expected, CommandLine.For(new CommandList([.. elements]), entrypoint: ["python"]));
    }

    [Theory]
    [InlineData("echo hello world")]
    [InlineData("gunicorn -w 4 -b 0.0.0.0:8000 main:app")]
    [InlineData("a\nb")]
    public void A_single_element_with_a_blank_is_a_script(string script) =>
        Assert.Equal(["/bin/sh", "-c", script], CommandLine.For(new CommandList([script]), entrypoint: null));

    [Theory]
    [InlineData("echo hello world", "echo", "hello", "world")]
    [InlineData("serve --name 'two words'", "serve", "--name", "two words")]
    public void Behind_an_entrypoint_it_is_split_into_arguments(string element, params string[] expected) =>
        Assert.Equal(expected, CommandLine.For(new CommandList([element]), entrypoint: ["python"]));

    [Fact]
    public void Blanks_alone_behind_an_entrypoint_are_no_arguments() =>
        Assert.Null(CommandLine.For(new CommandList(["  "]), entrypoint: ["python"]));

    [Theory]
    [InlineData("sh", "-c")]
    [InlineData("bash", "-lc")]
    public void Behind_a_shell_that_waits_for_its_script_a_list_is_taken_as_it_is(string shell, string flag)
    {
        Assert.Equal(["echo 'a b'; ls"], CommandLine.For(new CommandList(["echo 'a b'; ls"]), entrypoint: [shell, flag]));
        Assert.Equal(["echo $0 $1", "x", "y"], CommandLine.For(new CommandList(["echo $0 $1", "x", "y"]), entrypoint: [shell, flag]));
    }
}
