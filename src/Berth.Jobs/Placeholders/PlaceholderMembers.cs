using System.Collections.Immutable;

namespace Berth.Jobs.Placeholders;

/// <summary>What placeholders may name of an operation.</summary>
internal static class PlaceholderMembers
{
    public static ImmutableArray<string> Plain { get; } = ["host", "container_ip", "deployment_endpoint"];

    public static ImmutableArray<string> Keyed { get; } = ["endpoint", "results"];

    /// <summary>Whether any operation could have it.</summary>
    public static bool Offers(Placeholder placeholder) =>
        string.IsNullOrEmpty(placeholder.Key) ? placeholder.Key is null && Plain.Contains(placeholder.Member) : Keyed.Contains(placeholder.Member);
}
