using Berth.Jobs;
using Berth.Jobs.Placeholders;
using Xunit;
using Literals = Berth.Jobs.Placeholders.Placeholders;

namespace Berth.Tests.Jobs.Placeholders;

public sealed class FindTests
{
    [Theory]
    [InlineData("%%global.job%%", PlaceholderKind.Global, null, "job", null)]
    [InlineData("%%globals.nonsense%%", PlaceholderKind.Global, null, "nonsense", null)]
    [InlineData("%%global.variables.A.B%%", PlaceholderKind.Variable, null, "variables", "A.B")]
    [InlineData("%%ops.a.host%%", PlaceholderKind.Operation, "a", "host", null)]
    [InlineData("%%ops.a.endpoint.80-90%%", PlaceholderKind.Operation, "a", "endpoint", "80-90")]
    [InlineData("%%ops.a.b.results.c.d%%", PlaceholderKind.Operation, "a.b", "results", "c.d")]
    [InlineData("%%ops.a.nonsense.b%%", PlaceholderKind.Operation, "a", "nonsense", "b")]
    [InlineData("%%ops.\"a.\\\"b\\\\\".results.\"c d\".e%%", PlaceholderKind.Operation, "a.\"b\\", "results", "c d.e")]
    public void A_placeholder_is_taken_apart(string text, PlaceholderKind kind, string? operation, string member, string? key)
    {
        var found = Assert.Single(Literals.Find($"<{text}>"));

        Assert.Equal((kind, operation, member, key), (found.Kind, found.Operation?.Value, found.Member, found.Key));
        Assert.Equal((1, text), (found.Start, found.Text));
    }

    [Fact]
    public void All_are_found_from_left_to_right() => Assert.Equal(
        [(6, "%%global.job%%"), (20, "%%ops.a.host%%"), (35, "%%globals.x%%")],
        Literals.Find("100%% %%global.job%%%%ops.a.host%% %%globals.x%%%").Select(found => (found.Start, found.Text)));

    [Theory]
    [InlineData("%%ops.a.results.b.results.c%%", "a", "b.results.c", "a")]
    [InlineData("%%ops.a.results.b.results.c%%", "a.results.b", "c", "a.results.b")]
    [InlineData("%%ops.a.results.b.results.c%%", "a", "b.results.c")]
    public void The_known_operations_settle_where_an_id_ends(string text, string operation, string key, params string[] known)
    {
        var found = Assert.Single(Literals.Find(text, known.Select(id => new OperationId(id)).ToHashSet()));

        Assert.Equal((operation, key, false), (found.Operation?.Value, found.Key, found.IsAmbiguous));
    }

    [Fact]
    public void Two_known_operations_that_fit_are_ambiguous()
    {
        var known = new HashSet<OperationId> { new("a"), new("a.results.b") };

        var found = Assert.Single(Literals.Find("%%ops.a.results.b.results.c%%", known));

        Assert.True(found.IsAmbiguous);
        Assert.Equal("a.results.b", found.Operation?.Value);
    }
}
