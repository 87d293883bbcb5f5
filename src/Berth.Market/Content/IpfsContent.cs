using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Runtime.CompilerServices;
using System.Text.Json;
using Berth.Market.Storage;
using Berth.Protocol.Identity;

namespace Berth.Market.Content;

/// <summary>
/// Contents on an IPFS node, pinned there, spoken to by Kubo's <c>/api/v0</c>. The node computes the content id itself, and one that differs is not kept. When a content was last put is
/// the name of its pin.
/// </summary>
internal sealed class IpfsContent(HttpClient http, TimeProvider time) : ContentStore
{
    private const string AgePrefix = "berth:";
    private const string PinName = "Name";

    public override string Name => $"the IPFS node {http.BaseAddress}";

    public override Task PutAsync(ContentId id, Stream bytes, long size, CancellationToken ct) => AskAsync(async () =>
    {
        await using var hashed = new HashedStream(bytes, id, size);
        using var body = Form(hashed);
        using var answer = await SendAsync("add?cid-version=0&raw-leaves=false&chunker=size-262144&pin=false&quieter=true&progress=false", body, ct);
        var added = await answer.Content.ReadFromJsonAsync<JsonElement>(ct);
        if (added.GetProperty("Hash").GetString() != id.Value)
        {
            throw new InvalidDataException($"What was to be the content {id} is {added.GetProperty("Hash").GetString()} to {Name}.");
        }

        using var pinned = await SendAsync($"pin/add?arg={id}&name={AgePrefix}{time.GetUtcNow().ToUnixTimeMilliseconds()}", null, ct);
        return true;
    });

    public override Task<Stream?> OpenAsync(ContentId id, long offset, CancellationToken ct) => AskAsync(async () =>
    {
        if (await FindAsync(id, ct) is null)
        {
            return null;
        }

        var answer = await SendAsync($"cat?arg={id}&offset={offset}", null, ct);
        return (Stream?)await answer.Content.ReadAsStreamAsync(ct);
    });

    public override Task<StoredContent?> FindAsync(ContentId id, CancellationToken ct) => AskAsync(async () =>
    {
        if (await PinsAsync($"&arg={id}", ct) is not { Count: > 0 } pins)
        {
            return (StoredContent?)null;
        }

        using var answer = await SendAsync($"files/stat?arg=/ipfs/{id}", null, ct);
        var stat = await answer.Content.ReadFromJsonAsync<JsonElement>(ct);
        return new StoredContent(id, stat.GetProperty("Size").GetInt64(), pins[0].PutAt);
    });

    public override async IAsyncEnumerable<StoredContent> ListAsync([EnumeratorCancellation] CancellationToken ct)
    {
        foreach (var (id, putAt) in await AskAsync(() => PinsAsync("", ct)))
        {
            yield return new StoredContent(id, 0, putAt);
        }
    }

    public override async Task<bool> RemoveAsync(ContentId id, DateTimeOffset putBefore, CancellationToken ct)
    {
        if (await FindAsync(id, ct) is not { } found)
        {
            return true;
        }

        if (found.PutAt >= putBefore)
        {
            return false;
        }

        // The node's own collection of garbage takes the blocks when it comes round.
        await AskAsync(async () =>
        {
            using var answer = await SendAsync($"pin/rm?arg={id}", null, ct);
            return true;
        });
        return true;
    }

    public override async Task ProbeAsync(CancellationToken ct) => await PutAsync(new byte[] { 1 }, ct);

    public override ValueTask DisposeAsync()
    {
        http.Dispose();
        return base.DisposeAsync();
    }

    // With names in quotes and the boundary without, the one form that every reader of forms takes.
    private static MultipartFormDataContent Form(Stream bytes)
    {
        var boundary = $"berth{Guid.NewGuid():N}";
        var file = new StreamContent(bytes, 1 << 18);
        file.Headers.ContentType = new MediaTypeHeaderValue("application/octet-stream");
        file.Headers.ContentDisposition = new ContentDispositionHeaderValue("form-data") { Name = "\"file\"", FileName = "\"content\"" };
        var form = new MultipartFormDataContent(boundary) { file };
        form.Headers.ContentType!.Parameters.Single(parameter => parameter.Name == nameof(boundary)).Value = boundary;
        return form;
    }

    private async Task<List<(ContentId Id, DateTimeOffset PutAt)>> PinsAsync(string which, CancellationToken ct)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, $"api/v0/pin/ls?type=recursive&names=true{which}");
        using var answer = await http.SendAsync(request, ct);
        if (answer.StatusCode == HttpStatusCode.InternalServerError && (await answer.Content.ReadAsStringAsync(ct)).Contains("not pinned", StringComparison.Ordinal))
        {
            return [];
        }

        answer.EnsureSuccessStatusCode();
        var pins = new List<(ContentId, DateTimeOffset)>();
        var listed = await answer.Content.ReadFromJsonAsync<JsonElement>(ct);
        foreach (var pin in listed.GetProperty("Keys").EnumerateObject())
        {
            if (ContentId.TryParse(pin.Name, null, out var id) && pin.Value.TryGetProperty(PinName, out var name) && name.GetString() is { } text && text.StartsWith(AgePrefix, StringComparison.Ordinal)
                && long.TryParse(text[AgePrefix.Length..], NumberStyles.None, CultureInfo.InvariantCulture, out var put))
            {
                pins.Add((id, DateTimeOffset.FromUnixTimeMilliseconds(put)));
            }
        }

        return pins;
    }

    private async Task<HttpResponseMessage> SendAsync(string command, HttpContent? body, CancellationToken ct)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, $"api/v0/{command}") { Content = body };
        var answer = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, ct);
        if (!answer.IsSuccessStatusCode)
        {
            var said = await answer.Content.ReadAsStringAsync(ct);
            answer.Dispose();
            throw new HttpRequestException($"{command.Split('?')[0]} was answered with {(int)answer.StatusCode} {said.Trim()}");
        }

        return answer;
    }

    private async Task<T> AskAsync<T>(Func<Task<T>> ask)
    {
        try
        {
            return await ask();
        }
        catch (HttpRequestException other) when (other.InnerException is InvalidDataException or IOException { InnerException: InvalidDataException })
        {
            throw new InvalidDataException(other.InnerException.Message, other);
        }
        catch (Exception away) when (away is HttpRequestException or JsonException or KeyNotFoundException or TaskCanceledException { InnerException: TimeoutException } || (away is IOException && away is not InvalidDataException))
        {
            throw new StorageException($"The content store, {Name}, cannot do it now ({away.Message}). Try again; what is asked twice counts once.", away);
        }
    }
}
