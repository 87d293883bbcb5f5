using System.Text;
using Berth.Protocol;
using Berth.Protocol.Identity;
using Xunit;

namespace Berth.Tests.Protocol.Identity;

/// <summary>Signing requests and finding out who signed them (RFC 9421).</summary>
public sealed class MessageSignatureTests : IDisposable
{
    private static readonly DateTimeOffset Now = new(2026, 11, 24, 12, 0, 0, TimeSpan.Zero);
    private static readonly byte[] Body = "{\"hello\": \"world\"}"u8.ToArray();

    private readonly SigningKey _key = SigningKey.FromSeed(Convert.FromHexString("9f8362f87a484a954e6e740c5b4c0e84229139a20aa8ab56ff66586f6a7d29c5"));

    public void Dispose() => _key.Dispose();

    /// <summary>RFC 9421, B.2.6: the same key, request, text to be signed and signature.</summary>
    [Fact]
    public void The_example_of_the_standard_comes_out()
    {
        var request = Request("POST", "Example.com", "/foo?param=Value&Pet=dog", new()
        {
            ["date"] = ["Tue, 20 Apr 2021 02:07:55 GMT"],
            ["content-type"] = ["application/json"],
            ["content-length"] = ["18"],
        });
        var covered = (FieldList)StructuredFieldReader.ReadDictionary(
            """sig-b26=("date" "@method" "@path" "@authority" "content-type" "content-length");created=1618884473;keyid="test-key-ed25519" """)!["sig-b26"];

        var text = SignatureBase.Of(request, covered);

        Assert.Equal(
            """
            "date": Tue, 20 Apr 2021 02:07:55 GMT
            "@method": POST
            "@path": /foo
            "@authority": example.com
            "content-type": application/json
            "content-length": 18
            "@signature-params": ("date" "@method" "@path" "@authority" "content-type" "content-length");created=1618884473;keyid="test-key-ed25519"
            """,
            text);
        Assert.Equal(
            "wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw==",
            Convert.ToBase64String(_key.Sign(Encoding.ASCII.GetBytes(text))));
    }

    [Fact]
    public void What_is_signed_is_a_line_for_each_part_of_the_request()
    {
        var signature = MessageSigner.Sign(_key, Request("POST", "market.example:8443", "/api/v1/jobs?wait=1", Digested(Body)), Now, Now.AddMinutes(2), "n-1");

        Assert.Equal(
            $"""berth=("@method" "@authority" "@path" "@query" "content-digest");created=1795521600;expires=1795521720;nonce="n-1";keyid="{_key.Address}";alg="ed25519" """.TrimEnd(),
            signature.Input);
        Assert.True(_key.Address.Verify(
            Encoding.ASCII.GetBytes(
                $"""
                "@method": POST
                "@authority": market.example:8443
                "@path": /api/v1/jobs
                "@query": ?wait=1
                "content-digest": sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:
                "@signature-params": {signature.Input["berth=".Length..]}
                """),
            Convert.FromBase64String(signature.Signature["berth=:".Length..^1])));
    }

    [Fact]
    public void Who_signed_is_told_with_the_nonce_and_how_long_it_must_be_kept()
    {
        var answer = Verify(Signed("POST", "market.example", "/api/v1/jobs", Body), Body);

        Assert.Equal(new SignatureAccepted(_key.Address, "n-1", Now.AddMinutes(2)), answer);
    }

    [Theory]
    [InlineData("GET", "market.example", "/")]
    [InlineData("GET", "market.example", "")]
    [InlineData("DELETE", "[::1]:5000", "/api/v1/jobs/%C3%A9%2F?a=b%20c&a=?&")]
    [InlineData("PATCH", "MARKET.example", "/x?")]
    public void A_request_without_a_body_needs_no_digest(string method, string authority, string target) =>
        Assert.IsType<SignatureAccepted>(Verify(Signed(method, authority, target), []));

    [Fact]
    public void The_case_of_the_authority_and_an_empty_path_or_query_change_nothing()
    {
        var signed = Signed("GET", "Market.Example", "");

        Assert.IsType<SignatureAccepted>(Verify(signed with { Authority = "mARKET.example", Path = "/", Query = "?" }, []));
    }

    [Fact]
    public void Whatever_is_altered_the_request_is_refused()
    {
        var signed = Signed("POST", "market.example", "/api/v1/jobs?wait=1", Body);

        Assert.IsType<SignatureAccepted>(Verify(signed, Body));
        Refused(Verify(signed with { Method = "PUT" }, Body), ProblemTypes.NotSigned, "altered");
        Refused(Verify(signed with { Method = "post" }, Body), ProblemTypes.NotSigned, "altered");
        Refused(Verify(signed with { Authority = "market.example:8080" }, Body), ProblemTypes.NotSigned, "altered");
        Refused(Verify(signed with { Path = "/api/v1/Jobs" }, Body), ProblemTypes.NotSigned, "altered");
        Refused(Verify(signed with { Path = "/api/v1/%6aobs" }, Body), ProblemTypes.NotSigned, "altered");
        Refused(Verify(signed with { Query = "?wait=2" }, Body), ProblemTypes.NotSigned, "altered");
        Refused(Verify(signed with { Query = "" }, Body), ProblemTypes.NotSigned, "altered");
        Refused(Verify(signed, "{\"hello\": \"World\"}"u8), ProblemTypes.NotSigned, "body");
        Refused(Verify(signed, []), ProblemTypes.NotSigned, "body");
        Refused(Verify(With(signed, "content-digest", ContentDigest.Of("other"u8)), "other"u8), ProblemTypes.NotSigned, "altered");
        Refused(Verify(With(signed, "content-digest", null), Body), ProblemTypes.NotSigned, "content-digest");
    }

    [Theory]
    [InlineData("created=1795521600", "created=1795521601")]
    [InlineData("expires=1795521720", "expires=1795521721")]
    [InlineData("n-1", "n-2")]
    [InlineData("\"@method\" \"@authority\"", "\"@authority\" \"@method\"")]
    [InlineData(";alg=\"ed25519\"", ";alg=\"ed25519\";tag=\"x\"")]
    public void Altered_parameters_are_refused(string from, string to)
    {
        var signed = Signed("GET", "market.example", "/");
        var input = signed.Header("signature-input").Single()!.Replace(from, to, StringComparison.Ordinal);

        Refused(Verify(With(signed, "signature-input", input), []), ProblemTypes.NotSigned, "altered");
    }

    [Fact]
    public void Somebody_elses_keyid_is_refused()
    {
        using var other = SigningKey.New();
        var signed = Signed("GET", "market.example", "/");
        var input = signed.Header("signature-input").Single()!.Replace(_key.Address.Value, other.Address.Value, StringComparison.Ordinal);

        Refused(Verify(With(signed, "signature-input", input), []), ProblemTypes.NotSigned, other.Address.Value);
    }

    [Fact]
    public void A_body_that_the_signature_does_not_cover_is_refused()
    {
        var bare = Signed("POST", "market.example", "/");

        Refused(Verify(bare, Body), ProblemTypes.NotSigned, "content-digest");
        Refused(Verify(With(bare, "content-digest", ContentDigest.Of(Body)), Body), ProblemTypes.NotSigned, "content-digest");
    }

    [Theory]
    [InlineData("@method")]
    [InlineData("@authority")]
    [InlineData("@path")]
    [InlineData("@query")]
    public void A_part_that_the_signature_does_not_cover_is_refused(string part)
    {
        var parts = new[] { "@method", "@authority", "@path", "@query" }.Where(name => name != part).Select(name => $"\"{name}\"");

        Refused(Verify(SignedOver(string.Join(' ', parts)), []), ProblemTypes.NotSigned, part);
    }

    [Fact]
    public void Further_headers_may_be_covered_and_then_count()
    {
        var headers = new Dictionary<string, string?[]> { ["idempotency-key"] = [" a ", "b\t"] };
        var signed = SignedOver("\"@method\" \"@authority\" \"@path\" \"@query\" \"idempotency-key\"", headers);

        Assert.IsType<SignatureAccepted>(Verify(signed, []));
        Assert.IsType<SignatureAccepted>(Verify(With(signed, "idempotency-key", "a, b"), []));
        Refused(Verify(With(signed, "idempotency-key", "a, c"), []), ProblemTypes.NotSigned, "altered");
        Refused(Verify(With(signed, "idempotency-key", null), []), ProblemTypes.NotSigned, "idempotency-key");
    }

    [Theory]
    [InlineData("\"@status\"")]
    [InlineData("\"@target-uri\"")]
    [InlineData("\"@signature-params\"")]
    [InlineData("\"Host\"")]
    [InlineData("\"missing\"")]
    [InlineData("\"\"")]
    [InlineData("\"content-type\";sf")]
    [InlineData("\"content-type\";bs")]
    [InlineData("\"@method\";req")]
    [InlineData("\"latin\"")]
    [InlineData("content-type")]
    [InlineData("1")]
    [InlineData(":YQ==:")]
    public void A_component_that_is_missing_or_of_a_strange_kind_is_refused(string component)
    {
        var headers = new Dictionary<string, string?[]> { ["content-type"] = ["text/plain"], ["host"] = ["market.example"], ["latin"] = ["é"] };
        var signed = WithInput($"(\"@method\" \"@authority\" \"@path\" \"@query\" {component}){Parameters()}", headers);

        Refused(Verify(signed, []), ProblemTypes.NotSigned, component);
    }

    [Fact]
    public void A_component_that_is_covered_twice_is_refused() =>
        Refused(Verify(SignedOver("\"@method\" \"@authority\" \"@path\" \"@query\" \"@path\""), []), ProblemTypes.NotSigned, "twice");

    [Theory]
    [InlineData(-60, true)]
    [InlineData(60, true)]
    [InlineData(-61, false)]
    [InlineData(61, false)]
    public void A_clock_may_be_off_by_a_minute(int secondsOff, bool isAccepted)
    {
        var signed = Signed("GET", "market.example", "/");

        var answer = new MessageVerifier().Verify(signed, [], Now.AddSeconds(secondsOff));

        if (isAccepted)
        {
            Assert.IsType<SignatureAccepted>(answer);
        }
        else
        {
            Refused(answer, ProblemTypes.ClockSkew, secondsOff > 0 ? "61 s before" : "61 s after");
        }
    }

    [Fact]
    public void A_narrower_window_can_be_asked_for() =>
        Refused(new MessageVerifier { Window = TimeSpan.FromSeconds(5) }.Verify(Signed("GET", "market.example", "/"), [], Now.AddSeconds(6)), ProblemTypes.ClockSkew, "6 s before");

    [Fact]
    public void An_expired_signature_is_refused_from_the_moment_it_expires()
    {
        var signed = SignedOver("\"@method\" \"@authority\" \"@path\" \"@query\"", parameters: Parameters(expires: 30));

        Assert.IsType<SignatureAccepted>(new MessageVerifier().Verify(signed, [], Now.AddSeconds(30)));
        Refused(new MessageVerifier().Verify(signed, [], Now.AddSeconds(30.01)), ProblemTypes.ClockSkew, "expired");
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-1)]
    [InlineData(301)]
    public void A_signature_that_lives_too_long_or_not_at_all_is_refused(int life) =>
        Refused(Verify(SignedOver("\"@method\" \"@authority\" \"@path\" \"@query\"", parameters: Parameters(expires: life)), []), ProblemTypes.NotSigned, "expire");

    [Fact]
    public void Numbers_that_are_no_dates_are_of_another_time() =>
        Refused(
            Verify(SignedOver("\"@method\" \"@authority\" \"@path\" \"@query\"", parameters: Parameters().Replace("1795521", "999999999999", StringComparison.Ordinal)), []),
            ProblemTypes.ClockSkew,
            "after");

    [Theory]
    [InlineData("created=1795521600")]
    [InlineData("expires=1795521720")]
    [InlineData("nonce=\"n-1\"")]
    [InlineData("keyid=")]
    [InlineData("alg=\"ed25519\"")]
    public void A_parameter_that_is_missing_is_refused(string parameter)
    {
        var start = Parameters().IndexOf(parameter, StringComparison.Ordinal);
        var end = Parameters().IndexOf(';', start);
        var parameters = Parameters().Remove(start - 1, (end < 0 ? Parameters().Length : end) - start + 1);

        Refused(Verify(SignedOver("\"@method\" \"@authority\" \"@path\" \"@query\"", parameters: parameters), []), ProblemTypes.NotSigned, "parameters");
    }

    [Theory]
    [InlineData("created=1795521600", "created=\"1795521600\"")]
    [InlineData("nonce=\"n-1\"", "nonce=\"\"")]
    [InlineData("nonce=\"n-1\"", "nonce=n-1")]
    [InlineData("nonce=\"n-1\"", "nonce=\"01234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890\"")]
    [InlineData("alg=\"ed25519\"", "alg=\"hmac-sha256\"")]
    [InlineData("alg=\"ed25519\"", "alg=ed25519")]
    public void A_parameter_of_the_wrong_kind_is_refused(string from, string to)
    {
        var parameters = Parameters().Replace(from, to, StringComparison.Ordinal);

        Refused(Verify(SignedOver("\"@method\" \"@authority\" \"@path\" \"@query\"", parameters: parameters), []), ProblemTypes.NotSigned, "parameters");
    }

    [Fact]
    public void A_keyid_that_is_no_address_is_refused() =>
        Refused(
            Verify(SignedOver("\"@method\" \"@authority\" \"@path\" \"@query\"", parameters: Parameters().Replace(_key.Address.Value, "me", StringComparison.Ordinal)), []),
            ProblemTypes.NotSigned,
            "keyid");

    [Fact]
    public void Parameters_of_others_may_stand_beside_ours() =>
        Assert.IsType<SignatureAccepted>(Verify(SignedOver("\"@method\" \"@authority\" \"@path\" \"@query\"", parameters: Parameters() + ";tag=\"mine\""), []));

    [Theory]
    [InlineData("signature-input", null, "has no Signature-Input header")]
    [InlineData("signature", null, "has no Signature header")]
    [InlineData("signature-input", "", "labelled 'berth'")]
    [InlineData("signature", "other=:AQID:", "labelled 'berth'")]
    [InlineData("signature-input", "berth=(\"@method\"", "no dictionary")]
    [InlineData("signature", "berth=:AQI", "no dictionary")]
    [InlineData("signature-input", "berth=1", "no list")]
    [InlineData("signature-input", "berth", "no list")]
    [InlineData("signature", "berth=\"AQID\"", "no bytes")]
    [InlineData("signature", "berth=(:AQID:)", "no bytes")]
    [InlineData("signature", "berth=:AQID:", "altered")]
    [InlineData("signature", "berth=::", "altered")]
    public void Headers_that_are_missing_or_spoiled_are_refused(string header, string? value, string words) =>
        Refused(Verify(With(Signed("GET", "market.example", "/"), header, value), []), ProblemTypes.NotSigned, words);

    [Fact]
    public void Headers_without_end_are_not_read() =>
        Refused(Verify(With(Signed("GET", "market.example", "/"), "signature", new string('a', 10_000)), []), ProblemTypes.NotSigned, "longer");

    [Fact]
    public void Other_signatures_may_stand_beside_ours_in_lines_of_their_own()
    {
        var signed = Signed("GET", "market.example", "/");
        IEnumerable<string?> Header(string name) => name switch
        {
            "signature-input" => ["proxy=(\"@status\");created=1", .. signed.Header(name)],
            "signature" => [.. signed.Header(name), "proxy=:AQID:"],
            _ => signed.Header(name),
        };

        Assert.IsType<SignatureAccepted>(Verify(signed with { Header = Header }, []));
    }

    [Theory]
    [InlineData("sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:", true)]
    [InlineData("sha-512=:WZDPaVn/7XgHaAy8pmojAkGWoRx2UFChF41A2svX+TaPm+AbwAgBWnrIiYllu7BNNyealdVLvRwEmTHWXvJwew==:", true)]
    [InlineData("md5=:AQID:, sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:", true)]
    [InlineData("sha-512=:AQID:, sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:", false)]
    [InlineData("sha-256=X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=", false)]
    [InlineData("sha-256=(:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:)", false)]
    [InlineData("md5=:AQID:", false)]
    [InlineData("", false)]
    public void A_digest_holds_when_every_one_that_can_be_checked_is_the_bodys(string header, bool holds) => Assert.Equal(holds, ContentDigest.Holds(header, Body));

    [Theory]
    [InlineData("http://Market.Example/api/v1/jobs", "market.example", "/api/v1/jobs", "")]
    [InlineData("https://market.example:443?x=%20y", "market.example", "/", "?x=%20y")]
    [InlineData("https://market.example:80/", "market.example:80", "/", "")]
    [InlineData("http://[::1]:5000/%C3%A9/../a%2Fb", "[::1]:5000", "/a%2Fb", "")]
    public void The_parts_of_a_request_to_be_sent_are_those_of_its_request_line(string uri, string authority, string path, string query)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, uri);

        var parts = RequestParts.Of(request);

        Assert.Equal((authority, path, query), (parts.Authority, parts.Path, parts.Query));
    }

    private static SignatureAnswer Verify(RequestParts request, ReadOnlySpan<byte> body) => new MessageVerifier().Verify(request, body, Now);

    private static void Refused(SignatureAnswer answer, string code, string words)
    {
        var refused = Assert.IsType<SignatureRefused>(answer);
        Assert.Equal(code, refused.Code);
        Assert.Contains(words, refused.Sentence, StringComparison.Ordinal);
    }

    private static Dictionary<string, string?[]> Digested(byte[] body) => new() { ["content-digest"] = [ContentDigest.Of(body)] };

    private static RequestParts Request(string method, string authority, string target, Dictionary<string, string?[]> headers) =>
        RequestParts.Of(method, authority, target, name => headers.GetValueOrDefault(name.ToLowerInvariant()) ?? []);

    private static RequestParts With(RequestParts request, string header, string? value) =>
        request with { Header = name => name != header ? request.Header(name) : value is null ? [] : [value] };

    private RequestParts Signed(string method, string authority, string target, byte[]? body = null)
    {
        var request = Request(method, authority, target, body is null ? [] : Digested(body));
        var signature = MessageSigner.Sign(_key, request, Now, Now.AddMinutes(2), "n-1");
        return With(With(request, "signature-input", signature.Input), "signature", signature.Signature);
    }

    private string Parameters(int expires = 120) =>
        $";created=1795521600;expires={1795521600 + expires};nonce=\"n-1\";keyid=\"{_key.Address}\";alg=\"ed25519\"";

    /// <summary>A good signature over what a stranger chose to cover.</summary>
    private RequestParts SignedOver(string components, Dictionary<string, string?[]>? headers = null, string? parameters = null)
    {
        var input = $"({components}){parameters ?? Parameters()}";
        var request = WithInput(input, headers);
        var covered = (FieldList)StructuredFieldReader.ReadDictionary($"berth={input}")!["berth"];
        var signature = _key.Sign(Encoding.ASCII.GetBytes(SignatureBase.Of(request, covered)));
        return With(request, "signature", $"berth={new BytesItem([.. signature])}");
    }

    private static RequestParts WithInput(string input, Dictionary<string, string?[]>? headers) =>
        With(With(Request("GET", "market.example", "/", headers ?? []), "signature-input", $"berth={input}"), "signature", "berth=:AQID:");
}
