using System.Text.Json;
using System.Text.Json.Serialization;
using Berth.Node.Capacity;
using Berth.Node.Runs;
using Berth.Protocol;

namespace Berth.Node.Leases;

/// <summary>How a lease stands with this node.</summary>
public enum LeaseStanding
{
    /// <summary>The run is this node's to work on, or to report to its end.</summary>
    Held,

    /// <summary>The market has all of the run; the folder is only looked at.</summary>
    Settled,

    /// <summary>The run is no longer this node's; nothing more is said of it.</summary>
    Lost,
}

/// <summary>What <c>lease.json</c> in a run's folder keeps, so that another process can go on with the run, or knows that it must not.</summary>
public sealed record StoredLease
{
    /// <summary>The lease; its definition stands in it as JSON without the passwords of registry logins, or is empty when it could not be read.</summary>
    public required Lease Lease { get; init; }

    /// <summary>The definition here is not all of it; the market has it.</summary>
    public bool IsAbridged { get; init; }

    public required NodeSlot Slot { get; init; }

    /// <summary>The start of the machine that <see cref="Until"/> belongs to.</summary>
    public required string BootId { get; init; }

    /// <summary>When the lease runs out, on the machine's monotonic clock.</summary>
    public required TimeSpan Until { get; init; }

    public LeaseStanding Standing { get; init; }

    /// <summary>Puts it into the folder, whole or not at all.</summary>
    public void Save(RunFolder folder, bool flushToDisk)
    {
        var beside = folder.Lease + ".new";
        using (var file = new FileStream(beside, FileMode.Create, FileAccess.Write))
        {
            JsonSerializer.Serialize(file, this, StoredLeaseJson.Default.StoredLease);
            file.Flush(flushToDisk);
        }

        File.Move(beside, folder.Lease, overwrite: true);
    }

    /// <summary>The lease of the folder, or null when it has none that can be read.</summary>
    public static StoredLease? Load(RunFolder folder)
    {
        try
        {
            return JsonSerializer.Deserialize(File.ReadAllBytes(folder.Lease), StoredLeaseJson.Default.StoredLease);
        }
        catch (Exception unreadable) when (unreadable is IOException or UnauthorizedAccessException or JsonException)
        {
            return null;
        }
    }
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, UseStringEnumConverter = true, RespectNullableAnnotations = true)]
[JsonSerializable(typeof(StoredLease))]
internal sealed partial class StoredLeaseJson : JsonSerializerContext;
