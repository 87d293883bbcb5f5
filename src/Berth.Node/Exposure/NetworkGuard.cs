using System.ComponentModel;
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Berth.Containers;

namespace Berth.Node.Exposure;

/// <summary>
/// Keeps a run's containers from the machine they run on and from what lies around it: one nftables table per run, named after its bridge,
/// so that making it is one transaction and removing it twice is fine.
/// </summary>
/// <remarks>
/// <code>
/// container ─► bridge ─┬─► this machine            rejected (answers to what it began itself pass)
///                      ├─► private, link-local,    rejected; only the bridge itself
///                      │   metadata, shared ranges   and port 53 of the machine's resolvers pass
///                      └─► the internet            passes
/// </code>
/// </remarks>
public sealed class NetworkGuard(TimeProvider time)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);
    private static readonly string[] ResolverFiles = ["/etc/resolv.conf", "/run/systemd/resolve/resolv.conf"];

    private const string Forbidden4 =
        "0.0.0.0/8, 10.0.0.0/8, 100.64.0.0/10, 127.0.0.0/8, 169.254.0.0/16, 172.16.0.0/12, 192.0.0.0/24, 192.0.2.0/24, " +
        "192.168.0.0/16, 198.18.0.0/15, 198.51.100.0/24, 203.0.113.0/24, 224.0.0.0/4, 240.0.0.0/4";

    /// <summary>
    /// Puts the rules up for a network that is being made; where the name of its bridge is <paramref name="foreseen"/>, meanwhile. Null when they
    /// stand, else the sentence that says why this run is not kept apart.
    /// </summary>
    public async Task<string?> RaiseAsync(Task<ContainerNetwork> making, string? foreseen, CancellationToken ct)
    {
        var ahead = foreseen is null ? null : RaiseAsync(foreseen, ct);
        await Task.WhenAll(making, ahead ?? Task.CompletedTask);
        if ((await making).BridgeName is not { } bridge || !Directory.Exists($"/sys/class/net/{bridge}"))
        {
            return "the run's network is not on this machine's own network stack (a remote or rootless engine)";
        }

        return await (ahead is not null && bridge == foreseen ? ahead : RaiseAsync(bridge, ct));
    }

    private async Task<string?> RaiseAsync(string bridge, CancellationToken ct)
    {
        try
        {
            var (exit, error) = await NftAsync(Rules(bridge, Resolvers()), ct);
            return exit == 0 ? null : $"nft refused the rules ({error})";
        }
        catch (Win32Exception)
        {
            return "nftables is not installed (apt-get install nftables)";
        }
    }

    /// <summary>Tries whether rules can be put up here at all. Null when they can, else the sentence that says why not.</summary>
    public async Task<string?> ProbeAsync(EngineDescription engine, CancellationToken ct)
    {
        if (!engine.IsLocal || engine.IsRootless)
        {
            return "the containers' networks are not on this machine's own network stack (a remote or rootless engine)";
        }

        try
        {
            var (exit, error) = await NftAsync("table inet berthprobe\ndelete table inet berthprobe\n", ct);
            return exit == 0 ? null : $"nft refused the rules ({error})";
        }
        catch (Win32Exception)
        {
            return "nftables is not installed (apt-get install nftables)";
        }
    }

    /// <summary>Takes the rules down; fine when there are none.</summary>
    public async Task LowerAsync(string bridge, CancellationToken ct)
    {
        try
        {
            await NftAsync($"table inet {bridge}\ndelete table inet {bridge}\n", ct);
        }
        catch (Win32Exception)
        {
            // Without nft no rules were ever put up.
        }
    }

    /// <summary>The rules as text for <c>nft -f</c>.</summary>
    internal static string Rules(string bridge, IEnumerable<IPAddress> resolvers)
    {
        var dns = resolvers.Where(address => address.AddressFamily == AddressFamily.InterNetwork && !IPAddress.IsLoopback(address)).Distinct().ToArray();
        var rules = new StringBuilder();
        rules.AppendLine($"table inet {bridge}");
        rules.AppendLine($"delete table inet {bridge}");
        rules.AppendLine($"table inet {bridge} {{");
        foreach (var hook in new[] { "input", "forward" })
        {
            rules.AppendLine($"  chain {hook} {{");
            rules.AppendLine($"    type filter hook {hook} priority -10; policy accept;");
            rules.AppendLine($"    iifname != \"{bridge}\" return");
            rules.AppendLine("    ct state established,related return");
            if (dns.Length > 0)
            {
                rules.AppendLine($"    ip daddr {{ {string.Join(", ", dns.Select(address => address.ToString()))} }} meta l4proto {{ tcp, udp }} th dport 53 return");
            }

            if (hook == "input")
            {
                rules.AppendLine("    reject");
            }
            else
            {
                rules.AppendLine($"    oifname \"{bridge}\" return");
                rules.AppendLine($"    ip daddr {{ {Forbidden4} }} reject");
                rules.AppendLine("    ip6 daddr { ::/127, fc00::/7, fe80::/10, ff00::/8, 64:ff9b::/96 } reject");
            }

            rules.AppendLine("  }");
        }

        rules.AppendLine("}");
        return rules.ToString();
    }

    private static IEnumerable<IPAddress> Resolvers() =>
        from file in ResolverFiles
        where File.Exists(file)
        from line in File.ReadLines(file)
        let words = line.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)
        where words is ["nameserver", _, ..]
        let address = IPAddress.TryParse(words[1], out var parsed) ? parsed : null
        where address is not null
        select address;

    private async Task<(int Exit, string Error)> NftAsync(string rules, CancellationToken ct)
    {
        using var limit = new CancellationTokenSource(Patience, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, ct);
        using var nft = Process.Start(new ProcessStartInfo("nft", ["-f", "-"])
        {
            RedirectStandardInput = true,
            RedirectStandardError = true,
            RedirectStandardOutput = true,
        })!;
        try
        {
            await nft.StandardInput.WriteAsync(rules.AsMemory(), either.Token);
            nft.StandardInput.Close();
            var error = await nft.StandardError.ReadToEndAsync(either.Token);
            await nft.WaitForExitAsync(either.Token);
            return (nft.ExitCode, error.Split('\n', 2)[0]);
        }
        catch (IOException)
        {
            await nft.WaitForExitAsync(either.Token);
            return (nft.ExitCode, "it did not read the rules");
        }
    }
}
