using System.Security.Cryptography;
using System.Text;

namespace Berth.Jobs;

/// <summary>The host label of one exposed port: the first characters of base58 of a SHA-512 (job-language.md 3.10).</summary>
public readonly record struct EndpointId(string Value)
{
    /// <summary>The id anybody can derive: the operation's zero-based place in the definition, the port as written, the job.</summary>
    public static EndpointId For(int operationIndex, string port, JobId job) => new(Hash($"{operationIndex}:{port}:{job}", 44));

    /// <summary>The id of a <c>private</c> operation's port: random, so only who is told can find it.</summary>
    public static EndpointId Private() => new(Hash(Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(45)), 45));

    /// <summary>What replicas share: derived from the deployment's id and the owner's address.</summary>
    public static string DeploymentHash(string deploymentId, string owner) => Hash($"{deploymentId}:{owner}", 45);

    /// <summary>The id all replicas of a deployment answer under; it names the operation by id, and no port.</summary>
    public static EndpointId ForDeployment(OperationId operation, string deploymentHash) =>
        new(Hash($"{operation}:0:{deploymentHash}", 44));

    public override string ToString() => Value;

    private static string Hash(string text, int length) =>
        Base58.Encode(SHA512.HashData(Encoding.UTF8.GetBytes(text)))[..length];
}
