using System.Security.Cryptography;
using System.Text;

namespace Berth.Node.Resources;

/// <summary>How a file's content is told from every other.</summary>
internal enum DigestKind
{
    Sha256,

    /// <summary>SHA-1 of git's blob: the length stands before the content.</summary>
    GitBlob,

    /// <summary>What S3 calls the ETag of an object that was put at once.</summary>
    Md5,
}

/// <summary>The digest a file must have, lower-case hexadecimal.</summary>
internal sealed record FileDigest(DigestKind Kind, string Hex)
{
    private const int BufferBytes = 1 << 20;

    public static FileDigest Sha256(string hex) => new(DigestKind.Sha256, hex.ToLowerInvariant());

    /// <summary>Null when the file has it, else the one it has instead.</summary>
    public async Task<string?> FindOtherAsync(string path, CancellationToken ct)
    {
        await using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, 1, FileOptions.SequentialScan);
        using var hash = IncrementalHash.CreateHash(Kind switch
        {
            DigestKind.Sha256 => HashAlgorithmName.SHA256,
            DigestKind.GitBlob => HashAlgorithmName.SHA1,
            DigestKind.Md5 => HashAlgorithmName.MD5,
            _ => throw new System.Diagnostics.UnreachableException($"No such digest: {Kind}."),
        });
        if (Kind == DigestKind.GitBlob)
        {
            hash.AppendData(Encoding.ASCII.GetBytes($"blob {file.Length}\0"));
        }

        var buffer = System.Buffers.ArrayPool<byte>.Shared.Rent(BufferBytes);
        try
        {
            for (int read; (read = file.Read(buffer)) > 0;)
            {
                hash.AppendData(buffer, 0, read);
                ct.ThrowIfCancellationRequested();
            }
        }
        finally
        {
            System.Buffers.ArrayPool<byte>.Shared.Return(buffer);
        }

        var found = Convert.ToHexStringLower(hash.GetHashAndReset());
        return found == Hex ? null : found;
    }
}
