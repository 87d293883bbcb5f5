using Berth.Market.Content;
using Berth.Market.Storage;

namespace Berth.Server;

/// <summary><c>berth server check</c>: audits a database and prints what is wrong with it.</summary>
internal static class ServerCheck
{
    public static async Task<int> RunAsync(ServerOptions options, CancellationToken ct)
    {
        if (options.DatabaseOrDefault is var path && !DatabaseAddress.IsPostgres(path) && !File.Exists(path))
        {
            throw new FileNotFoundException($"There is no database {path}; name one with --data or --database.");
        }

        var faults = await Audit.RunAsync(options.DatabaseOrDefault, ct);
        if (faults.Count == 0)
        {
            faults = await ContentCare.MissingAsync(options.DatabaseOrDefault, options.ContentPlace, ct);
        }

        foreach (var fault in faults)
        {
            Console.WriteLine(fault);
        }

        Console.WriteLine(faults.Count == 0 ? "The database is in order." : $"{faults.Count} {(faults.Count == 1 ? "thing is" : "things are")} wrong.");
        return faults.Count == 0 ? 0 : 1;
    }
}
