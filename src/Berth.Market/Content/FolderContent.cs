using System.Runtime.CompilerServices;
using Berth.Market.Storage;
using Berth.Protocol.Identity;

namespace Berth.Market.Content;

/// <summary>Contents in a folder that all servers of the market see, each a file named by its id. A file is on the disk and whole before it has its name.</summary>
internal sealed class FolderContent(string directory, TimeProvider time) : ContentStore
{
    private const int ProbeSize = 1 << 20;
    private const string Unfinished = ".part";
    private const string Doomed = ".doomed";

    public override string Name => $"the content folder {directory}";

    public override async Task PutAsync(ContentId id, Stream bytes, long size, CancellationToken ct)
    {
        var path = PathOf(id);
        if (Renew(path, size))
        {
            return;
        }

        var beside = Path.Combine(directory, $"{Guid.NewGuid():N}{Unfinished}");
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            await using (var file = new FileStream(beside, FileMode.CreateNew, FileAccess.Write, FileShare.None, 1, FileOptions.Asynchronous))
            {
                await using var hashed = new HashedStream(bytes, id, size);
                await hashed.CopyToAsync(file, 1 << 20, ct);
                file.Flush(flushToDisk: true);
            }

            File.SetLastWriteTimeUtc(beside, time.GetUtcNow().UtcDateTime);
            File.Move(beside, path, overwrite: true);
        }
        catch (Exception away) when (away is UnauthorizedAccessException or IOException && away is not InvalidDataException)
        {
            Discard(beside);
            throw Away(away);
        }
        catch
        {
            Discard(beside);
            throw;
        }
    }

    public override Task<Stream?> OpenAsync(ContentId id, long offset, CancellationToken ct)
    {
        try
        {
            var file = new FileStream(PathOf(id), FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete, 1 << 16, FileOptions.Asynchronous);
            file.Seek(offset, SeekOrigin.Begin);
            return Task.FromResult<Stream?>(file);
        }
        catch (Exception missing) when (missing is FileNotFoundException or DirectoryNotFoundException)
        {
            return Task.FromResult<Stream?>(null);
        }
        catch (Exception away) when (away is IOException or UnauthorizedAccessException)
        {
            throw new StorageException($"A content in {Name} cannot be read ({away.Message}).", away);
        }
    }

    public override Task<StoredContent?> FindAsync(ContentId id, CancellationToken ct) => Task.FromResult(Of(new FileInfo(PathOf(id))));

    public override async IAsyncEnumerable<StoredContent> ListAsync([EnumeratorCancellation] CancellationToken ct)
    {
        await Task.CompletedTask;
        if (!Directory.Exists(directory))
        {
            yield break;
        }

        foreach (var file in new DirectoryInfo(directory).EnumerateFiles("Qm*", SearchOption.AllDirectories))
        {
            ct.ThrowIfCancellationRequested();
            if (Of(file) is { } content)
            {
                yield return content;
            }
        }
    }

    // First it loses its name: from then on whoever puts it writes it anew. Only then its age counts.
    public override Task<bool> RemoveAsync(ContentId id, DateTimeOffset putBefore, CancellationToken ct)
    {
        var (path, doomed) = (PathOf(id), PathOf(id) + Doomed);
        try
        {
            File.Move(path, doomed, overwrite: true);
            if (File.GetLastWriteTimeUtc(doomed) >= putBefore.UtcDateTime)
            {
                File.Move(doomed, path, overwrite: true);
                return Task.FromResult(false);
            }

            File.Delete(doomed);
            return Task.FromResult(true);
        }
        catch (Exception missing) when (missing is FileNotFoundException or DirectoryNotFoundException)
        {
            return Task.FromResult(true);
        }
        catch (Exception away) when (away is IOException or UnauthorizedAccessException)
        {
            throw Away(away);
        }
    }

    public override Task TidyAsync(DateTimeOffset begunBefore, CancellationToken ct)
    {
        if (Directory.Exists(directory))
        {
            foreach (var left in new DirectoryInfo(directory).EnumerateFiles("*", SearchOption.AllDirectories)
                .Where(file => file.Extension is Unfinished or Doomed && file.LastWriteTimeUtc < begunBefore.UtcDateTime))
            {
                Discard(left.FullName);
            }
        }

        return Task.CompletedTask;
    }

    public override async Task ProbeAsync(CancellationToken ct)
    {
        var probe = Path.Combine(directory, $"{Guid.NewGuid():N}{Unfinished}");
        try
        {
            Directory.CreateDirectory(directory);
            await File.WriteAllBytesAsync(probe, new byte[ProbeSize], ct);
        }
        catch (Exception away) when (away is IOException or UnauthorizedAccessException)
        {
            throw Away(away);
        }
        finally
        {
            Discard(probe);
        }
    }

    // A file of another length is no such content, whatever became of it.
    private bool Renew(string path, long size)
    {
        try
        {
            if (new FileInfo(path) is not { Exists: true } there || there.Length != size)
            {
                return false;
            }

            File.SetLastWriteTimeUtc(path, time.GetUtcNow().UtcDateTime);
            return true;
        }
        catch (Exception gone) when (gone is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    private static StoredContent? Of(FileInfo file) =>
        file.Exists && ContentId.TryParse(file.Name, null, out var id) ? new StoredContent(id, file.Length, file.LastWriteTimeUtc) : null;

    private static void Discard(string path)
    {
        try
        {
            File.Delete(path);
        }
        catch (Exception away) when (away is IOException or UnauthorizedAccessException)
        {
            // What led here is told; the part is no content and harms nobody.
        }
    }

    private StorageException Away(Exception away) => new($"The content folder {directory} cannot be written ({away.Message}). Is its disk full?", away);

    private string PathOf(ContentId id) => Path.Combine(directory, id.ToString()[^2..], id.ToString());
}
