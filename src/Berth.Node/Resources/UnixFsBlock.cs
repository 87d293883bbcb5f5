using System.Collections.Immutable;
using System.Text;

namespace Berth.Node.Resources;

/// <summary>What a block of UnixFS is (specs.ipfs.tech/unixfs).</summary>
internal enum UnixFsKind
{
    Raw = 0,
    Directory = 1,
    File = 2,
    Symlink = 4,

    /// <summary>A piece of a directory that is too large for one block.</summary>
    Shard = 5,
}

/// <summary>A link of a block: the name it has in a directory, and how many bytes of a file are below it.</summary>
internal sealed record UnixFsLink(string Name, Cid Target, long Bytes);

/// <summary>One block of a file or a directory, read from its bytes: two messages of protocol buffers, one in the other.</summary>
internal sealed record UnixFsBlock(UnixFsKind Kind, ReadOnlyMemory<byte> Data, ImmutableArray<UnixFsLink> Links, long FileSize)
{
    private const int Varint = 0;
    private const int Fixed64 = 1;
    private const int Bytes = 2;
    private const int Fixed32 = 5;

    /// <summary>Null when the bytes are no such block.</summary>
    public static UnixFsBlock? Read(Cid cid, ReadOnlyMemory<byte> block)
    {
        if (cid.Codec == BlockCodec.Raw)
        {
            return new UnixFsBlock(UnixFsKind.Raw, block, [], block.Length);
        }

        var links = ImmutableArray.CreateBuilder<(string Name, Cid Target)>();
        ReadOnlyMemory<byte>? message = null;
        try
        {
            foreach (var (field, _, value) in FieldsOf(block))
            {
                switch (field)
                {
                    case 1:
                        message = value;
                        break;
                    case 2 when LinkOf(value) is { } link:
                        links.Add(link);
                        break;
                    default:
                        return null;
                }
            }

            return message is { } data ? Read(data, links.ToImmutable()) : null;
        }
        catch (Exception torn) when (torn is ArgumentOutOfRangeException or IndexOutOfRangeException or InvalidDataException or OverflowException)
        {
            return null;
        }
    }

    private static UnixFsBlock? Read(ReadOnlyMemory<byte> message, ImmutableArray<(string Name, Cid Target)> links)
    {
        var (kind, data, size) = (-1L, ReadOnlyMemory<byte>.Empty, 0L);
        var sizes = new List<long>();
        foreach (var (field, number, value) in FieldsOf(message))
        {
            switch (field)
            {
                case 1:
                    kind = number;
                    break;
                case 2:
                    data = value;
                    break;
                case 3:
                    size = number;
                    break;
                case 4 when value.IsEmpty:
                    sizes.Add(number);
                    break;
                case 4:
                    for (var at = 0; at < value.Length;)
                    {
                        sizes.Add(NumberAt(value.Span, ref at));
                    }

                    break;
                default:
                    break;
            }
        }

        var isFile = kind is (long)UnixFsKind.File or (long)UnixFsKind.Raw;
        return !Enum.IsDefined((UnixFsKind)kind) || (isFile && sizes.Count != links.Length) || size < 0 || sizes.Any(one => one < 0) || (isFile && size != data.Length + sizes.Sum())
            ? null
            : new UnixFsBlock((UnixFsKind)kind, data, [.. links.Select((link, index) => new UnixFsLink(link.Name, link.Target, isFile ? sizes[index] : 0))], size);
    }

    private static (string Name, Cid Target)? LinkOf(ReadOnlyMemory<byte> message)
    {
        var (name, target) = ("", (Cid?)null);
        foreach (var (field, _, value) in FieldsOf(message))
        {
            switch (field)
            {
                case 1:
                    target = Cid.Read(value.Span);
                    break;
                case 2:
                    name = Encoding.UTF8.GetString(value.Span);
                    break;
                default:
                    break;
            }
        }

        return target is null ? null : (name, target);
    }

    private static List<(int Field, long Number, ReadOnlyMemory<byte> Value)> FieldsOf(ReadOnlyMemory<byte> message)
    {
        var fields = new List<(int, long, ReadOnlyMemory<byte>)>();
        var span = message.Span;
        for (var at = 0; at < span.Length;)
        {
            var key = NumberAt(span, ref at);
            var (field, number, value) = ((int)(key >> 3), 0L, ReadOnlyMemory<byte>.Empty);
            switch ((int)(key & 7))
            {
                case Varint:
                    number = NumberAt(span, ref at);
                    break;
                case Bytes:
                    var length = checked((int)Math.Min(NumberAt(span, ref at), int.MaxValue));
                    value = message.Slice(at, length);
                    at += length;
                    break;
                case Fixed64:
                    at += 8;
                    break;
                case Fixed32:
                    at += 4;
                    break;
                default:
                    throw new InvalidDataException("No such kind of field.");
            }

            fields.Add((field, number, value));
        }

        return fields;
    }

    private static long NumberAt(ReadOnlySpan<byte> bytes, ref int at)
    {
        var number = 0L;
        for (var shift = 0; shift < 64; shift += 7)
        {
            var one = bytes[at++];
            number |= (long)(one & 0x7f) << shift;
            if (one < 0x80)
            {
                return number;
            }
        }

        throw new InvalidDataException("A number without an end.");
    }
}
