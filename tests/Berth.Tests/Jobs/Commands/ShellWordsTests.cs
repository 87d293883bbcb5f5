using Berth.Jobs.Commands;
using CsCheck;
using Xunit;

namespace Berth.Tests.Jobs.Commands;

public sealed class ShellWordsTests
{
    public static TheoryData<string, string[]> Texts => new()
    {
        { "", [] },
        { " \t\n", [] },
        { "echo hello world", ["echo", "hello", "world"] },
        { "  a\t b\nc ", ["a", "b", "c"] },
        { "/bin/bash -c 'echo x; ls'", ["/bin/bash", "-c", "echo x; ls"] },
        { "/bin/sh'-c''echo hi'", ["/bin/sh-cecho hi"] },
        { "sh -c 'a;''b;'", ["sh", "-c", "a;b;"] },
        { "'it'\\''s'", ["it's"] },
        { "'' \"\"", ["", ""] },
        { "a\\ b", ["a b"] },
        { "a\\\nb", ["ab"] },
        { "end\\", ["end\\"] },
        { "\"a \\\"b\\\" \\\\ \\n\"", ["a \"b\" \\ \\n"] },
        { "'\\n'", ["\\n"] },
        { "a # b c", ["a"] },
        { "a # b\nc", ["a", "c"] },
        { "http://x/#part 'a # b'", ["http://x/#part", "a # b"] },
        { "x $HOME y", ["x", "", "y"] },
        { "a${HOME}b$1 \"<$HOME>\" '$HOME' \\$HOME", ["ab", "<>", "$HOME", "$HOME"] },
        { "5$ $. $", ["5$", "$.", "$"] },
        { "ls *.txt ?", ["ls", "*.txt", "?"] },
        { "a;b && c|d >e", ["a;b", "&&", "c|d", ">e"] },
        { "a 'b c", ["a", "b c"] },
        { "a \"b c", ["a", "b c"] },
        { "a ${b c", ["a", ""] },
    };

    [Theory]
    [MemberData(nameof(Texts))]
    public void A_text_splits_as_a_shell_quotes(string text, string[] words) => Assert.Equal(words, ShellWords.Split(text));

    [Fact]
    public void Any_words_in_single_quotes_come_back() => Gen.String.Array.Sample(words =>
        Assert.Equal(words, ShellWords.Split(string.Join(' ', words.Select(word => $"'{word.Replace("'", "'\\''", StringComparison.Ordinal)}'")))));

    [Fact]
    public void No_text_is_too_odd_to_split() =>
        Gen.Char[" a'\"\\$#{}\n*;"].Array.Sample(text => ShellWords.Split(new string(text)).All(word => word is not null));
}
