using System.Text.RegularExpressions;
using Berth.EndToEndTests.Lab;

namespace Berth.EndToEndTests.Runs;

/// <summary>Exposed ports and their health checks, as a person sees them while the job runs.</summary>
public sealed partial class ServiceTests
{
    private const string Checked = """{"expose":[{"port":8080,"health_checks":[{"type":"http","path":"/ready","method":"GET","expected_status":200,"continuous":false}]}]}""";
    private const string Serves = """{"execution":{"group":"g","depends_on":["client"],"stop_if_dependent_stops":true}}""";
    private const string InGroup = """{"execution":{"group":"g"}}""";

    // The answer to the key of RFC 6455, and one unmasked text frame.
    private const string WebSocket = """
        cat >/talk <<'END'
        #!/bin/sh
        while read -r line; do
          line=$(printf %s "$line" | tr -d '\r')
          [ -n "$line" ] || break
          case $line in Sec-WebSocket-Key:*) key=${line#*: } ;; esac
        done
        accept=$(printf %s "${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11" | sha1sum | cut -c1-40 | xxd -r -p | base64)
        printf 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n\201\005hello' "$accept"
        sleep 2
        END
        chmod +x /talk; exec nc -ll -p 9000 -e /talk
        """;

    [Fact]
    public async Task An_exposed_port_answers_at_the_printed_address_on_loopback()
    {
        await using var desk = new Desk();
        await using var berth = desk.Start(Definition.Of("trap 'exit 0' TERM; echo 'the tide is in' >/tide; httpd -p 8080 -h /; echo up; while true; do usleep 50000; done", """{"expose":8080}"""));
        await berth.SaysAsync("up");
        var url = Address().Match(await berth.TellsAsync("port 8080 at http://")).Value;
        using var http = new HttpClient();

        Assert.Equal("the tide is in\n", await http.GetStringAsync($"{url}/tide"));
        Assert.StartsWith("http://127.0.0.1:", url, StringComparison.Ordinal);

        berth.Signal(15);
        (await berth.EndAsync()).Exited(143);
        await Assert.ThrowsAsync<HttpRequestException>(() => http.GetAsync(url));
    }

    [Fact]
    public async Task What_waits_for_a_service_starts_when_its_http_check_passes()
    {
        await using var desk = new Desk();
        var job = new Definition()
            .Then("server", "httpd -p 8080 -h /; usleep 1500000; touch /ready; while true; do sleep 1; done", Checked, Serves)
            .Then("client", "wget -q -O - http://server:8080/ready && echo it is there", members: InGroup);

        var said = (await desk.RunAsync(job, "--format", "json")).Exited(0);

        var kinds = said.Events.Select(one => $"{one.GetProperty("kind").GetString()} {(one.TryGetProperty("operation", out var id) ? id.GetString() : "")}").ToList();
        Assert.InRange(kinds.IndexOf("endpoint-health server"), kinds.IndexOf("container-started server") + 1, kinds.IndexOf("container-starting client") - 1);
        Assert.Contains(said.Events, one => one.TryGetProperty("text", out var text) && text.GetString() == "it is there");
    }

    [Fact]
    public async Task Health_is_told_in_words()
    {
        await using var desk = new Desk();
        var job = new Definition()
            .Then("server", "touch /ready; exec httpd -f -p 8080 -h /", Checked, Serves)
            .Then("client", "true", members: InGroup);

        var said = (await desk.RunAsync(job)).Exited(0);

        Assert.Contains("server port 8080 is healthy", said.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("hello", 0)]
    [InlineData("goodbye", 1)]
    public async Task A_websocket_check_passes_when_the_expected_words_are_heard(string expected, int exitCode)
    {
        await using var desk = new Desk();
        var check = $$"""{"expose":[{"port":9000,"health_checks":[{"type":"websocket","expected_response":"{{expected}}","continuous":false}]}]}""";
        var job = new Definition()
            .Then("server", exitCode == 0 ? WebSocket : $"({WebSocket}\n) & usleep 4000000; exit 7", check, Serves)
            .Then("client", "echo heard", members: InGroup);

        var said = (await desk.RunAsync(job)).Exited(exitCode);

        Assert.Equal(exitCode == 0, said.Output.Contains("heard", StringComparison.Ordinal));
    }

    [GeneratedRegex(@"http://[0-9.:]+")]
    private static partial Regex Address();
}
