using System.CommandLine;
using Berth.Protocol;
using Berth.Protocol.Identity;

namespace Berth.Cli.Commands;

/// <summary>The options by which a command finds its server and its key, and the client they make.</summary>
internal sealed class ServerAccess(Surroundings around)
{
    public const string DefaultServer = "http://127.0.0.1:7070";
    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(1);

    public Option<string?> Server { get; } = new("--server", "-s")
    {
        Description = $"The market's server. Default $BERTH_SERVER, else {DefaultServer}.",
        HelpName = "url",
    };

    public Option<string?> Key { get; } = new("--key", "-k")
    {
        Description = "The key file to sign with. Default $BERTH_KEY, else ~/.config/berth/key.json.",
        HelpName = "file",
    };

    /// <summary>The address of the server, or null when what was given is none; that is told.</summary>
    public Uri? Address(ParseResult parsed)
    {
        var text = parsed.GetValue(Server) ?? (around.Environment("BERTH_SERVER") is { Length: > 0 } named ? named : DefaultServer);
        if (Uri.TryCreate(text, UriKind.Absolute, out var address) && address.Scheme is "http" or "https")
        {
            return address;
        }

        around.Error.WriteLine($"berth: '{text}' is no address of a server; write http://host:port or https://host.");
        return null;
    }

    /// <summary>Does the work with a client that signs; without a usable key, or server's address, it is told and nothing is done.</summary>
    public Task<int> SignedAsync(ParseResult parsed, Func<MarketClient, Address, Task<ExitCode>> work) => KeyedAsync(parsed, (client, key) => work(client, key.Address));

    /// <summary>The same, with the key itself: for what is sealed for it.</summary>
    public async Task<int> KeyedAsync(ParseResult parsed, Func<MarketClient, SigningKey, Task<ExitCode>> work)
    {
        if (Address(parsed) is not { } server || OwnKey.Read(around, parsed.GetValue(Key)) is not { } key)
        {
            return (int)ExitCode.WrongUse;
        }

        using (key)
        {
            using var client = MarketClient.Connect(server, key, around.Time);
            return (int)await work(client, key);
        }
    }

    /// <summary>
    /// Asks, and for a minute asks again what counts only once however often it is asked, when the answer does not come. A server that nobody listens at is told at once.
    /// </summary>
    /// <exception cref="MarketException">The server refuses, or no answer came.</exception>
    public async Task<T> OnceAsync<T>(Func<Task<T>> ask, CancellationToken ct)
    {
        var began = around.Time.GetTimestamp();
        for (var pause = FirstPause; ; pause *= 2)
        {
            try
            {
                return await ask();
            }
            catch (MarketException away) when (away.IsTransient && !IsRefused(away, pause) && around.Time.GetElapsedTime(began) + pause < Patience)
            {
                await around.Error.WriteLineAsync($"berth: {away.Message} Asking again.");
                await Task.Delay(pause, around.Time, ct);
            }
        }
    }

    private static bool IsRefused(MarketException away, TimeSpan pause) =>
        pause == FirstPause && away.InnerException is HttpRequestException { InnerException: System.Net.Sockets.SocketException { SocketErrorCode: System.Net.Sockets.SocketError.ConnectionRefused } };

    /// <summary>Does the work with a client that signs when there is a key, and is nobody's otherwise.</summary>
    public Task<int> AnyoneAsync(ParseResult parsed, Func<MarketClient, Task<ExitCode>> work) => AnyoneAsync(parsed, (client, _) => work(client));

    /// <summary>The same, with the key when there is one.</summary>
    public async Task<int> AnyoneAsync(ParseResult parsed, Func<MarketClient, SigningKey?, Task<ExitCode>> work)
    {
        if (Address(parsed) is not { } server)
        {
            return (int)ExitCode.WrongUse;
        }

        var named = parsed.GetValue(Key);
        if (named is not null || File.Exists(around.KeyFile))
        {
            return await KeyedAsync(parsed, work);
        }

        using var client = MarketClient.Connect(server, null, around.Time);
        return (int)await work(client, null);
    }
}
