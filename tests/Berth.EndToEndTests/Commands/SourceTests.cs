using System.Net;
using System.Net.Sockets;
using System.Text;
using Berth.EndToEndTests.Lab;

namespace Berth.EndToEndTests.Commands;

/// <summary>Where a definition is taken from, and what is said when nothing good is there.</summary>
public sealed class SourceTests
{
    [Fact]
    public async Task A_file_that_does_not_exist_is_named()
    {
        await using var desk = new Desk();

        Assert.Equal("berth: nowhere.json does not exist.\n", (await desk.BerthAsync("run", "nowhere.json")).Exited(2).Error);
    }

    [Fact]
    public async Task A_folder_is_no_definition()
    {
        await using var desk = new Desk();

        Assert.Equal("berth: . is a folder, not a job definition.\n", (await desk.BerthAsync("run", ".")).Exited(2).Error);
    }

    [Fact]
    public async Task A_file_of_fifty_megabytes_is_refused_at_once()
    {
        await using var desk = new Desk();
        using (var file = File.Create(Path.Combine(desk.Folder, "huge.json")))
        {
            file.Write(Encoding.UTF8.GetBytes(Definition.Of("true").ToString()));
            file.SetLength(50_000_000);
        }

        var said = (await desk.BerthAsync("run", "huge.json")).Exited(2);

        Assert.Contains("larger than 1 MiB", said.Error, StringComparison.Ordinal);
        Assert.InRange(said.Took, TimeSpan.Zero, TimeSpan.FromSeconds(10));
    }

    [Theory]
    [InlineData("")]
    [InlineData(" \n")]
    [InlineData("{")]
    [InlineData("null")]
    [InlineData("[]")]
    [InlineData("\"text\"")]
    public async Task Text_that_is_no_definition_is_told_so(string text)
    {
        await using var desk = new Desk();
        desk.Write("job.json", text);

        var said = (await desk.BerthAsync("run", "job.json")).Exited(2);

        Assert.Contains("job.json is not a valid job definition; nothing was run.", said.Error, StringComparison.Ordinal);
        Assert.Empty(said.Output);
    }

    [Fact]
    public async Task Bytes_that_are_no_text_are_told_so()
    {
        await using var desk = new Desk();
        File.WriteAllBytes(Path.Combine(desk.Folder, "binary"), [.. Enumerable.Range(0, 4096).Select(number => (byte)(number * 37))]);

        (await desk.BerthAsync("run", "binary")).Exited(2);
        (await desk.BerthAsync("validate", "binary", "--format", "json")).Exited(2);
    }

    [Fact]
    public async Task Standard_input_is_read_as_a_file_would_be()
    {
        await using var desk = new Desk();

        Assert.Equal(["piped in"], (await desk.BerthAsync(["run", "-"], Definition.Of("echo piped in").ToString())).Exited(0).Lines);
        Assert.Contains("standard input", (await desk.BerthAsync(["run", "-"], "")).Exited(2).Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_definition_may_be_fetched_from_a_web_server()
    {
        await using var desk = new Desk();
        var body = Definition.Of("true").ToString();
        using var server = new Server($"HTTP/1.1 200 OK\r\nContent-Length: {body.Length}\r\n\r\n{body}");

        Assert.Contains("is a valid job definition", (await desk.BerthAsync("validate", server.Url)).Exited(0).Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_server_that_does_not_have_it_is_quoted()
    {
        await using var desk = new Desk();
        using var server = new Server("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");

        Assert.Contains("answered 404 Not Found.", (await desk.BerthAsync("run", server.Url)).Exited(2).Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_server_that_sends_without_end_is_cut_off()
    {
        await using var desk = new Desk();
        using var server = new Server("HTTP/1.1 200 OK\r\n\r\n{ \"version\": \"", isEndless: true);

        Assert.Contains("larger than 1 MiB", (await desk.BerthAsync("run", server.Url)).Exited(2).Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_server_that_never_answers_is_given_up()
    {
        await using var desk = new Desk();
        using var server = new Server("");

        Assert.Contains("did not answer within 30 s", (await desk.BerthAsync("run", server.Url)).Exited(4).Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_server_that_refuses_is_out_of_reach()
    {
        await using var desk = new Desk();

        Assert.Contains("cannot be reached", (await desk.BerthAsync("run", "http://127.0.0.1:1/job.json")).Exited(4).Error, StringComparison.Ordinal);
        Assert.Contains("is no address", (await desk.BerthAsync("run", "http://")).Exited(2).Error, StringComparison.Ordinal);
    }

    /// <summary>Answers everybody with the same bytes: with nothing it stays silent, endless it goes on for ever.</summary>
    private sealed class Server : IDisposable
    {
        private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
        private readonly Task _serving;

        public Server(string answer, bool isEndless = false)
        {
            _listener.Start();
            _serving = ServeAsync(Encoding.ASCII.GetBytes(answer), isEndless);
        }

        public string Url => $"http://{_listener.LocalEndpoint}/job.json";

        public void Dispose()
        {
            _listener.Dispose();
            _serving.Wait(TimeSpan.FromSeconds(5));
        }

        private async Task ServeAsync(byte[] answer, bool isEndless)
        {
            try
            {
                using var guest = await _listener.AcceptTcpClientAsync();
                var stream = guest.GetStream();
                var heard = new byte[4096];
                var isHeard = await stream.ReadAsync(heard) > 0;
                await stream.WriteAsync(answer);
                while (isEndless && isHeard)
                {
                    await stream.WriteAsync(heard);
                }

                // Until the guest goes.
                while (await stream.ReadAsync(heard) > 0)
                {
                }
            }
            catch (Exception gone) when (gone is IOException or SocketException or ObjectDisposedException)
            {
                // Whoever asked has heard enough.
            }
        }
    }
}
