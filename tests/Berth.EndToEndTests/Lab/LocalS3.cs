using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace Berth.EndToEndTests.Lab;

/// <summary>A real S3 server for all tests of a class. What they put there goes through rclone, which signs by itself.</summary>
public sealed class LocalS3 : IAsyncLifetime
{
    private readonly string _folder = Path.Combine(LabFolder.Path, LabFolder.NewName("s"));
    private string _key = "";
    private string _secret = "";

    public string Address { get; private set; } = "";

    /// <summary>The <c>IAM</c> member of a resource.</summary>
    public string Iam => Keys(_secret);

    public async ValueTask InitializeAsync()
    {
        using var socket = new TcpListener(IPAddress.Loopback, 0);
        socket.Start();
        var port = ((IPEndPoint)socket.LocalEndpoint).Port;
        socket.Stop();
        var said = await LabFolder.RunAsync("s3", ["up", _folder, $"{port}"]);
        (Address, _key, _secret) = (said["address"], said["access"], said["secret"]);
    }

    public async ValueTask DisposeAsync() => await LabFolder.RunAsync("s3", ["down", _folder]);

    /// <summary>Keys of which the secret one is another.</summary>
    public string Keys(string secret) => $$"""{ "REGION": "us-east-1", "ACCESS_KEY_ID": "{{_key}}", "SECRET_ACCESS_KEY": "{{secret}}" }""";

    /// <summary>A new bucket, for everybody to read if so said.</summary>
    public async Task<string> MakeBucketAsync(bool isPublic = false)
    {
        var name = $"bucket-{Guid.NewGuid():N}"[..20];
        await RcloneAsync(isPublic, "mkdir", $"s3:{name}");
        return name;
    }

    public async Task PutAsync(string bucket, string key, byte[] content, bool isPublic = false)
    {
        var file = Path.GetTempFileName();
        await File.WriteAllBytesAsync(file, content);
        await RcloneAsync(isPublic, "copyto", file, $"s3:{bucket}/{key}");
        File.Delete(file);
    }

    /// <summary>Puts many small objects, each with its name for content.</summary>
    public async Task PutAllAsync(string bucket, IEnumerable<string> names)
    {
        var folder = Directory.CreateTempSubdirectory("berth-s3-");
        foreach (var name in names)
        {
            await File.WriteAllTextAsync(Path.Combine(folder.FullName, name), name);
        }

        await RcloneAsync(isPublic: false, "copy", "--transfers", "16", folder.FullName, $"s3:{bucket}");
        folder.Delete(recursive: true);
    }

    public async Task<string> GetAsync(string bucket, string key) => (await RcloneAsync(isPublic: false, "cat", $"s3:{bucket}/{key}")).Output;

    private async Task<Said> RcloneAsync(bool isPublic, params string[] arguments)
    {
        var start = new ProcessStartInfo("rclone", arguments);
        start.Environment["RCLONE_CONFIG"] = "/dev/null";
        start.Environment.Remove("AWS_CA_BUNDLE");
        foreach (var (name, value) in new[]
        {
            ("TYPE", "s3"), ("PROVIDER", "Ceph"), ("ENDPOINT", Address), ("REGION", "us-east-1"), ("ACCESS_KEY_ID", _key), ("SECRET_ACCESS_KEY", _secret),
            ("ACL", isPublic ? "public-read" : "private"),
        })
        {
            start.Environment[$"RCLONE_CONFIG_S3_{name}"] = value;
        }

        return (await RunningProgram.RunAsync(start, TimeSpan.FromMinutes(4))).Exited(0);
    }
}
