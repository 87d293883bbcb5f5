using System.CommandLine;
using Berth.Cli.Rendering;
using Berth.Jobs;
using Berth.Node.Artefacts;
using Berth.Protocol;

namespace Berth.Cli.Commands;

/// <summary><c>berth job download</c>: brings back what a job has left behind.</summary>
internal static class JobDownloadCommand
{
    public static Command Make(Surroundings around)
    {
        var access = new ServerAccess(around);
        var job = JobCommand.JobArgument();
        var directory = new Argument<string?>("dir") { Description = "Where to. Default ./berth-output/<job>.", Arity = ArgumentArity.ZeroOrOne };
        var operation = new Option<string?>("--op") { Description = "Only what that operation left behind.", HelpName = "operation" };
        var name = new Option<string?>("--name") { Description = "Only the artefact of that name; a definition's own is called output.", HelpName = "name" };
        var format = CommonOptions.Format();
        var command = new Command("download", "Bring back the output folders and other artefacts of a job, checked and unpacked. One that broke off goes on where it was.")
        {
            job, directory, operation, name, access.Server, access.Key, format,
        };
        command.SetAction((parsed, ct) => access.AnyoneAsync(parsed, async client =>
        {
            var view = await client.GetJobAsync(parsed.GetRequiredValue(job), ct);
            var wanted = view.Artefacts
                .Where(artefact => parsed.GetValue(operation) is not { } op || artefact.Operation.Value == op)
                .Where(artefact => parsed.GetValue(name) is not { } only || artefact.Name == only).ToList();
            if (wanted.Count == 0)
            {
                await around.Error.WriteLineAsync($"berth: {WhyNothing(view)}");
                return ExitCode.WrongUse;
            }

            var place = Path.GetFullPath(parsed.GetValue(directory) ?? Path.Combine("berth-output", view.Facts.Job.Value));
            return await DownloadAsync(around, client, view.Facts.Job, wanted, place, parsed.GetValue(format) == OutputFormat.Json, ct);
        }));
        return command;
    }

    private static string WhyNothing(JobView view) => view switch
    {
        { Artefacts.IsEmpty: false } => $"The job has no such artefact; it has {string.Join(", ", view.Artefacts.Select(artefact => $"{artefact.Operation}/{artefact.Name}"))}.",
        { Facts.State: JobState.Queued or JobState.Running } => "The job has not left anything behind yet; artefacts come when an operation ends. berth job wait waits for it.",
        _ => "The job left nothing behind that you may read: a container keeps what its definition calls output, or what --artifact named when the job was posted.",
    };

    private static async Task<ExitCode> DownloadAsync(
        Surroundings around, MarketClient client, JobId job, IReadOnlyList<ArtefactFacts> artefacts, string place, bool asJson, CancellationToken ct)
    {
        foreach (var artefact in artefacts)
        {
            var destination = Path.Combine(place, ArtefactFolder.NameOf(artefact.Operation, artefact.Name));
            if (Directory.Exists(destination) && Directory.EnumerateFileSystemEntries(destination).Any())
            {
                await around.Error.WriteLineAsync($"berth: there is something in {destination} already, and nothing is written over. Name another folder.");
                return ExitCode.WrongUse;
            }
        }

        foreach (var artefact in artefacts)
        {
            var destination = Path.Combine(place, ArtefactFolder.NameOf(artefact.Operation, artefact.Name));
            var unpacked = await FetchAsync(around, client, job, artefact, place, destination, ct);
            if (asJson)
            {
                Printed.Json(around, artefact, json => json.ArtefactFacts);
            }
            else
            {
                around.WriteLine(destination);
            }

            await around.Error.WriteLineAsync($"{artefact.Operation}/{artefact.Name}: {Printed.Files(unpacked.Files)}, {Durations.Size(unpacked.Bytes)}");
            if (unpacked.LeftOut.Count > 0)
            {
                await around.Error.WriteLineAsync($"warning: left out, being links to outside, devices or odd names: {string.Join(", ", unpacked.LeftOut)}");
            }
        }

        return ExitCode.Success;
    }

    /// <summary>1 fetch the packed artefact beside its destination, checked, 2 unpack it beside, 3 give it its name. What a process that died left behind serves the next.</summary>
    private static async Task<CopiedOutput> FetchAsync(
        Surroundings around, MarketClient client, JobId job, ArtefactFacts artefact, string place, string destination, CancellationToken ct)
    {
        Directory.CreateDirectory(place);
        var (packed, unpacking) = (Path.Combine(place, $".{artefact.Content}.part"), Path.Combine(place, $".{artefact.Content}.unpacking"));
        RequireRoom(place, artefact, packed);

        // 1
        using (var line = new TransferLine(around, $"{artefact.Operation}/{artefact.Name}", artefact.Size))
        {
            await new ContentFetch(client, job, artefact.Content, around.Time) { Progress = line.Show }.FetchAsync(packed, ct);
        }

        // 2
        if (Directory.Exists(unpacking))
        {
            Directory.Delete(unpacking, recursive: true);
        }

        CopiedOutput copied;
        using (var line = new TransferLine(around, $"unpacking {artefact.Operation}/{artefact.Name}", artefact.Bytes))
        {
            copied = await ArtefactUnpacking.UnpackAsync(packed, unpacking, artefact.Files, artefact.Bytes, (_, bytes) => line.Show(bytes), ct);
        }

        // 3
        if (Directory.Exists(destination))
        {
            Directory.Delete(destination);
        }

        Directory.Move(unpacking, destination);
        File.Delete(packed);
        return copied;
    }

    private static void RequireRoom(string place, ArtefactFacts artefact, string packed)
    {
        var there = File.Exists(packed) ? new FileInfo(packed).Length : 0;
        var needed = artefact.Size - there + artefact.Bytes;
        if (new DriveInfo(place).AvailableFreeSpace is var free && free < needed)
        {
            throw new IOException($"{artefact.Operation}/{artefact.Name} needs {Durations.Size(needed)} in {place}, packed and unpacked, and {Durations.Size(free)} are free.");
        }
    }
}
