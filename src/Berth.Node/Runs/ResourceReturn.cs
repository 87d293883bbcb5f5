using System.Collections.Immutable;
using System.Formats.Tar;
using Berth.Containers;
using Berth.Jobs;
using Berth.Jobs.Results;
using Berth.Node.Artefacts;
using Berth.Node.Resources;

namespace Berth.Node.Runs;

/// <summary>
/// Gives back what an operation changed in resources it may write to: files that are new or have other bytes. What it deleted stays where the resource came from.
/// </summary>
internal sealed class ResourceReturn(OperationId operation, string container, RunScope scope, StopSignal stop)
{
    private const int BufferBytes = 256 * 1024;

    private RunJournal Journal => scope.Journal;

    /// <summary>Null when all is back, or there is nothing to give back; else why it could not be.</summary>
    public async Task<OperationError?> GiveBackAsync(ImmutableArray<ResourceMount> resources)
    {
        foreach (var resource in resources.Where(resource => resource.Resource.AllowWrite))
        {
            if (Journal.StateOf(operation).Returned.Any(known => known.Index == resource.Index))
            {
                continue;
            }

            var name = ResourceName.Of(resource.Resource);
            if (scope.Resources.UploadTo(resource.Resource) is not { } upload)
            {
                Journal.Note(new Notice(NoticeLevel.Warning, $"What was changed in {resource.Target} is not saved: {WhyNot(resource, name)}.", operation));
                continue;
            }

            if (await TryAsync(resource, name, upload) is { } fault)
            {
                return fault;
            }
        }

        return null;
    }

    private static string WhyNot(ResourceMount resource, string name) => resource.Resource.Credentials is null
        ? $"{name} has no IAM keys to write with"
        : $"{name} is several places, and nobody says which of them it belongs to";

    private async Task<OperationError?> TryAsync(ResourceMount resource, string name, ResourceUpload upload)
    {
        try
        {
            await using var tar = await scope.Engine.CopyOutAsync(container, resource.Target, stop.AtOnce);
            var (files, bytes) = tar is null ? (0, 0L) : await PutChangesAsync(tar, resource, upload);
            Journal.Append(new ResourceReturned(operation, resource.Index, name, files, bytes));
            return null;
        }
        catch (ResourceException fault)
        {
            return new OperationError(ContainerOperation.FaultOf(fault.Fault), $"What was changed in {resource.Target} could not be saved. {fault.Message}");
        }
        catch (OperationCanceledException) when (stop.AtOnce.IsCancellationRequested)
        {
            return new OperationError(OperationFault.Resource, $"What was changed in {resource.Target} was not saved: the run was to end at once.");
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException or InvalidDataException || fault is EngineException { Fault: not EngineFault.Unreachable })
        {
            return new OperationError(OperationFault.Output, $"What was changed in {resource.Target} could not be saved: {fault.Message}");
        }
    }

    private async Task<(int Files, long Bytes)> PutChangesAsync(Stream tar, ResourceMount resource, ResourceUpload upload)
    {
        var (files, bytes, seen, total) = (0, 0L, 0, 0L);
        var spool = Path.Combine(scope.Folder.Path, $"returning-{container}-{resource.Index}");
        try
        {
            await using var reader = new TarReader(tar);
            while (await OutputFolder.NextAsync(reader, stop.AtOnce) is { } entry)
            {
                total += entry.Length;
                if (++seen > scope.Request.Limits.OutputFiles || total > scope.Request.Limits.OutputBytes)
                {
                    throw new EngineException(EngineFault.Refused, $"It has more than {scope.Request.Limits.OutputFiles} files or {scope.Request.Limits.OutputBytes} bytes.");
                }

                if (entry.EntryType is not (TarEntryType.RegularFile or TarEntryType.V7RegularFile or TarEntryType.ContiguousFile) || PathOf(entry.Name) is not { } path)
                {
                    continue;
                }

                if (await SpoolAsync(entry, spool, ResourcePath.Inside(resource.Entry.Files, path)))
                {
                    await upload.PutAsync(path, spool, stop.AtOnce);
                    files++;
                    bytes += entry.Length;
                }
            }
        }
        finally
        {
            File.Delete(spool);
        }

        return (files, bytes);
    }

    // The engine's names begin with the last part of the path that was asked for.
    private static string? PathOf(string name)
    {
        var parts = name.Split('/', StringSplitOptions.RemoveEmptyEntries);
        return parts.Length < 2 || parts.Any(part => part is "." or "..") ? null : string.Join('/', parts[1..]);
    }

    /// <summary>Puts the entry's bytes into the file; whether they differ from what was fetched.</summary>
    private async Task<bool> SpoolAsync(TarEntry entry, string spool, string fetched)
    {
        var differs = !File.Exists(fetched) || new FileInfo(fetched).Length != entry.Length;
        await using var before = differs ? Stream.Null : new FileStream(fetched, FileMode.Open, FileAccess.Read, FileShare.Read, 1, FileOptions.SequentialScan);
        await using var file = new FileStream(spool, FileMode.Create, FileAccess.Write, FileShare.None, 1);
        var (one, other) = (new byte[BufferBytes], new byte[BufferBytes]);
        for (int read; entry.DataStream is { } data && (read = await data.ReadAsync(one, stop.AtOnce)) > 0;)
        {
            differs = differs || await before.ReadAtLeastAsync(other.AsMemory(0, read), read, throwOnEndOfStream: false, stop.AtOnce) != read || !one.AsSpan(0, read).SequenceEqual(other.AsSpan(0, read));
            await file.WriteAsync(one.AsMemory(0, read), stop.AtOnce);
        }

        return differs;
    }
}
