using System.Net;

namespace Berth.Containers.Docker;

/// <summary>A request's body of a length nobody knows, written while it is sent.</summary>
internal sealed class WrittenContent(Func<Stream, CancellationToken, Task> write, CancellationToken ct) : HttpContent
{
    protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) => write(stream, ct);

    protected override bool TryComputeLength(out long length)
    {
        length = 0;
        return false;
    }
}
