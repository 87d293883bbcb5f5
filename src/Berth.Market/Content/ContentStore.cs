using Berth.Market.Storage;
using Berth.Protocol.Identity;

namespace Berth.Market.Content;

/// <summary>
/// Definitions, results and logs in a folder, each a file named by its content id. What is written is on the disk and whole before it has its name; what is read is checked.
/// </summary>
internal sealed class ContentStore(string directory)
{
    private const int ProbeSize = 1 << 20;

    /// <summary>Stores the bytes and says their content id; the same bytes are stored once.</summary>
    public async Task<ContentId> PutAsync(ReadOnlyMemory<byte> bytes, CancellationToken ct)
    {
        var id = UnixFsHasher.IdOf(bytes.Span);
        return File.Exists(PathOf(id)) ? id : await PutAsync(async file => await file.WriteAsync(bytes, ct), ct);
    }

    /// <summary>Stores what is written and says its content id.</summary>
    public async Task<ContentId> PutAsync(Func<FileStream, Task> write, CancellationToken ct)
    {
        var beside = Path.Combine(directory, $"{Guid.NewGuid():N}.part");
        try
        {
            Directory.CreateDirectory(directory);
            ContentId id;
            await using (var file = new FileStream(beside, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.None, 1 << 16, FileOptions.Asynchronous))
            {
                await write(file);
                await file.FlushAsync(ct);
                file.Flush(flushToDisk: true);
                file.Position = 0;
                id = await UnixFsHasher.IdOfAsync(file, ct);
            }

            Directory.CreateDirectory(Path.GetDirectoryName(PathOf(id))!);
            File.Move(beside, PathOf(id), overwrite: true);
            return id;
        }
        catch (Exception away) when (away is IOException or UnauthorizedAccessException)
        {
            Discard(beside);
            throw new StorageException($"The content folder {directory} cannot be written ({away.Message}). Is its disk full?", away);
        }
        catch
        {
            Discard(beside);
            throw;
        }
    }

    /// <summary>Finds out whether there is room for what is usually stored.</summary>
    /// <exception cref="StorageException">There is not, or the folder cannot be written.</exception>
    public async Task ProbeAsync(CancellationToken ct)
    {
        var probe = Path.Combine(directory, $"{Guid.NewGuid():N}.part");
        try
        {
            Directory.CreateDirectory(directory);
            await File.WriteAllBytesAsync(probe, new byte[ProbeSize], ct);
        }
        catch (Exception away) when (away is IOException or UnauthorizedAccessException)
        {
            throw new StorageException($"The content folder {directory} cannot be written ({away.Message}). Is its disk full?", away);
        }
        finally
        {
            Discard(probe);
        }
    }

    /// <summary>All the bytes, checked against the id; null when they are not there.</summary>
    /// <exception cref="InvalidDataException">What is there is something else.</exception>
    public async Task<byte[]?> ReadAsync(ContentId id, CancellationToken ct)
    {
        try
        {
            var bytes = await File.ReadAllBytesAsync(PathOf(id), ct);
            return UnixFsHasher.IdOf(bytes) == id ? bytes : throw new InvalidDataException($"The content {id} is damaged on the disk.");
        }
        catch (Exception missing) when (missing is FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }
    }

    /// <summary>A part of the content; the parts carry their own checks.</summary>
    public async Task<byte[]> ReadAsync(ContentId id, long offset, int length, CancellationToken ct)
    {
        using var file = File.OpenHandle(PathOf(id), options: FileOptions.Asynchronous);
        var bytes = new byte[length];
        for (var filled = 0; filled < length;)
        {
            var read = await RandomAccess.ReadAsync(file, bytes.AsMemory(filled), offset + filled, ct);
            filled += read > 0 ? read : throw new InvalidDataException($"The content {id} is shorter than {offset + length} bytes.");
        }

        return bytes;
    }

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

    private string PathOf(ContentId id) => Path.Combine(directory, id.ToString()[^2..], id.ToString());
}
