using System.Collections.Immutable;
using Berth.Jobs;
using Berth.Protocol.Identity;

namespace Berth.Protocol;

/// <summary>
/// Begins to send a content in parts, or goes on with it (<c>POST /uploads</c>). Parts are numbered from 1; each is sent by <c>PUT /uploads/{upload}/parts/{number}</c>, as often as
/// need be, and <c>POST /uploads/{upload}/end</c> makes one content of them.
/// </summary>
public sealed record UploadOpening
{
    public required UploadId Upload { get; init; }

    /// <summary>For an artefact: of which run. Null is a content of the sender's own, to post a job with.</summary>
    public ArtefactOrigin? Artefact { get; init; }
}

/// <summary>Where an artefact comes from.</summary>
/// <param name="Run">The run, which must be the sender's.</param>
/// <param name="Fence">Of the run's lease.</param>
/// <param name="Operation">Whose artefact.</param>
/// <param name="Name">What it is called, once in the operation.</param>
/// <param name="Path">Where it was in the container.</param>
public sealed record ArtefactOrigin(RunId Run, long Fence, OperationId Operation, string Name, string Path);

/// <summary>What the market has of an upload.</summary>
public sealed record UploadReceipt
{
    /// <summary>The parts it has, by number.</summary>
    public required ImmutableArray<UploadedPart> Parts { get; init; }

    /// <summary>The content that became of them; null until the upload has ended.</summary>
    public ContentId? Content { get; init; }

    /// <summary>The most bytes that the content may have.</summary>
    public long Most { get; init; }
}

/// <summary>A part that the market has.</summary>
/// <param name="Number">From 1.</param>
/// <param name="Size">Its bytes.</param>
/// <param name="Digest">Its SHA-256, in hexadecimal.</param>
public sealed record UploadedPart(int Number, int Size, string Digest)
{
    /// <summary>The most bytes of a part.</summary>
    public const int LargestSize = 8 << 20;

    /// <summary>The most parts of an upload.</summary>
    public const int Most = 100_000;

    /// <summary>How many bytes Berth gives to the part of that number: small ones first, so that little is sent again where the way is bad.</summary>
    public static int SizeOf(int number) => number <= 256 ? 4 << 20 : LargestSize;
}

/// <summary>Says that all parts were sent, and what they must be together.</summary>
public sealed record UploadEnding
{
    /// <summary>How many parts.</summary>
    public required int Parts { get; init; }

    /// <summary>Bytes of all parts.</summary>
    public required long Size { get; init; }

    /// <summary>The content id of all parts one after another; the market checks it.</summary>
    public required ContentId Content { get; init; }

    /// <summary>Files and links in it.</summary>
    public int Files { get; init; }

    /// <summary>Bytes of all files, unpacked.</summary>
    public long Bytes { get; init; }
}

/// <summary>An artefact of a job, which its owner can fetch (<c>GET /jobs/{job}/content/{content}</c>).</summary>
public sealed record ArtefactFacts
{
    public required OperationId Operation { get; init; }

    public required string Name { get; init; }

    /// <summary>Where it was in the container.</summary>
    public required string Path { get; init; }

    /// <summary>A tar, packed by zstd; every name in it begins with the last part of <see cref="Path"/>.</summary>
    public required ContentId Content { get; init; }

    /// <summary>Bytes packed.</summary>
    public required long Size { get; init; }

    public int Files { get; init; }

    /// <summary>Bytes of all files, unpacked.</summary>
    public long Bytes { get; init; }
}

/// <summary>A folder of the poster's, sent before the job was posted and mounted read-only in every container of it.</summary>
/// <param name="Content">A tar, packed by zstd, that the poster sent.</param>
/// <param name="Target">Where containers see it: a path from the root.</param>
public sealed record SourceMount(ContentId Content, string Target)
{
    /// <summary>Where it is seen when nothing else is said.</summary>
    public const string UsualTarget = "/workspace";
}
