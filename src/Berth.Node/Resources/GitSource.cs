using System.ComponentModel;
using System.Diagnostics;
using System.Net;
using System.Text;
using System.Text.RegularExpressions;
using Berth.Jobs.Definitions;

namespace Berth.Node.Resources;

/// <summary>
/// One commit of a git repository, without its history, by the <c>git</c> program of this machine: over HTTP alone, to an address that was checked and is pinned, without redirects, hooks,
/// filters, submodules or anybody's configuration.
/// </summary>
internal sealed partial class GitSource(ReachableAddresses reachable, Func<long> mostBytes, TimeProvider time)
{
    private static readonly TimeSpan Pace = TimeSpan.FromMilliseconds(500);

    /// <summary>Bytes a second, over half a minute, below which git gives up.</summary>
    private const int SlowestRate = 1024;

    public async Task<ResourceListing> ListAsync(Resource resource, CancellationToken ct)
    {
        var address = HttpSource.AddressOf(resource.Url ?? "");
        var repository = new Repository(new Uri(address.GetComponents(UriComponents.HttpRequestUrl, UriFormat.UriEscaped)), await PinAsync(address, ct), resource.AccessToken);
        var commit = HuggingFaceSource.IsCommit(resource.Revision) ? resource.Revision! : await FindAsync(repository, resource.Revision is { Length: > 0 } named ? named : "HEAD", ct);
        return new ResourceListing(commit, Bytes: null, Files: null, (folder, open, meter, token) => FetchAsync(repository, commit, folder, open, meter, token));
    }

    private async Task<string> FindAsync(Repository repository, string revision, CancellationToken ct)
    {
        var said = await RunAsync(repository, Path.GetTempPath(), ["ls-remote", "--exit-code", repository.Address.AbsoluteUri, revision], meter: null, ct);
        var found = said.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.Split('\t')).Where(pair => pair.Length == 2).ToDictionary(pair => pair[1], pair => pair[0]);
        return new[] { revision, $"refs/tags/{revision}^{{}}", $"refs/tags/{revision}", $"refs/heads/{revision}" }.Select(found.GetValueOrDefault).FirstOrDefault(HuggingFaceSource.IsCommit)
            ?? throw new ResourceException(ResourceFault.Missing, $"{ResourceHttp.Shown(repository.Address)} has no branch, tag or commit {revision}.");
    }

    private async Task FetchAsync(Repository repository, string commit, string folder, string open, TransferMeter meter, CancellationToken ct)
    {
        foreach (var before in (string[])[folder, open])
        {
            if (Directory.Exists(before))
            {
                Directory.Delete(before, recursive: true);
            }

            Directory.CreateDirectory(before);
        }

        string[] place = [$"--git-dir={open}", $"--work-tree={folder}"];
        await RunAsync(repository, open, [.. place, "init", "--quiet", "--template="], meter: null, ct);
        await RunAsync(repository, open, [.. place, "fetch", "--quiet", "--depth=1", "--no-tags", "--no-recurse-submodules", "--no-write-fetch-head", repository.Address.AbsoluteUri, commit], meter, ct);
        await RunAsync(repository, folder, [.. place, "checkout", "--quiet", "--force", "--detach", commit], meter: null, ct);
        meter.FileIsWhole();
    }

    private async Task<string> RunAsync(Repository repository, string folder, string[] arguments, TransferMeter? meter, CancellationToken ct)
    {
        using var git = Start(repository, folder, arguments);
        var output = git.StandardOutput.ReadToEndAsync(CancellationToken.None);
        var error = git.StandardError.ReadToEndAsync(CancellationToken.None);
        try
        {
            var counted = 0L;
            for (var ended = git.WaitForExitAsync(ct); await Task.WhenAny(ended, Task.Delay(Pace, time, ct)) != ended;)
            {
                ct.ThrowIfCancellationRequested();
                if (meter is not null)
                {
                    var there = FolderTree.Below(new DirectoryInfo(folder)).OfType<FileInfo>().Sum(file => file.Exists ? file.Length : 0);
                    meter.Arrived(there - counted);
                    counted = there;
                    if (there > mostBytes())
                    {
                        throw new ResourceException(ResourceFault.TooMuch, $"{ResourceHttp.Shown(repository.Address)} has more than the {mostBytes()} bytes that this host keeps.");
                    }
                }
            }

            ct.ThrowIfCancellationRequested();
        }
        catch
        {
            git.Kill(entireProcessTree: true);
            throw;
        }

        return git.ExitCode == 0 ? await output : throw Fault(repository, await error, git.ExitCode);
    }

    private static Process Start(Repository repository, string folder, string[] arguments)
    {
        var start = new ProcessStartInfo("git", arguments) { WorkingDirectory = folder, RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        var path = start.Environment.TryGetValue("PATH", out var found) ? found : null;
        start.Environment.Clear();
        start.Environment["PATH"] = path;
        start.Environment["HOME"] = "/nonexistent";
        start.Environment["LC_ALL"] = "C";
        start.Environment["GIT_CONFIG_NOSYSTEM"] = "1";
        start.Environment["GIT_CONFIG_GLOBAL"] = "/dev/null";
        start.Environment["GIT_TERMINAL_PROMPT"] = "0";
        start.Environment["GIT_ALLOW_PROTOCOL"] = "http:https";

        // In the environment, where other users of the machine do not see it.
        foreach (var (index, (name, value)) in Settings(repository).Index())
        {
            start.Environment[$"GIT_CONFIG_KEY_{index}"] = name;
            start.Environment[$"GIT_CONFIG_VALUE_{index}"] = value;
            start.Environment["GIT_CONFIG_COUNT"] = $"{index + 1}";
        }

        try
        {
            var git = Process.Start(start)!;
            git.StandardInput.Close();
            return git;
        }
        catch (Win32Exception missing)
        {
            throw new ResourceException(ResourceFault.Unusable, "This host has no git program, so it fetches no Git resources (apt-get install git).", missing);
        }
    }

    private static IEnumerable<(string Name, string Value)> Settings(Repository repository)
    {
        yield return ("core.hooksPath", "/dev/null");
        yield return ("core.fsmonitor", "false");
        yield return ("core.askPass", "true");
        yield return ("credential.helper", "");
        yield return ("http.followRedirects", "false");
        yield return ("http.proxy", "");
        yield return ("http.curloptResolve", repository.Pinned);
        yield return ("http.lowSpeedLimit", $"{SlowestRate}");
        yield return ("http.lowSpeedTime", "30");
        if (repository.Token is { Length: > 0 } token)
        {
            yield return ("http.extraHeader", "Authorization: Basic " + Convert.ToBase64String(Encoding.UTF8.GetBytes($"x-access-token:{token}")));
        }
    }

    private static ResourceException Fault(Repository repository, string error, int exitCode)
    {
        var shown = ResourceHttp.Shown(repository.Address);
        return error switch
        {
            _ when exitCode == 2 => new(ResourceFault.Missing, $"{shown} has no such branch or tag."),
            _ when NotFound.IsMatch(error) => new(ResourceFault.Missing, $"{shown} is no git repository, or has no such commit."),
            _ when Denied.IsMatch(error) => new(ResourceFault.Denied, $"{shown} wants a token, or another one."),
            _ when error.Contains("No space left", StringComparison.Ordinal) => new(ResourceFault.DiskFull, $"The disk is full; {shown} could not be kept."),
            _ when error.Contains("unable to update url base from redirection", StringComparison.Ordinal) || error.Contains("The requested URL returned error: 30", StringComparison.Ordinal) =>
                new(ResourceFault.Forbidden, $"{shown} redirects, which is not followed for git."),
            _ => new(ResourceFault.Unavailable, $"{shown} could not be fetched: git failed with exit code {exitCode}."),
        };
    }

    // What git resolves itself could be another address than the one that was looked at.
    private async Task<string> PinAsync(Uri address, CancellationToken ct)
    {
        try
        {
            var found = await Dns.GetHostAddressesAsync(address.IdnHost, ct);
            return found.FirstOrDefault(reachable.Allows) is { } allowed
                ? $"{address.IdnHost}:{address.Port}:{(allowed.AddressFamily == System.Net.Sockets.AddressFamily.InterNetworkV6 ? $"[{allowed}]" : allowed)}"
                : throw ResourceHttp.Unreachable(address.IdnHost, found);
        }
        catch (System.Net.Sockets.SocketException fault)
        {
            throw new ResourceException(ResourceFault.Unavailable, $"The name {address.IdnHost} could not be resolved.", fault);
        }
    }

    [GeneratedRegex("not found|not our ref|couldn't find remote ref|not valid: is this a git repository")]
    private static partial Regex NotFound { get; }

    [GeneratedRegex("Authentication failed|could not read Username|returned error: 40[13]")]
    private static partial Regex Denied { get; }

    private sealed record Repository(Uri Address, string Pinned, string? Token);
}
