using System.Collections.Immutable;
using System.Net;
using System.Net.Sockets;

namespace Berth.Node.Resources;

/// <summary>
/// From which addresses resources may be fetched: the public ones, and what the host allows besides. A definition is a stranger's; what only this machine or
/// its network can reach is none of a job's business.
/// </summary>
public sealed class ReachableAddresses(ImmutableArray<IPNetwork> allowed)
{
    /// <summary>IANA's special-purpose ranges (RFC 6890 and its registry), multicast and what is reserved.</summary>
    private static readonly ImmutableArray<IPNetwork> Special =
    [
        .. new[]
        {
            "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.168.0.0/16",
            "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/3", "::/127", "100::/64", "2001::/23", "2001:db8::/32", "fc00::/7", "fe80::/9", "ff00::/8",
        }.Select(IPNetwork.Parse),
    ];

    private static readonly IPNetwork Translated = IPNetwork.Parse("64:ff9b::/96");
    private static readonly IPNetwork SixToFour = IPNetwork.Parse("2002::/16");

    public bool Allows(IPAddress address)
    {
        var plain = address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;
        return allowed.Any(network => network.Contains(plain)) || (!Special.Any(network => network.Contains(plain)) && (Embedded(plain) is not { } inner || Allows(inner)));
    }

    // An IPv4 address that travels inside an IPv6 one.
    private static IPAddress? Embedded(IPAddress address)
    {
        if (address.AddressFamily != AddressFamily.InterNetworkV6)
        {
            return null;
        }

        var bytes = address.GetAddressBytes();
        return Translated.Contains(address) ? new IPAddress(bytes.AsSpan(12, 4)) : SixToFour.Contains(address) ? new IPAddress(bytes.AsSpan(2, 4)) : null;
    }
}
