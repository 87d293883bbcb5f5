using System.Collections.Concurrent;
using System.Data;
using System.Data.Common;
using System.Runtime.CompilerServices;
using Microsoft.Data.Sqlite;

namespace Berth.Market.Storage;

/// <summary>
/// SQLite in a file, write-ahead log on, every commit on the disk before it is acknowledged. One connection writes, one transaction after another; readers see the last commit.
/// </summary>
internal sealed class SqliteDialect : Dialect
{
    private readonly string _reading;
    private readonly SqliteConnection _writer;
    private readonly Session _writing;
    private readonly SemaphoreSlim _turn = new(1, 1);

    // Those that nobody uses; there are never more than readers there were at once.
    private readonly ConcurrentBag<Session> _readers = [];

    static SqliteDialect() => SQLitePCL.Batteries_V2.Init();

    public SqliteDialect(string path)
    {
        _reading = new SqliteConnectionStringBuilder { DataSource = path, Pooling = false, DefaultTimeout = 30 }.ToString();
        _writer = new SqliteConnection(new SqliteConnectionStringBuilder { DataSource = path, Pooling = false, DefaultTimeout = 30 }.ToString());
        _writing = new Session(_writer, keepsCommands: true);
        try
        {
            _writer.Open();
            using var command = _writer.CreateCommand();
            command.CommandText = "pragma journal_mode = wal; pragma synchronous = full; pragma foreign_keys = on; pragma busy_timeout = 30000; pragma wal_autocheckpoint = 4000;";
            command.ExecuteNonQuery();
        }
        catch (SqliteException unusable)
        {
            _writer.Dispose();
            throw new StorageException($"The database {path} cannot be used ({unusable.Message}). Is it a SQLite file, and may this user write it and its folder?", unusable);
        }
    }

    public override bool IsShared => false;

    protected override IReadOnlyList<(string Word, string Sql)> Words { get; } =
    [
        ("{serial}", "integer primary key autoincrement"),
        ("{blob}", "blob"),
        ("{for update}", ""),
        ("{skip locked}", ""),
        ("{place of}", "instr"),
        ("{unhurried}", ""),
    ];

    public override async Task<Transaction> BeginWriteAsync(CancellationToken ct)
    {
        await _turn.WaitAsync(ct);
        var end = new End(() => _turn.Release());
        try
        {
            return new Transaction(_writing, _writer.BeginTransaction(IsolationLevel.Serializable, deferred: false), this, end);
        }
        catch
        {
            await end.DisposeAsync();
            throw;
        }
    }

    public override async Task<Transaction> BeginReadAsync(CancellationToken ct)
    {
        if (!_readers.TryTake(out var reader))
        {
            reader = new Session(new SqliteConnection(_reading), keepsCommands: true);
            await reader.Connection.OpenAsync(ct);
        }

        var end = new End(() => _readers.Add(reader));
        try
        {
            return new Transaction(reader, ((SqliteConnection)reader.Connection).BeginTransaction(IsolationLevel.Serializable, deferred: true), this, end);
        }
        catch
        {
            await end.DisposeAsync();
            throw;
        }
    }

    public override bool IsCollision(DbException fault) => fault is SqliteException { SqliteErrorCode: 5 or 6 };

    // Full, read-only, an error of the device, a file that is gone.
    public override bool IsOutage(DbException fault) => fault is SqliteException { SqliteErrorCode: 5 or 8 or 10 or 13 or 14 };

    public override void HoldMarket(Transaction transaction, long market, bool alone)
    {
        // Nobody else writes anyhow.
    }

    public override Task TellAsync(IReadOnlyCollection<string> keys, CancellationToken ct) => Task.CompletedTask;

    public override async IAsyncEnumerable<string?> ListenAsync([EnumeratorCancellation] CancellationToken ct)
    {
        await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, ct);
        yield break;
    }

    public override async ValueTask DisposeAsync()
    {
        await _turn.WaitAsync();
        await _writing.DisposeAsync();
        foreach (var reader in _readers)
        {
            await reader.DisposeAsync();
        }

        _turn.Dispose();
    }

    private sealed class End(Action act) : IAsyncDisposable
    {
        public ValueTask DisposeAsync()
        {
            act();
            return ValueTask.CompletedTask;
        }
    }
}
