using System.Collections.Immutable;
using System.Text;
using System.Text.Json;
using Berth.Jobs;
using Berth.Jobs.Results;
using Berth.Node.Runs;
using CsCheck;
using Xunit;

namespace Berth.Tests.Node.Runs;

/// <summary>Values of secrets do not pass the mask in any of the forms it knows, and nothing else is touched.</summary>
public sealed class SecretMaskTests
{
    private const string Value = "s3cr3t+/=&é\"value";

    [Theory]
    [InlineData("the value is {0}, twice: {0}", "the value is •••, twice: •••")]
    [InlineData("{0}", "•••")]
    [InlineData("s3cr3t+/=", "s3cr3t+/=")]
    [InlineData("nothing of it", "nothing of it")]
    [InlineData("", "")]
    public void A_value_is_masked_wherever_it_stands_in_a_line(string line, string masked) => Assert.Equal(masked, Masked(Value, line.Replace("{0}", Value, StringComparison.Ordinal)));

    [Fact]
    public void Its_encodings_are_masked_as_well()
    {
        var bytes = Encoding.UTF8.GetBytes(Value);
        var encoded = new[]
        {
            Convert.ToBase64String(bytes), Convert.ToBase64String([.. bytes, (byte)'\n']), Convert.ToHexString(bytes), Convert.ToHexStringLower(bytes), Uri.EscapeDataString(Value),
            Uri.EscapeDataString(Value).Replace("%2B", "%2b", StringComparison.Ordinal).Replace("%2F", "%2f", StringComparison.Ordinal).Replace("%3D", "%3d", StringComparison.Ordinal)
                .Replace("%C3%A9", "%c3%a9", StringComparison.Ordinal),
            JsonSerializer.Serialize(Value)[1..^1],
        };

        foreach (var form in encoded)
        {
            var masked = Masked(Value, $"<{form}>");
            Assert.Equal("<•••>", masked);
        }
    }

    [Fact]
    public void A_value_within_longer_base64_is_masked_whatever_stands_around_it() =>
        Gen.Select(Gen.String[Gen.Char.AlphaNumeric, 0, 12], Gen.String[Gen.Char.AlphaNumeric, 8, 200], Gen.String[Gen.Char.AlphaNumeric, 0, 12]).Sample((before, value, after) =>
        {
            var text = Convert.ToBase64String(Encoding.UTF8.GetBytes($"{before}{value}{after}"));
            var masked = Masked(value, text);

            Assert.Contains("•••", masked, StringComparison.Ordinal);
            // What is left are the characters of what stands around it and those that value and neighbours share.
            Assert.True(masked.Length <= ((before.Length + after.Length) * 4 / 3) + 12, $"{text} became {masked}");
        });

    [Theory]
    [InlineData(76)]
    [InlineData(64)]
    public void Base64_that_is_wrapped_is_masked_line_by_line(int columns)
    {
        var value = new string([.. Enumerable.Range(0, 300).Select(number => (char)('a' + (number * 7 % 26)))]);
        var text = Convert.ToBase64String(Encoding.UTF8.GetBytes(value));

        foreach (var line in text.Chunk(columns).Select(line => new string(line)))
        {
            Assert.InRange(Masked(value, line).Length, 3, 6);
        }
    }

    [Fact]
    public void Each_line_of_a_value_of_several_lines_is_masked()
    {
        const string Pem = "-----BEGIN KEY-----\nMIIEvQIBADANBgkqh\r\nkiG9w0BAQ\n--\n";

        Assert.Equal("•••", Masked(Pem, "MIIEvQIBADANBgkqh"));
        Assert.Equal("x ••• y", Masked(Pem, "x kiG9w0BAQ y"));
        Assert.Equal("--", Masked(Pem, "--"));
        Assert.Equal("{\"key\":\"•••\"}", Masked(Pem, $"{{\"key\":{JsonSerializer.Serialize(Pem)}}}"));
    }

    [Fact]
    public void Values_shorter_than_four_bytes_are_not_masked_and_are_told_of()
    {
        var secrets = new RunSecrets(new Dictionary<string, string> { ["SHORT"] = "abc", ["LONG"] = "abcd" }.ToImmutableDictionary());

        Assert.Equal(["SHORT"], secrets.Unmasked);
        Assert.Equal("abc •••", Encoding.UTF8.GetString(secrets.Mask.Apply(Encoding.UTF8.GetBytes("abc abcd")).Span));
        Assert.DoesNotContain("abc", $"{secrets}", StringComparison.Ordinal);
    }

    [Fact]
    public void The_longer_of_two_values_is_masked_whole() => Assert.Equal("•••!", Encoding.UTF8.GetString(SecretMask.Of(["pass", "password"]).Apply(Encoding.UTF8.GetBytes("password!")).Span));

    [Fact]
    public void A_line_that_was_cut_within_a_value_does_not_end_in_its_beginning()
    {
        var mask = SecretMask.Of([Value]);
        var line = Encoding.UTF8.GetBytes("text s3cr3t+");

        Assert.Equal("text •••", Encoding.UTF8.GetString(mask.Apply(line, isCut: true).Span));
        Assert.Equal("text s3cr3t+", Encoding.UTF8.GetString(mask.Apply(line).Span));
        Assert.Equal("text", Encoding.UTF8.GetString(mask.Apply(Encoding.UTF8.GetBytes("text"), isCut: true).Span));
        Assert.Equal("text", Encoding.UTF8.GetString(SecretMask.None.Apply(Encoding.UTF8.GetBytes("text"), isCut: true).Span));
    }

    [Fact]
    public void Bytes_that_are_no_text_pass_as_they_are()
    {
        byte[] line = [0xff, 0x00, .. Encoding.UTF8.GetBytes(Value), 0xfe];

        Assert.Equal([0xff, 0x00, .. Encoding.UTF8.GetBytes("•••"), 0xfe], SecretMask.Of([Value]).Apply(line).ToArray());
    }

    [Fact]
    public void Events_are_masked_in_all_their_texts()
    {
        var mask = SecretMask.Of([Value]);
        var one = new OperationId("one");
        var ended = new OperationEnded(one, OperationOutcome.Failed)
        {
            ExitCode = 3,
            Error = new OperationError(OperationFault.Engine, $"The engine says {Value}."),
            Results = new Dictionary<string, ResultValue> { ["r"] = new ResultValue { Matches = [$"it is {Value}"] } }.ToImmutableDictionary(),
        };

        var masked = Assert.IsType<OperationEnded>(mask.Apply(ended));

        Assert.Equal("The engine says •••.", masked.Error?.Message);
        Assert.Equal((one, 3, OperationOutcome.Failed), (masked.Operation, masked.ExitCode, masked.Outcome));
        Assert.Equal(["it is •••"], masked.Results["r"].Matches);
        Assert.DoesNotContain("s3cr3t", Encoding.UTF8.GetString(RunEventJson.Write(mask.Apply(new Notice(NoticeLevel.Warning, Value)))), StringComparison.Ordinal);
    }

    private static string Masked(string value, string line) => Encoding.UTF8.GetString(SecretMask.Of([value]).Apply(Encoding.UTF8.GetBytes(line)).Span);
}
