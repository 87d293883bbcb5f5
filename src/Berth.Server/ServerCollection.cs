using Berth.Market.Content;
using Berth.Market.Storage;

namespace Berth.Server;

/// <summary><c>berth server gc</c>: removes contents that nothing refers to.</summary>
internal static class ServerCollection
{
    public static async Task<int> RunAsync(ServerOptions options, bool isTrial, CancellationToken ct)
    {
        if (options.DatabaseOrDefault is var path && !DatabaseAddress.IsPostgres(path) && !File.Exists(path))
        {
            throw new FileNotFoundException($"There is no database {path}; name one with --data or --database.");
        }

        var collected = await ContentCare.CollectAsync(options.DatabaseOrDefault, options.ContentPlace, isTrial, ct);
        Console.WriteLine($"{collected.Looked} contents, {collected.Removed} of them {(isTrial ? "would be" : "were")} removed ({collected.Bytes} bytes).");
        return 0;
    }
}
