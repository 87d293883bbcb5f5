using System.Collections.Immutable;
using System.CommandLine;
using System.Globalization;
using System.Net;
using Berth.Node.Resources;

namespace Berth.Cli.Commands;

/// <summary>What commands that fetch resources may be told of it.</summary>
internal sealed class ResourceOptions(Surroundings around)
{
    private readonly Option<string[]> _allow = new("--allow-address")
    {
        Description = "An address of this machine or its networks that resources may be fetched from, such as 127.0.0.1 or 10.1.0.0/16. May be given again.",
        HelpName = "address",
        DefaultValueFactory = _ => [],
    };

    private readonly Option<string?> _size = new("--cache-size")
    {
        Description = "How much of fetched resources is kept, such as 200GB. Default: half of the disk.",
        HelpName = "size",
    };

    private readonly Option<string[]> _gateways = new("--ipfs-gateway")
    {
        Description = "A gateway to ask for IPFS content instead of the usual ones; it need not be trusted. May be given again, the first is asked first.",
        HelpName = "url",
        DefaultValueFactory = _ => [],
    };

    public void AddTo(Command command)
    {
        _gateways.Validators.Add(result =>
        {
            foreach (var token in result.Tokens.Where(token => AddressOf(token.Value) is null))
            {
                result.AddError($"--ipfs-gateway takes an address such as https://ipfs.io, not '{token.Value}'.");
            }
        });
        _allow.Validators.Add(result =>
        {
            foreach (var token in result.Tokens.Where(token => NetworkOf(token.Value) is null))
            {
                result.AddError($"--allow-address takes an address such as 127.0.0.1 or a network such as 10.1.0.0/16, not '{token.Value}'.");
            }
        });
        _size.Validators.Add(result =>
        {
            if (result.Tokens is [{ Value: var text }] && SizeOf(text) is null)
            {
                result.AddError($"--cache-size takes a number of bytes such as 500MB, 200GB or 2TB, not '{text}'.");
            }
        });
        command.Options.Add(_allow);
        command.Options.Add(_size);
        command.Options.Add(_gateways);
    }

    /// <summary>The settings; where the hubs are, <c>HF_ENDPOINT</c> and <c>OLLAMA_REGISTRY</c> may say.</summary>
    public ResourceSettings Settings(ParseResult parsed)
    {
        var usual = new ResourceSettings { Folder = ResourceSettings.FolderIn(around.StateDirectory) };
        var gateways = parsed.GetRequiredValue(_gateways).Select(AddressOf).OfType<Uri>().ToImmutableArray();
        return usual with
        {
            HuggingFace = AddressOf(around.Environment("HF_ENDPOINT")) ?? usual.HuggingFace,
            OllamaLibrary = AddressOf(around.Environment("OLLAMA_REGISTRY")) ?? usual.OllamaLibrary,
            IpfsGateways = gateways.IsEmpty ? usual.IpfsGateways : gateways,
            MostBytes = parsed.GetValue(_size) is { } size ? SizeOf(size) : null,
            AllowedNetworks = [.. parsed.GetRequiredValue(_allow).Select(NetworkOf).OfType<IPNetwork>()],
        };
    }

    private static Uri? AddressOf(string? text) => Uri.TryCreate(text, UriKind.Absolute, out var address) && address.Scheme is "http" or "https" ? address : null;

    private static IPNetwork? NetworkOf(string text) =>
        IPNetwork.TryParse(text, out var network) ? network
        : IPAddress.TryParse(text, out var address) ? new IPNetwork(address, address.GetAddressBytes().Length * 8)
        : null;

    private static long? SizeOf(string text)
    {
        var letters = text.TrimStart([.. "0123456789."]);
        var unit = letters.ToUpperInvariant() switch { "" or "B" => 1, "KB" => 1e3, "MB" => 1e6, "GB" => 1e9, "TB" => 1e12, _ => 0 };
        return unit > 0 && double.TryParse(text[..^letters.Length], NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number) && number * unit is >= 1 and < 1e18
            ? (long)(number * unit)
            : null;
    }
}
