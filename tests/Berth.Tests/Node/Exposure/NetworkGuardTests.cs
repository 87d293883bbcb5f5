using System.Net;
using Berth.Node.Exposure;
using Xunit;

namespace Berth.Tests.Node.Exposure;

/// <summary>The rules that keep a run's containers from the machine and from what lies around it.</summary>
public sealed class NetworkGuardTests
{
    [Fact]
    public void A_run_reaches_its_own_network_the_resolvers_and_the_internet_and_nothing_else() => Assert.Equal(
        """
        table inet berth01
        delete table inet berth01
        table inet berth01 {
          chain input {
            type filter hook input priority -10; policy accept;
            iifname != "berth01" return
            ct state established,related return
            ip daddr { 10.0.0.2 } meta l4proto { tcp, udp } th dport 53 return
            reject
          }
          chain forward {
            type filter hook forward priority -10; policy accept;
            iifname != "berth01" return
            ct state established,related return
            ip daddr { 10.0.0.2 } meta l4proto { tcp, udp } th dport 53 return
            oifname "berth01" return
            ip daddr { 0.0.0.0/8, 10.0.0.0/8, 100.64.0.0/10, 127.0.0.0/8, 169.254.0.0/16, 172.16.0.0/12, 192.0.0.0/24, 192.0.2.0/24, 192.168.0.0/16, 198.18.0.0/15, 198.51.100.0/24, 203.0.113.0/24, 224.0.0.0/4, 240.0.0.0/4 } reject
            ip6 daddr { ::/127, fc00::/7, fe80::/10, ff00::/8, 64:ff9b::/96 } reject
          }
        }

        """,
        NetworkGuard.Rules(
            "berth01",
            [IPAddress.Parse("127.0.0.53"), IPAddress.Parse("10.0.0.2"), IPAddress.Parse("10.0.0.2"), IPAddress.Parse("fe80::1")]));

    [Fact]
    public void Without_resolvers_nothing_of_the_surroundings_passes()
    {
        var rules = NetworkGuard.Rules("berth01", []);

        Assert.DoesNotContain("dport 53", rules, StringComparison.Ordinal);
        Assert.DoesNotContain("{  }", rules, StringComparison.Ordinal);
    }
}
