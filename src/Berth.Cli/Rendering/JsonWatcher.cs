using System.Buffers;
using System.Text;
using System.Text.Json;
using System.Text.Unicode;
using Berth.Jobs;
using Berth.Jobs.Results;
using Berth.Node.Runs;

namespace Berth.Cli.Rendering;

/// <summary>
/// Prints the run's events as NDJSON on standard output, log lines between them as <c>{"kind":"log",…}</c>; a line that is not UTF-8 has its
/// bytes in <c>base64</c> beside the readable text.
/// </summary>
internal sealed class JsonWatcher(Stream output, Action outputClosed) : IRunWatcher
{
    private readonly Lock _order = new();
    private readonly ArrayBufferWriter<byte> _block = new(256 * 1024);
    private bool _isClosed;

    public void Happened(RunEvent happened)
    {
        lock (_order)
        {
            _block.Write(RunEventJson.Write(happened));
            _block.Write("\n"u8);
            WriteBlock();
        }
    }

    public void Wrote(OperationId operation, IReadOnlyList<LogLine> lines)
    {
        lock (_order)
        {
            using var json = new Utf8JsonWriter(_block);
            foreach (var line in lines)
            {
                json.Reset(_block);
                json.WriteStartObject();
                json.WriteString("kind", "log");
                json.WriteString("operation", operation.Value);
                json.WriteString("stream", line.Stream switch
                {
                    Jobs.Definitions.LogStream.Stdout => "stdout",
                    Jobs.Definitions.LogStream.Stderr => "stderr",
                    _ => "node",
                });
                json.WriteString("at", line.At.UtcDateTime);
                WriteText(json, line);
                json.WriteEndObject();
                json.Flush();
                _block.Write("\n"u8);
                if (_block.WrittenCount > 1 << 20)
                {
                    WriteBlock();
                }
            }

            WriteBlock();
        }
    }

    private static void WriteText(Utf8JsonWriter json, in LogLine line)
    {
        if (Utf8.IsValid(line.Text.Span))
        {
            json.WriteString("text", line.Text.Span);
        }
        else
        {
            json.WriteString("text", Encoding.UTF8.GetString(line.Text.Span));
            json.WriteBase64String("base64", line.Text.Span);
        }

        if (line.LeftOut > 0)
        {
            json.WriteNumber("leftOut", line.LeftOut);
        }
    }

    private void WriteBlock()
    {
        try
        {
            if (!_isClosed)
            {
                output.Write(_block.WrittenSpan);
            }
        }
        catch (IOException)
        {
            _isClosed = true;
            outputClosed();
        }

        _block.ResetWrittenCount();
    }
}
