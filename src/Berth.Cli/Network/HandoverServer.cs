using Berth.Jobs;
using Berth.Protocol;
using Berth.Protocol.Sealing;

namespace Berth.Cli.Network;

/// <summary>Hands over, to each node that gets a job of this key's, what is sealed in it, until it is told to end.</summary>
internal sealed class HandoverServer(MarketClient client, DecryptionKey key, TimeProvider time, Action<string> tell)
{
    private static readonly TimeSpan Wait = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(15);
    private readonly HandoverMaker _maker = new(client, key);
    private readonly HashSet<RunId> _failed = [];

    /// <summary>The job that is served; null serves all of them.</summary>
    public JobId? Only { get; init; }

    /// <summary>Serves until it is cancelled, through every cut of the connection.</summary>
    /// <exception cref="MarketException">The server refuses to be asked.</exception>
    public async Task ServeAsync(CancellationToken ct)
    {
        var pause = FirstPause;
        var isAway = false;
        while (!ct.IsCancellationRequested)
        {
            try
            {
                var wanted = await client.ListHandoversAsync(Only, Wait, ct);
                isAway = false;
                var served = 0;
                foreach (var one in wanted.Items.Where(one => !_failed.Contains(one.Run)))
                {
                    await HandOverAsync(one, ct);
                    served++;
                }

                // What cannot be handed over stays in the list until its time is up.
                if (served > 0 || wanted.Items.IsEmpty)
                {
                    pause = FirstPause;
                    continue;
                }
            }
            catch (MarketException away) when (away.IsTransient)
            {
                if (!isAway)
                {
                    tell($"waiting for the server: {away.Message}");
                    isAway = true;
                }
            }

            await Task.Delay(pause, time, ct);
            pause = pause * 2 < LongestPause ? pause * 2 : LongestPause;
        }
    }

    private async Task HandOverAsync(HandoverWanted wanted, CancellationToken ct)
    {
        try
        {
            await client.HandOverAsync(wanted.Run, await _maker.MakeAsync(wanted.Job, wanted.Node, ct), ct);
            tell($"handed over what is sealed in job {wanted.Job} to node {wanted.Node.Owner}");
        }
        catch (HandoverException cannot)
        {
            _failed.Add(wanted.Run);
            tell(cannot.Message);
        }
        catch (MarketException over) when (!over.IsTransient)
        {
            // The run is over, or another client of this key was faster.
            _failed.Add(wanted.Run);
        }
    }
}
