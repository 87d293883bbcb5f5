using Berth.Jobs;
using Xunit;

namespace Berth.Tests.Jobs;

public sealed class JobIdTests
{
    [Theory]
    [InlineData("H3fhW6p9qQ2anKERK85LCVd3TJu2DVPdX2FhzWLMUyqg")]
    [InlineData("11111111111111111111111111111111")]
    public void An_address_is_a_job_id(string text) => Assert.Equal(text, JobId.Parse(text, null).ToString());

    [Fact]
    public void A_new_id_is_an_address_nobody_had() => Assert.NotEqual(JobId.Parse(JobId.New().Value, null), JobId.New());

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("1111111111111111111111111111111")]
    [InlineData("111111111111111111111111111111111")]
    [InlineData("H3fhW6p9qQ2anKERK85LCVd3TJu2DVPdX2FhzWLMUyq0")]
    [InlineData(" 11111111111111111111111111111111")]
    [InlineData("1111111111111111111111111111111111111111111111111111111111111111111111111111")]
    public void Anything_else_is_not(string? text) => Assert.False(JobId.TryParse(text, null, out _));

    [Fact]
    public void Refusing_says_what_was_expected()
    {
        var refusal = Assert.Throws<FormatException>(() => JobId.Parse("train", null));

        Assert.Contains("base58 of 32 bytes", refusal.Message, StringComparison.Ordinal);
    }
}
