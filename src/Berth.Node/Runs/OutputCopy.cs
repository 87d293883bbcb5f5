using Berth.Containers;
using Berth.Jobs;
using Berth.Jobs.Results;

namespace Berth.Node.Runs;

/// <summary>Copies the output folder of an operation that has ended out of its container.</summary>
internal sealed class OutputCopy(OperationId operation, string container, RunScope scope, StopSignal stop)
{
    private RunJournal Journal => scope.Journal;

    /// <summary>Null when it was copied, now or before this process, or there is none; else why it could not be.</summary>
    public async Task<OperationError?> TakeAsync(string path)
    {
        if (Journal.StateOf(operation).Output is not null)
        {
            return null;
        }

        var destination = Path.Combine(scope.Request.OutputDirectory, FolderName(operation));
        try
        {
            MakeRoomFor(path, destination);
            await using var tar = await scope.Engine.CopyOutAsync(container, path, stop.AtOnce);
            if (tar is null)
            {
                Journal.Append(new Notice(NoticeLevel.Warning, $"There is no {path} in the container, so no output was copied.", operation));
                return null;
            }

            var shown = scope.Time.GetTimestamp();
            var copied = await new OutputFolder(scope.Request.Limits.OutputFiles, scope.Request.Limits.OutputBytes).UnpackAsync(
                tar,
                destination,
                (files, bytes) =>
                {
                    if (scope.Time.GetElapsedTime(shown) > TimeSpan.FromMilliseconds(500))
                    {
                        shown = scope.Time.GetTimestamp();
                        Journal.Append(new OutputCopying(operation, path, files, bytes));
                    }
                },
                stop.AtOnce);
            if (copied.LeftOut.Count > 0)
            {
                Journal.Append(new Notice(NoticeLevel.Warning, $"Left out of the output, being links to outside, devices or odd names: {string.Join(", ", copied.LeftOut)}.", operation));
            }

            Journal.Append(new OutputCopied(operation, path, destination, copied.Files, copied.Bytes));
            return null;
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException or InvalidDataException
            || fault is EngineException { Fault: not EngineFault.Unreachable })
        {
            return new OperationError(OperationFault.Output, $"The output {path} could not be copied to {destination}: {fault.Message}");
        }
    }

    private void MakeRoomFor(string path, string destination)
    {
        if (!Journal.StateOf(operation).HasBegunOutput && Directory.Exists(destination) && Directory.EnumerateFileSystemEntries(destination).Any())
        {
            throw new IOException("there is something already, and nothing is written over.");
        }

        Journal.Append(new OutputCopying(operation, path, 0, 0));
        if (Directory.Exists(destination))
        {
            Directory.Delete(destination, recursive: true);
        }
    }

    private static string FolderName(OperationId id)
    {
        var name = string.Concat(id.Value.Select(character => char.IsAsciiLetterOrDigit(character) || character is '-' or '_' or '.' ? character : '_'));
        return name.Trim('.') is { Length: > 0 } usable ? usable : "_";
    }
}
