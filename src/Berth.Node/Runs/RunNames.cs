using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text;
using Berth.Jobs;

namespace Berth.Node.Runs;

/// <summary>
/// The names and labels of everything a run makes on the engine. They follow from the run alone, so that after a crash
/// "did it exist?" is a look-up.
/// </summary>
public sealed class RunNames(string node, RunId run, JobId job)
{
    public const string NodeLabel = "berth.node";
    public const string RunLabel = "berth.run";
    public const string OperationLabel = "berth.op";

    public string Network { get; } = $"berth-{run}";

    /// <summary>The name of the network's bridge on the machine: at most 15 characters, as the kernel wants.</summary>
    public string Bridge { get; } = BridgeOf(run);

    public static string BridgeOf(RunId run) => $"berth{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(run.Value)))[..10]}";

    public string Container(int operationIndex) => $"berth-{run}-{operationIndex}";

    public string Volume(string name) => $"berth-{run}-{name}";

    /// <summary>The private copy of one of an operation's resources; no volume of the job's has such a name.</summary>
    public string ResourceVolume(int operationIndex, int resourceIndex) => $"berth-{run}.resource-{operationIndex}-{resourceIndex}";

    /// <summary>The DNS name every operation can be reached by, known from the start (job-language.md 1.12).</summary>
    public string Host(int operationIndex) => $"{job}-{operationIndex}";

    public ImmutableDictionary<string, string> Labels(OperationId? operation = null)
    {
        var labels = ImmutableDictionary<string, string>.Empty.Add(NodeLabel, node).Add(RunLabel, run.Value);
        return operation is { } id ? labels.Add(OperationLabel, id.Value) : labels;
    }
}
