using Berth.Market.Storage;
using Berth.Protocol.Identity;

namespace Berth.Market.Content;

/// <summary>A file without a name for a content whose id is known only when all of it is there.</summary>
internal static class SpoolFile
{
    /// <summary>Writes it, and puts it into the store.</summary>
    public static async Task<ContentId> PutAsync(ContentStore content, Func<Stream, Task> write, CancellationToken ct)
    {
        try
        {
            await using var file = new FileStream(
                Path.Combine(Path.GetTempPath(), $"berth-{Guid.NewGuid():N}"), FileMode.CreateNew, FileAccess.ReadWrite, FileShare.None, 1 << 16, FileOptions.Asynchronous | FileOptions.DeleteOnClose);
            await write(file);
            await file.FlushAsync(ct);
            file.Position = 0;
            var id = await UnixFsHasher.IdOfAsync(file, ct);
            file.Position = 0;
            await content.PutAsync(id, file, file.Length, ct);
            return id;
        }
        catch (Exception full) when (full is UnauthorizedAccessException or IOException && full is not InvalidDataException)
        {
            throw new StorageException($"A file in {Path.GetTempPath()} cannot be written ({full.Message}). Is its disk full?", full);
        }
    }
}
