using System.CommandLine;
using Berth.Cli.Sources;
using Berth.Protocol;
using Berth.Protocol.Identity;

namespace Berth.Cli.Commands;

/// <summary>A folder of this machine, and where the job's containers see it.</summary>
internal sealed record SourceWish(string Folder, string Target);

/// <summary>The option by which a job is posted with folders of this machine.</summary>
internal static class SourceOption
{
    public static Option<SourceWish[]> Make() => new("--upload")
    {
        Description = $"Send this folder along; every container sees it, read-only, at {SourceMount.UsualTarget} or at the target named. What .gitignore and .berthignore leave out stays here. May be given again.",
        HelpName = "dir[:target]",
        Arity = ArgumentArity.OneOrMore,
        AllowMultipleArgumentsPerToken = false,
        DefaultValueFactory = _ => [],
        CustomParser = result =>
        {
            var wishes = result.Tokens.Select(token => Read(token.Value)).ToArray();
            foreach (var wish in wishes)
            {
                if (!Directory.Exists(wish.Folder))
                {
                    result.AddError($"There is no folder {wish.Folder} to send along.");
                }
                else if (wish.Target.Trim('/').Length == 0)
                {
                    result.AddError("A container cannot see a folder in place of its whole file system; name a target such as /workspace.");
                }
            }

            if (wishes.DistinctBy(wish => wish.Target).Count() < wishes.Length)
            {
                result.AddError("Two folders cannot be seen at the same place; name targets: --upload DIR:TARGET.");
            }

            return wishes;
        },
    };

    /// <summary>Sends the folders; null when one is too large, which is told.</summary>
    public static async Task<SourceMount[]?> SendAsync(Surroundings around, MarketClient client, Address sender, SourceWish[] wishes, bool quiet, CancellationToken ct)
    {
        var mounts = new List<SourceMount>();
        foreach (var wish in wishes)
        {
            if (await new SourceUpload(around, client, sender).SendAsync(SourceFolder.Read(wish.Folder), quiet, ct) is not { } content)
            {
                return null;
            }

            mounts.Add(new SourceMount(content, wish.Target));
        }

        return [.. mounts];
    }

    // A colon may belong to the folder's name: what stands behind the last one is a target when it begins at the root.
    private static SourceWish Read(string text) => text.LastIndexOf(":/", StringComparison.Ordinal) is var colon and > 0 && !Directory.Exists(text)
        ? new SourceWish(text[..colon], text[(colon + 1)..].TrimEnd('/'))
        : new SourceWish(text, SourceMount.UsualTarget);
}
