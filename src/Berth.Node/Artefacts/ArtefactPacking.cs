using ZstdSharp;

namespace Berth.Node.Artefacts;

/// <summary>Packs what is written, the same bytes always the same way.</summary>
public static class ArtefactPacking
{
    private const int Level = 3;

    /// <summary>A stream that packs into the destination, and leaves that open.</summary>
    public static Stream Into(Stream destination) => new CompressionStream(destination, Level, leaveOpen: true);
}
