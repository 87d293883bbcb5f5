using System.Net;
using System.Net.Sockets;
using Berth.EngineTests.Market;
using Npgsql;
using Xunit;

[assembly: AssemblyFixture(typeof(PostgresServer))]

namespace Berth.EngineTests.Market;

/// <summary>The one PostgreSQL of these tests, started when the first of them asks for a database and gone with the last.</summary>
public sealed class PostgresServer : IAsyncDisposable
{
    private static readonly string Folder = Lab.Folder($"pg{Environment.ProcessId}");
    private static readonly Lazy<Task<string>> Connection = new(StartAsync);
    private static int _made;

    /// <summary>A fresh database of a test's own.</summary>
    public static async Task<string> NewDatabaseAsync()
    {
        var server = await Connection.Value;
        var name = $"market{Interlocked.Increment(ref _made)}";
        await ExecuteAsync($"{server};Database=postgres", $"create database {name}");
        return $"{server};Database={name}";
    }

    public static async Task ExecuteAsync(string database, string sql)
    {
        await using var connection = new NpgsqlConnection($"{database};Pooling=false;Options=-c default_transaction_read_only=off");
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync();
    }

    public async ValueTask DisposeAsync()
    {
        if (Connection.IsValueCreated)
        {
            await Lab.RunAsync("lab/postgres", ["down", Folder]);
        }
    }

    internal static int FreePort()
    {
        using var socket = new TcpListener(IPAddress.Loopback, 0);
        socket.Start();
        return ((IPEndPoint)socket.LocalEndpoint).Port;
    }

    private static async Task<string> StartAsync()
    {
        var uri = new Uri((await Lab.RunAsync("lab/postgres", ["up", Folder, $"{FreePort()}"]))["connection"]);
        return $"Host={uri.Host};Port={uri.Port};Username={uri.UserInfo}";
    }
}
