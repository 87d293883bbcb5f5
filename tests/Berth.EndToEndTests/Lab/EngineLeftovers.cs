using System.Diagnostics;
using System.Security.Cryptography;
using System.Text;
using Berth.Jobs;

namespace Berth.EndToEndTests.Lab;

/// <summary>What runs have left on an engine and in the machine's firewall, found by the label and the name everything of a run carries.</summary>
internal static class EngineLeftovers
{
    /// <summary>Fails with the names of what is left of the run, and what a program said before.</summary>
    public static async Task NoneOfAsync(Engine engine, RunId run, Said? said)
    {
        var left = await OfAsync(engine, run);
        Assert.True(left.Count == 0, $"Left behind by run {run}: {string.Join(", ", left)}. What was said last:\n{said}");
    }

    /// <summary>Every container, network, volume and firewall table of the run.</summary>
    public static async Task<IReadOnlyList<string>> OfAsync(Engine engine, RunId run)
    {
        var left = await engine.OwnedByAsync(run);
        var tables = await RunningProgram.RunAsync(new ProcessStartInfo("nft", ["list", "tables"]));
        return [.. left.Select(thing => $"{thing.Kind} {thing.Name}"), .. tables.Lines.Where(table => table.EndsWith(' ' + Bridge(run), StringComparison.Ordinal))];
    }

    /// <summary>Clears away after a test that failed.</summary>
    public static async Task RemoveAsync(Engine engine, RunId run)
    {
        foreach (var (kind, name) in await engine.OwnedByAsync(run))
        {
            await engine.RemoveAsync(kind, name);
        }

        await RunningProgram.RunAsync(new ProcessStartInfo("nft", ["delete", "table", "inet", Bridge(run)]));
    }

    private static string Bridge(RunId run) => $"berth{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(run.Value)))[..10]}";
}
