using System.Net.Http.Json;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Berth.Jobs;

namespace Berth.EndToEndTests.Lab;

/// <summary>A container engine as the tests see it from outside: plain questions over its socket.</summary>
internal sealed class Engine(string address) : IDisposable
{
    private readonly HttpClient _http = new(new SocketsHttpHandler
    {
        ConnectCallback = async (_, ct) =>
        {
            var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(address["unix://".Length..]), ct);
            return new NetworkStream(socket, ownsSocket: true);
        },
    })
    { BaseAddress = new Uri("http://engine/"), Timeout = TimeSpan.FromSeconds(60) };

    /// <summary>The engine this machine has for everybody.</summary>
    public static Engine Shared { get; } = new(Environment.GetEnvironmentVariable("DOCKER_HOST") is { Length: > 0 } named ? named : "unix:///var/run/docker.sock");

    /// <summary>In the form of <c>DOCKER_HOST</c>.</summary>
    public string Address { get; } = address;

    public void Dispose() => _http.Dispose();

    public async Task<JsonNode> AskAsync(string path) => (await _http.GetFromJsonAsync<JsonNode>(path))!;

    public async Task<string> PostAsync(string path, HttpContent? body = null, string? registryAuth = null)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = body };
        if (registryAuth is not null)
        {
            request.Headers.Add("X-Registry-Auth", Convert.ToBase64String(Encoding.UTF8.GetBytes(registryAuth)).Replace('+', '-').Replace('/', '_'));
        }

        using var answer = await _http.SendAsync(request);
        var text = await answer.Content.ReadAsStringAsync();
        Assert.True(answer.IsSuccessStatusCode && !text.Contains("\"error\"", StringComparison.Ordinal), $"POST {path}: {(int)answer.StatusCode} {text}");
        return text;
    }

    public async Task<IReadOnlyList<(string Kind, string Name)>> OwnedByAsync(RunId run)
    {
        var filter = Uri.EscapeDataString(JsonSerializer.Serialize(new Dictionary<string, string[]> { ["label"] = [$"berth.run={run}"] }));
        var containers = (await AskAsync($"containers/json?all=1&filters={filter}")).AsArray();
        var networks = (await AskAsync($"networks?filters={filter}")).AsArray();
        var volumes = (await AskAsync($"volumes?filters={filter}"))["Volumes"]?.AsArray() ?? [];
        return
        [
            .. containers.Select(one => ("containers", (string)one!["Names"]![0]!)),
            .. networks.Select(one => ("networks", (string)one!["Name"]!)),
            .. volumes.Select(one => ("volumes", (string)one!["Name"]!)),
        ];
    }

    /// <summary>What the engine knows of the container of that operation of the run.</summary>
    public Task<JsonNode> InspectAsync(RunId run, int operation) => AskAsync($"containers/berth-{run}-{operation}/json");

    public async Task RemoveAsync(string kind, string name)
    {
        using var answer = await _http.DeleteAsync($"{kind}/{name.TrimStart('/')}?force=1");
    }

    /// <summary>Takes an image over from another engine.</summary>
    public async Task LoadAsync(Engine from, string image)
    {
        using var tar = new ByteArrayContent(await from._http.GetByteArrayAsync($"images/{image}/get"));
        tar.Headers.ContentType = new("application/x-tar");
        await PostAsync("images/load?quiet=1", tar);
    }

    /// <summary>Gives an image another name and pushes it to the registry the name is of.</summary>
    public async Task PushAsync(string image, string name, string tag, string registryAuth = "{}")
    {
        await PostAsync($"images/{image}/tag?repo={name}&tag={tag}");
        await PostAsync($"images/{name}/push?tag={tag}", registryAuth: registryAuth);
        await RemoveAsync("images", $"{name}:{tag}");
    }

    /// <summary>Runs a command in a plain container on the engine's own network, beside all of Berth's rules; its exit code.</summary>
    public async Task<int> RunPlainAsync(string command)
    {
        var asked = new { Image = Definition.Busybox, Cmd = new[] { "sh", "-c", command } };
        var made = JsonNode.Parse(await PostAsync("containers/create", JsonContent.Create(asked)))!;
        var id = (string)made["Id"]!;
        try
        {
            await PostAsync($"containers/{id}/start");
            return (int)JsonNode.Parse(await PostAsync($"containers/{id}/wait"))!["StatusCode"]!;
        }
        finally
        {
            await RemoveAsync("containers", id);
        }
    }
}
