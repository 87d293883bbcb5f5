using System.Diagnostics;
using Berth.Jobs.Definitions;
using Berth.Jobs.Results;
using CsCheck;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace Berth.Tests.Jobs.Results;

public sealed class ResultSearchTests
{
    public static TheoryData<string, string[], string?[]> Rules => new()
    {
        // Every key begins empty and stays so without a match.
        { "x", [], [] },
        { "x", ["a\n", "b\n"], [] },

        // Once per entry, not global; entries in order.
        { "a\\d", ["a1 a2\n", "none\n", "a3\n"], ["a1", "a3"] },

        // The full match, then all groups; one that took no part is null.
        { "(\\d+)-(\\d+)", ["10-20\n"], ["10-20", "10", "20"] },
        { "(a)|(b)", ["b\n", "a\n"], ["b", null, "b", "a", "a", null] },
        { "(a)(x)?", ["a\n"], ["a", "a", null] },

        // Named groups are groups, in JavaScript's order.
        { "(?<year>\\d+)-(\\d+)-(?<day>\\d+)", ["2024-05-06\n"], ["2024-05-06", "2024", "05", "06"] },
        { "(\\w)(?<same>\\w)\\k<same>", ["abb\n"], ["abb", "a", "b"] },
        { "(?:x)(?=y)(y)", ["xy\n"], ["xy", "y"] },

        // A lone star matches the empty text of every entry.
        { "*", ["a\n", "b\n"], ["", ""] },

        // Case counts.
        { "Done", ["done\n", "Done\n"], ["Done"] },

        // The ends are the entry's ends, and the newline belongs to the entry.
        { "done$", ["done\n"], [] },
        { "done$", ["done"], ["done"] },
        { "done\\n$", ["done\n"], ["done\n"] },
        { "^b", ["a\nb\n", "b\n"], ["b"] },

        // A dot is no line end of JavaScript's.
        { "a.*", ["abc\n", "ab\rc\n", "ab\u2028c\n", "ab\u2029c\n", "ab\u0085c\n"], ["abc", "ab", "ab", "ab", "ab\u0085c"] },

        // Digits and word characters are ASCII ones, blanks are Unicode's.
        { "^\\d\\w\\s", ["1a\u00a0\n", "٣a \n", "1é \n"], ["1a\u00a0"] },

        // Without the flag for it, these are plain letters.
        { "\\u{2}\\p{2}", ["uupp\n"], ["uupp"] },
        { "{", ["{\n"], ["{"] },
    };

    [Theory]
    [MemberData(nameof(Rules))]
    public void A_pattern_finds_what_JavaScript_would(string pattern, string[] entries, string?[] expected)
    {
        var value = Found(pattern, entries);

        Assert.Null(value.Error);
        Assert.Equal(expected, value.Matches);
    }

    [Theory]
    [InlineData("(", "SyntaxError: Invalid regular expression: /(/: Unterminated group")]
    [InlineData("[z-a]", "SyntaxError: Invalid regular expression: /[z-a]/: Range out of order in character class")]
    [InlineData("**", "SyntaxError: Invalid regular expression: /**/: Nothing to repeat")]
    [InlineData("a{2,1}", "SyntaxError: Invalid regular expression: /a{2,1}/: numbers out of order in {} quantifier")]
    public void An_invalid_pattern_says_so_in_place_of_matches(string pattern, string error)
    {
        var value = Found(pattern, "a\n");

        Assert.Equal(error, value.Error);
        Assert.Empty(value.Matches);
    }

    [Fact]
    public void A_pattern_that_cannot_be_converted_says_that_it_is_not_supported() =>
        Assert.StartsWith("SyntaxError: This regular expression is not supported", Found("\\1(a)", "a\n").Error, StringComparison.Ordinal);

    [Fact]
    public void Only_the_streams_named_are_searched()
    {
        var search = new ResultSearch([new("all", ".", []), new("err", ".", [LogStream.Stderr, LogStream.Node])], TimeProvider.System);

        search.Search(LogStream.Stdout, "1\n");
        search.Search(LogStream.Stderr, "2\n");
        search.Search(LogStream.Node, "3\n");

        Assert.Equal(["1", "2", "3"], search.Finish()["all"].Matches);
        Assert.Equal(["2", "3"], search.Finish()["err"].Matches);
    }

    [Fact]
    public void Entries_nobody_wants_need_not_be_made()
    {
        Assert.False(new ResultSearch([], TimeProvider.System).Covers(LogStream.Stdout));
        Assert.False(new ResultSearch([new("bad", "(", [])], TimeProvider.System).Covers(LogStream.Stdout));
        var errors = new ResultSearch([new("e", "x", [LogStream.Stderr])], TimeProvider.System);
        Assert.False(errors.Covers(LogStream.Stdout));
        Assert.True(errors.Covers(LogStream.Stderr));
    }

    [Fact]
    public void A_pattern_that_backtracks_for_ever_ends_in_a_timeout()
    {
        var before = Stopwatch.GetTimestamp();
        var search = new ResultSearch([new("slow", "^(a+)+$", []), new("quick", "a!", [])], TimeProvider.System);
        for (var entry = 0; entry < 100; entry++)
        {
            search.Search(LogStream.Stdout, new string('a', 50) + "!\n");
        }

        Assert.Equal("TimeoutError: the pattern took longer than 100 ms on one log entry", search.Finish()["slow"].Error);
        Assert.Equal(100, search.Finish()["quick"].Matches.Length);
        Assert.True(Stopwatch.GetElapsedTime(before) < TimeSpan.FromSeconds(4));
    }

    [Fact]
    public void All_entries_together_have_five_seconds()
    {
        var time = new FakeTimeProvider { AutoAdvanceAmount = TimeSpan.FromMilliseconds(50) };
        var search = new ResultSearch([new("k", "x", [])], time);
        for (var entry = 0; entry < 100; entry++)
        {
            search.Search(LogStream.Stdout, "x\n");
        }

        Assert.Equal(100, search.Finish()["k"].Matches.Length);

        search.Search(LogStream.Stdout, "x\n");

        Assert.Equal("TimeoutError: the patterns took longer than 5 s over all log entries", search.Finish()["k"].Error);
        Assert.False(search.Covers(LogStream.Stdout));
    }

    [Fact]
    public void The_first_ten_thousand_matches_are_kept()
    {
        var search = new ResultSearch([new("k", "\\d+", []), new("few", "^7\\n", [])], TimeProvider.System);
        for (var entry = 0; entry < 10_050; entry++)
        {
            search.Search(LogStream.Stdout, $"{entry}\n");
        }

        var kept = search.Finish()["k"].Matches;
        Assert.Equal(ResultSearch.MaximumMatches, kept.Length);
        Assert.Equal("9999", kept[^1]);
        Assert.Equal(["k"], search.CutKeys);
    }

    [Fact]
    public void A_megabyte_of_matches_is_kept()
    {
        var search = new ResultSearch([new("k", ".+", [])], TimeProvider.System);
        for (var entry = 0; entry < 12; entry++)
        {
            search.Search(LogStream.Stdout, new string('x', 100_000) + "\n");
        }

        Assert.Equal(10, search.Finish()["k"].Matches.Length);
        Assert.Equal(["k"], search.CutKeys);
    }

    [Fact]
    public void Broken_text_is_searched_like_any_other() =>
        Assert.Equal(["\ud800x\ufffd"], Found(".+", "\ud800x\ufffd\n").Matches);

    [Fact]
    public void No_pattern_is_too_odd_to_try()
    {
        string[] parts = ["(", ")", "[", "]", "{", "}", "?", "*", "+", "|", "^", "$", ".", "\\", "-", ",", "1", "99999999999", "a", "k", "<n>", "?<n>", "?=", "?<!", "\\k<n>", "\\2", "\\b", "\\u{1}", "\ud800", "é"];
        Gen.Int[0, parts.Length - 1].Array[0, 10].Sample(chosen =>
        {
            var value = Found(string.Concat(chosen.Select(index => parts[index])), "a1k\ud800é(\n", "\n");
            Assert.True(value.Error is null or ['S' or 'T', ..]);
        }, iter: 3_000);
    }

    private static ResultValue Found(string pattern, params string[] entries)
    {
        var search = new ResultSearch([new("key", pattern, [])], TimeProvider.System);
        foreach (var entry in entries)
        {
            search.Search(LogStream.Stdout, entry);
        }

        return search.Finish()["key"];
    }
}
