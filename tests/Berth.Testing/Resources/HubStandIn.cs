using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;

namespace Berth.Testing.Resources;

/// <summary>
/// As much of the Hugging Face hub as its clients ask for to read one repository: commits, pages of the tree, small files at once and large ones by way of another address. A test checks
/// it with the hub's own client.
/// </summary>
public sealed class HubStandIn
{
    public const string Repository = "acme/tiny";
    private const int FilesInPage = 2;
    private const int LargeFrom = 10_000;

    private readonly FileServer _server;
    private readonly string? _token;
    private readonly SortedDictionary<string, byte[]> _files = new(StringComparer.Ordinal);

    /// <summary>Serves the files from the server, to those who have the token if there is one.</summary>
    public HubStandIn(FileServer server, IReadOnlyDictionary<string, byte[]> files, string? token = null)
    {
        (_server, _token) = (server, token);
        Replace(files);
        server.Otherwise = Answer;
    }

    /// <summary>The commit that <c>main</c> is now.</summary>
    public string Commit { get; private set; } = "";

    /// <summary>Pushes a commit with these files.</summary>
    public void Replace(IReadOnlyDictionary<string, byte[]> files)
    {
        _files.Clear();
        foreach (var (path, content) in files)
        {
            _files[path] = content;
        }

        Commit = Sha(Encoding.UTF8.GetBytes(string.Join('\n', files.Select(file => file.Key + Sha(file.Value)))))[..40];
    }

    private static string Sha(byte[] content) => Convert.ToHexStringLower(SHA256.HashData(content));

#pragma warning disable CA5350 // It is how git names what it keeps.
    private static string Oid(byte[] content) => Convert.ToHexStringLower(SHA1.HashData([.. Encoding.ASCII.GetBytes($"blob {content.Length}\0"), .. content]));
#pragma warning restore CA5350

    private static ServedFile Json(JsonNode answer, params ImmutableArray<(string, string)> headers) =>
        new(Encoding.UTF8.GetBytes(answer.ToJsonString())) { HasRanges = false, ETag = null, Headers = [("Content-Type", "application/json; charset=utf-8"), .. headers] };

    private static ServedFile Refusal(int status, string code) => new([]) { Status = status, ETag = null, Headers = [("X-Error-Code", code), ("X-Error-Message", code)] };

    private ServedFile? Answer(ServedRequest request)
    {
        var parts = request.Path.Trim('/').Split('/');
        if (parts is ["cdn", var digest])
        {
            // A store of another server takes no tokens of the hub's.
            return request.Headers.ContainsKey("Authorization") ? new ServedFile([]) { Status = 400 } : new ServedFile(_files.Values.First(file => Sha(file) == digest));
        }

        if (!request.Path.StartsWith($"/api/models/{Repository}", StringComparison.Ordinal) && !request.Path.StartsWith($"/{Repository}/", StringComparison.Ordinal))
        {
            return Refusal(401, "RepoNotFound");
        }

        if (_token is not null && request.Headers.GetValueOrDefault("Authorization") != $"Bearer {_token}")
        {
            return Refusal(request.Headers.ContainsKey("Authorization") ? 403 : 401, "GatedRepo");
        }

        return parts switch
        {
            ["api", _, _, _, "revision", var revision] => Is(revision) ? Json(new JsonObject { ["id"] = Repository, ["sha"] = Commit }) : Refusal(404, "RevisionNotFound"),
            ["api", _, _, _, "tree", var revision] => Is(revision) ? Tree(request) : Refusal(404, "RevisionNotFound"),
            [_, _, "resolve", var revision, .. var path] => Is(revision) ? File(string.Join('/', path)) : Refusal(404, "RevisionNotFound"),
            _ => null,
        };
    }

    private bool Is(string revision) => revision is "main" or "HEAD" || revision == Commit;

    private ServedFile Tree(ServedRequest request)
    {
        var page = request.Query.Contains("cursor=", StringComparison.Ordinal) ? int.Parse(request.Query.Split("cursor=")[1].Split('&')[0], System.Globalization.CultureInfo.InvariantCulture) : 0;
        var entries = new JsonArray();
        foreach (var (path, content) in _files.Skip(page * FilesInPage).Take(FilesInPage))
        {
            var entry = new JsonObject { ["type"] = "file", ["oid"] = Oid(content), ["size"] = content.Length, ["path"] = path };
            if (content.Length >= LargeFrom)
            {
                entry["lfs"] = new JsonObject { ["oid"] = Sha(content), ["size"] = content.Length, ["pointerSize"] = 134 };
            }

            entries.Add(entry);
        }

        return (page + 1) * FilesInPage < _files.Count
            ? Json(entries, ("Link", $"<{_server.Address.GetLeftPart(UriPartial.Authority)}{request.Path}?recursive=true&cursor={page + 1}>; rel=\"next\""))
            : Json(entries);
    }

    private ServedFile File(string path)
    {
        if (!_files.TryGetValue(path, out var content))
        {
            return Refusal(404, "EntryNotFound");
        }

        return content.Length < LargeFrom
            ? new ServedFile(content) { ETag = $"\"{Oid(content)}\"", Headers = [("X-Repo-Commit", Commit)] }
            : new ServedFile([])
            {
                RedirectsTo = $"http://localhost:{_server.Address.Port}/cdn/{Sha(content)}",
                ETag = $"\"{Sha(content)}\"",
                Headers = [("X-Repo-Commit", Commit), ("X-Linked-Size", $"{content.Length}"), ("X-Linked-ETag", $"\"{Sha(content)}\""), ("Accept-Ranges", "bytes")],
            };
    }
}
