using Berth.Market.Nodes;
using Berth.Market.Storage;
using Berth.Protocol;

namespace Berth.Market.Jobs;

/// <summary>Says in sentences why a job finds no slot.</summary>
internal static class Fit
{
    /// <summary>Why the job waits at its place: what no slot has, or when it <paramref name="fits"/> one, that all that would do are taken.</summary>
    public static async Task<string> WhyItWaitsAsync(Transaction transaction, Job job, long place, bool fits, CancellationToken ct) => place switch
    {
        _ when !fits => await WhatIsMissingAsync(transaction, job, ct),
        1 => "Every slot it fits is taken or away; it is next.",
        2 => "1 job waits before it.",
        JobStore.MostCounted => $"{JobStore.MostCounted - 1} jobs or more wait before it.",
        _ => $"{place - 1} jobs wait before it.",
    };

    /// <summary>What the slots of the market lack, for a job that fits none.</summary>
    public static async Task<string> WhatIsMissingAsync(Transaction transaction, Job job, CancellationToken ct)
    {
        var slots = await NodeStore.SlotsOfAsync(transaction, job.Market, ct);
        var needs = job.Requirements;
        if (slots.Count == 0)
        {
            return $"No node is registered in the market {job.MarketSlug}.";
        }

        if (job.PinnedNode is { } pinned)
        {
            slots = [.. slots.Where(slot => slot.Node == pinned)];
            if (slots.Count == 0)
            {
                return $"The node {pinned} is not registered in the market {job.MarketSlug}.";
            }
        }

        var lacks = new List<string>();
        Check(slot => slot.Gpus >= needs.Gpus, needs.Gpus == 1 ? "a GPU" : $"{needs.Gpus} GPUs", $"the best slot has {slots.Max(slot => slot.Gpus)}");
        Check(slot => slot.VramMib >= needs.VramMib, $"{Gib(needs.VramMib)} of GPU memory", $"the best has {Gib(slots.Max(slot => slot.VramMib))}");
        Check(slot => slot.Cuda >= needs.Cuda, $"CUDA {needs.Cuda / 100}.{needs.Cuda % 100}", $"the newest driver offers {Version(slots.Max(slot => slot.Cuda))}");
        Check(slot => needs.GpuModel is not { } model || slot.Model.Contains(model, StringComparison.OrdinalIgnoreCase), $"a GPU called {needs.GpuModel}", "there is none");
        Check(slot => slot.MemoryMib >= needs.MemoryMib, $"{Gib(needs.MemoryMib)} of memory", $"the best has {Gib(slots.Max(slot => slot.MemoryMib))}");
        Check(slot => slot.DiskMib >= needs.DiskMib, $"{Gib(needs.DiskMib)} of free disk", $"the best has {Gib(slots.Max(slot => slot.DiskMib))}");
        Check(slot => slot.Cpus >= needs.Cpus, $"{needs.Cpus} CPUs", $"the best has {slots.Max(slot => slot.Cpus)}");
        Check(slot => slot.Seals || job.Sealing == JobSealing.None, "a node with an encryption key, as something in it is sealed", "there is none");
        var where = job.PinnedNode is { } one ? $"the node {one}" : $"the market {job.MarketSlug}";
        return lacks.Count == 0
            ? job.RefusedBy is { } refuser ? $"The node {refuser} refused it, and no other fits." : $"No single slot of {where} has all that the job needs."
            : $"No slot of {where} fits: the job needs {string.Join("; ", lacks)}.";

        void Check(Func<Slot, bool> has, string need, string found)
        {
            if (!slots.Any(has))
            {
                lacks.Add($"{need}, {found}");
            }
        }
    }

    private static string Gib(long mib) => $"{mib / 1024.0:0.#} GiB";

    private static string Version(int cuda) => cuda == 0 ? "none" : $"{cuda / 100}.{cuda % 100}";
}
