using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using Berth.Containers;
using Berth.Protocol.Identity;

namespace Berth.Node.Work;

/// <summary>
/// The one place for an agent of a node at an engine: what the node's containers are is known by its name alone, so another agent, with a state folder of its own, would sweep up what this one
/// runs. The kernel frees the place when the process ends, however it ends. Only Linux has it; elsewhere every agent gets one.
/// </summary>
public static class AgentSeat
{
    /// <summary>Takes the place; null when a live process on this machine has it.</summary>
    public static IDisposable? TryTake(Address node, EngineAddress engine)
    {
        var seat = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        if (!OperatingSystem.IsLinux())
        {
            return seat;
        }

        try
        {
            seat.Bind(new UnixDomainSocketEndPoint($"\0berth-{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes($"{node} {engine.Uri}")))}"));
            return seat;
        }
        catch (SocketException taken) when (taken.SocketErrorCode == SocketError.AddressAlreadyInUse)
        {
            seat.Dispose();
            return null;
        }
    }
}
