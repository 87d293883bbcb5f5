using Berth.Containers;
using Berth.Testing.Containers;

namespace Berth.EngineTests;

/// <summary>What every engine promises, with real containers of a small image.</summary>
public abstract class BusyboxEngineTests : ContainerEngineTests
{
    protected const string Busybox = "berth/busybox:1";

    private const string WaitForStop = "while true; do sleep 0.05; done";

    protected static ContainerSpec Shell(string script) => new() { Name = "", Image = Busybox, Command = ["sh", "-c", script] };

    protected override ContainerSpec PrintsLines(int count) => Shell($"seq 1 {count} | sed 's|^|line |'");

    protected override ContainerSpec PrintsOnBothStreams() => Shell("echo out; echo err >&2");

    protected override ContainerSpec PrintsLongLine(long bytes) => Shell($"head -c {bytes} /dev/zero | tr '\\0' x; echo; printf end");

    protected override ContainerSpec ExitsWith(int code) => Shell($"exit {code}");

    protected override ContainerSpec RunsUntilStopped() => Shell($"trap 'exit 143' TERM; echo ready; {WaitForStop}");

    protected override ContainerSpec IgnoresStop() => Shell($"trap '' TERM; echo ready; {WaitForStop}");

    protected override ContainerSpec PrintsWhenStopped() => Shell($"trap 'echo second; exit 0' TERM; echo first; {WaitForStop}");

    protected override ContainerSpec LeavesOutput() => Shell("mkdir /output; echo forty-two > /output/result.txt");

    protected override ContainerSpec CannotBeStarted() => new() { Name = "", Image = Busybox, Command = ["no-such-program"] };
}
