using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Net.ServerSentEvents;
using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Berth.Jobs;
using Berth.Protocol.Identity;
using Berth.Protocol.Sealing;

namespace Berth.Protocol;

/// <summary>
/// Speaks to a market's server: every request is one method. Requests are signed by the handler of the <see cref="HttpClient"/> (see <see cref="Connect"/>). Whatever the server
/// refuses, and a server that is not there, is a <see cref="MarketException"/>.
/// </summary>
public sealed class MarketClient(HttpClient http) : IDisposable
{
    private const string Root = "api/v1";
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    // A part of 8 MiB over a line of 256 kbit/s.
    private static readonly TimeSpan PartPatience = TimeSpan.FromMinutes(5);

    /// <summary>A client for the server at the address; without a key only what is public can be read.</summary>
    public static MarketClient Connect(Uri server, SigningKey? key, TimeProvider time, HttpMessageHandler? transport = null)
    {
        var handler = transport ?? new SocketsHttpHandler { PooledConnectionLifetime = TimeSpan.FromMinutes(5), ConnectTimeout = TimeSpan.FromSeconds(10) };
        return new MarketClient(new HttpClient(key is null ? handler : new SigningHandler(key, time) { InnerHandler = handler })
        {
            BaseAddress = server.AbsoluteUri.EndsWith('/') ? server : new Uri(server.AbsoluteUri + "/"),
            Timeout = Timeout.InfiniteTimeSpan,
        });
    }

    /// <summary>What the server says of itself.</summary>
    public Task<ServerFacts> DescribeAsync(CancellationToken ct) => GetAsync("", WireJson.Answers.ServerFacts, ct);

    /// <summary>Posts a job; posting the same again is the same post.</summary>
    public Task<JobView> PostAsync(JobPost post, CancellationToken ct) =>
        SendAsync(HttpMethod.Post, "jobs", post, WireJson.Answers.JobPost, WireJson.Answers.JobView, Patience, ct);

    /// <summary>The job as far as the asker may see it.</summary>
    public Task<JobView> GetJobAsync(JobId job, CancellationToken ct) => GetAsync($"jobs/{job}", WireJson.Answers.JobView, ct);

    /// <summary>Jobs, newest first.</summary>
    public Task<Page<JobFacts>> ListJobsAsync(JobFilter filter, CancellationToken ct) => GetAsync(
        "jobs" + Query(
            ("state", filter.State?.ToString()),
            ("market", filter.Market),
            ("node", filter.Node?.ToString()),
            ("poster", filter.Poster?.ToString()),
            ("after", filter.After),
            ("limit", $"{filter.Limit}")),
        WireJson.Answers.PageJobFacts,
        ct);

    /// <summary>The definition's bytes as they were posted.</summary>
    public Task<byte[]> GetDefinitionAsync(JobId job, CancellationToken ct) => GetBytesAsync($"jobs/{job}/definition", ct);

    /// <summary>The result (job-language.md 3.14) of a job that ended, as JSON.</summary>
    public Task<byte[]> GetResultAsync(JobId job, CancellationToken ct) => GetBytesAsync($"jobs/{job}/result", ct);

    /// <summary>The job as it is now on: a queued one is taken back, a running one told to end.</summary>
    public Task<JobView> StopAsync(JobId job, CancellationToken ct) => SendAsync(HttpMethod.Post, $"jobs/{job}/stop", WireJson.Answers.JobView, ct);

    /// <summary>Makes the timeout longer.</summary>
    public Task<JobView> ExtendAsync(JobId job, long timeoutSeconds, CancellationToken ct) => SendAsync(
        HttpMethod.Post, $"jobs/{job}/extend", new JobExtension(timeoutSeconds), WireJson.Answers.JobExtension, WireJson.Answers.JobView, Patience, ct);

    /// <inheritdoc cref="FollowAsync(JobId, long, LogWish, CancellationToken)"/>
    public IAsyncEnumerable<JobEvent> FollowAsync(JobId job, long after, bool withLogs, CancellationToken ct) => FollowAsync(job, after, withLogs ? new LogWish() : null, ct);

    /// <summary>
    /// The job's events after the given sequence, the past ones first, until the job has ended; log chunks only when asked for. One connection: when it breaks, a transient
    /// <see cref="MarketException"/> comes and the caller goes on after the last sequence it saw.
    /// </summary>
    public async IAsyncEnumerable<JobEvent> FollowAsync(JobId job, long after, LogWish? logs, [EnumeratorCancellation] CancellationToken ct)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, $"{Root}/jobs/{job}/events" + Query(
            ("logs", logs is null ? null : "true"),
            ("follow", logs is { OnlySoFar: true } ? "false" : null),
            ("operation", logs?.Operation?.Value),
            ("since", logs?.Since?.UtcDateTime.ToString("O")),
            ("tail", after == 0 && logs?.Tail is { } tail ? $"{tail}" : null)));
        request.Headers.Accept.Add(new MediaTypeWithQualityHeaderValue("text/event-stream"));
        request.Headers.TryAddWithoutValidation("Last-Event-ID", $"{after}");
        using var answer = await ReachAsync(request, Patience, ct);
        await ThrowIfRefusedAsync(answer, ct);
        await using var stream = await answer.Content.ReadAsStreamAsync(ct);
        var events = SseParser.Create(stream, static (_, data) => JsonSerializer.Deserialize(data, WireJson.Answers.JobEvent)).EnumerateAsync(ct).GetAsyncEnumerator(ct);
        await using var owned = events.ConfigureAwait(false);
        while (await NextAsync(events))
        {
            if (events.Current.Data is { Sequence: > 0 } happened)
            {
                yield return happened;
            }
        }
    }

    /// <summary>Says who the node is and what it has.</summary>
    public Task<NodeFacts> RegisterAsync(Address node, NodeRegistration registration, CancellationToken ct) =>
        SendAsync(HttpMethod.Put, $"nodes/{node}", registration, WireJson.Answers.NodeRegistration, WireJson.Answers.NodeFacts, Patience, ct);

    /// <summary>Asks for work and waits for it; null when there was none.</summary>
    public async Task<Lease?> ClaimAsync(string market, ClaimRequest claim, CancellationToken ct)
    {
        using var request = Request(HttpMethod.Post, $"markets/{Escape(market)}/claims", claim, WireJson.Answers.ClaimRequest);
        using var answer = await ReachAsync(request, TimeSpan.FromSeconds(claim.WaitSeconds) + Patience, ct);
        await ThrowIfRefusedAsync(answer, ct);
        return answer.StatusCode == HttpStatusCode.NoContent ? null : await ReadAsync(answer, WireJson.Answers.Lease, ct);
    }

    /// <summary>Renews a lease and waits for what the node is to know.</summary>
    public Task<Renewal> RenewAsync(RunId run, RenewalRequest renewal, TimeSpan patience, CancellationToken ct) => SendAsync(
        HttpMethod.Post, $"runs/{run}/renewals", renewal, WireJson.Answers.RenewalRequest, WireJson.Answers.Renewal, patience, ct);

    /// <summary>What was handed over for the run, sealed for its node; waits for it, and null when it did not come.</summary>
    public async Task<SealedBox?> OpenAsync(RunId run, OpeningRequest opening, CancellationToken ct)
    {
        using var request = Request(HttpMethod.Post, $"runs/{run}/opening", opening, WireJson.Answers.OpeningRequest);
        using var answer = await ReachAsync(request, TimeSpan.FromSeconds(opening.WaitSeconds) + Patience, ct);
        await ThrowIfRefusedAsync(answer, ct);
        return answer.StatusCode == HttpStatusCode.NoContent ? null : await ReadAsync(answer, WireJson.Answers.SealedBox, ct);
    }

    /// <summary>Runs of the asker's jobs, or of one of them, that wait for something to be handed over; waits until there is one.</summary>
    public Task<Page<HandoverWanted>> ListHandoversAsync(JobId? job, TimeSpan wait, CancellationToken ct) => SendAsync(
        HttpMethod.Get, "handovers" + Query(("job", job?.Value), ("waitSeconds", wait.TotalSeconds.ToString(CultureInfo.InvariantCulture))), WireJson.Answers.PageHandoverWanted, wait + Patience, ct);

    /// <summary>Hands over what the node of the run needs.</summary>
    public Task HandOverAsync(RunId run, SealedBox box, CancellationToken ct) => SendAsync(HttpMethod.Put, $"runs/{run}/handover", box, WireJson.Answers.SealedBox, ct);

    /// <summary>Sets one of the asker's secrets.</summary>
    public Task<SecretFacts> SetSecretAsync(string name, SecretDraft draft, CancellationToken ct) =>
        SendAsync(HttpMethod.Put, $"secrets/{Escape(name)}", draft, WireJson.Answers.SecretDraft, WireJson.Answers.SecretFacts, Patience, ct);

    /// <summary>The asker's secrets by name.</summary>
    public Task<Page<SecretFacts>> ListSecretsAsync(CancellationToken ct) => GetAsync("secrets", WireJson.Answers.PageSecretFacts, ct);

    /// <summary>The box of one of the asker's secrets.</summary>
    public Task<SealedBox> GetSecretAsync(string name, CancellationToken ct) => GetAsync($"secrets/{Escape(name)}", WireJson.Answers.SealedBox, ct);

    /// <summary>Forgets one of the asker's secrets.</summary>
    public async Task RemoveSecretAsync(string name, CancellationToken ct)
    {
        using var request = new HttpRequestMessage(HttpMethod.Delete, $"{Root}/secrets/{Escape(name)}");
        using var answer = await ReachAsync(request, Patience, ct);
        await ThrowIfRefusedAsync(answer, ct);
    }

    /// <summary>Reports what happened in a run.</summary>
    public Task<RunReceipt> ReportAsync(RunId run, RunReport report, CancellationToken ct) =>
        SendAsync(HttpMethod.Post, $"runs/{run}/events", report, WireJson.Answers.RunReport, WireJson.Answers.RunReceipt, Patience * 2, ct);

    /// <summary>Begins to send a content in parts, or goes on with it: what the market has of it.</summary>
    public Task<UploadReceipt> OpenUploadAsync(UploadOpening opening, CancellationToken ct) =>
        SendAsync(HttpMethod.Post, "uploads", opening, WireJson.Answers.UploadOpening, WireJson.Answers.UploadReceipt, Patience, ct);

    /// <summary>Sends a part; the same part again changes nothing, another of its number takes its place.</summary>
    public async Task PutPartAsync(UploadId upload, int number, ReadOnlyMemory<byte> part, CancellationToken ct)
    {
        using var request = new HttpRequestMessage(HttpMethod.Put, $"{Root}/uploads/{upload}/parts/{number}") { Content = new ReadOnlyMemoryContent(part) };
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/octet-stream");
        using var answer = await ReachAsync(request, PartPatience, ct);
        await ThrowIfRefusedAsync(answer, ct);
    }

    /// <summary>Makes one content of the parts, which takes its time; asked again it is the same content.</summary>
    public Task<UploadReceipt> EndUploadAsync(UploadId upload, UploadEnding ending, CancellationToken ct) => SendAsync(
        HttpMethod.Post, $"uploads/{upload}/end", ending, WireJson.Answers.UploadEnding, WireJson.Answers.UploadReceipt, Patience + TimeSpan.FromSeconds(ending.Size >> 23), ct);

    /// <summary>
    /// A content of the job's (an artefact, a source, its definition or result) from the byte on, as a stream that may break off; the caller goes on where it was, and checks the content id.
    /// </summary>
    public async Task<ContentDownload> GetContentAsync(JobId job, ContentId content, long from, CancellationToken ct)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, $"{Root}/jobs/{job}/content/{content}");
        request.Headers.Range = from > 0 ? new RangeHeaderValue(from, null) : null;
        var answer = await ReachAsync(request, Patience, ct);
        try
        {
            await ThrowIfRefusedAsync(answer, ct);
            var skips = from > 0 && answer.StatusCode != HttpStatusCode.PartialContent;
            return skips
                ? throw new MarketException($"The server at {http.BaseAddress} does not go on with a download where it broke off.", status: answer.StatusCode)
                : new ContentDownload(answer, await answer.Content.ReadAsStreamAsync(ct));
        }
        catch
        {
            answer.Dispose();
            throw;
        }
    }

    /// <summary>Nodes, most lately registered first.</summary>
    public Task<Page<NodeFacts>> ListNodesAsync(string? market, string? after, CancellationToken ct) =>
        GetAsync("nodes" + Query(("market", market), ("after", after)), WireJson.Answers.PageNodeFacts, ct);

    public Task<NodeFacts> GetNodeAsync(Address node, CancellationToken ct) => GetAsync($"nodes/{node}", WireJson.Answers.NodeFacts, ct);

    /// <summary>Markets by slug.</summary>
    public Task<Page<MarketFacts>> ListMarketsAsync(string? after, CancellationToken ct) => GetAsync("markets" + Query(("after", after)), WireJson.Answers.PageMarketFacts, ct);

    /// <summary>The market of that slug or address.</summary>
    public Task<MarketFacts> GetMarketAsync(string market, CancellationToken ct) => GetAsync($"markets/{Escape(market)}", WireJson.Answers.MarketFacts, ct);

    public Task<MarketFacts> CreateMarketAsync(MarketDraft draft, CancellationToken ct) =>
        SendAsync(HttpMethod.Post, "markets", draft, WireJson.Answers.MarketDraft, WireJson.Answers.MarketFacts, Patience, ct);

    public Task<MarketFacts> ChangeMarketAsync(string market, MarketChange change, CancellationToken ct) =>
        SendAsync(HttpMethod.Patch, $"markets/{Escape(market)}", change, WireJson.Answers.MarketChange, WireJson.Answers.MarketFacts, Patience, ct);

    /// <summary>Takes no more jobs or nodes; queued jobs are stopped and refunded, running ones end in their time.</summary>
    public Task<MarketFacts> CloseMarketAsync(string market, CancellationToken ct) => SendAsync(HttpMethod.Post, $"markets/{Escape(market)}/close", WireJson.Answers.MarketFacts, ct);

    public Task<AccountFacts> GetAccountAsync(Address account, CancellationToken ct) => GetAsync($"accounts/{account}", WireJson.Answers.AccountFacts, ct);

    /// <summary>Entries of an account, newest first.</summary>
    public Task<Page<EntryFacts>> ListEntriesAsync(Address account, string? after, CancellationToken ct) =>
        GetAsync($"accounts/{account}/entries" + Query(("after", after)), WireJson.Answers.PageEntryFacts, ct);

    /// <summary>Gives NOS to an address, once per key.</summary>
    public async Task<EntryFacts> GrantAsync(Address account, Grant grant, string idempotencyKey, CancellationToken ct)
    {
        using var request = Request(HttpMethod.Post, $"accounts/{account}/grants", grant, WireJson.Answers.Grant);
        request.Headers.TryAddWithoutValidation("Idempotency-Key", idempotencyKey);
        return await AnswerAsync(request, WireJson.Answers.EntryFacts, Patience, ct);
    }

    public void Dispose() => http.Dispose();

    private static async ValueTask<bool> NextAsync(IAsyncEnumerator<SseItem<JobEvent?>> events)
    {
        try
        {
            return await events.MoveNextAsync();
        }
        catch (Exception broken) when (broken is IOException or HttpRequestException or JsonException)
        {
            throw new MarketException($"The stream of events broke off ({broken.Message}).", inner: broken);
        }
    }

    private static HttpRequestMessage Request<T>(HttpMethod method, string path, T body, JsonTypeInfo<T> type)
    {
        var content = new ByteArrayContent(JsonSerializer.SerializeToUtf8Bytes(body, type));
        content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        return new HttpRequestMessage(method, $"{Root}/{path}") { Content = content };
    }

    private static string Escape(string part) => Uri.EscapeDataString(part);

    private static string Query(params ReadOnlySpan<(string Name, string? Value)> parts)
    {
        var text = new StringBuilder();
        foreach (var (name, value) in parts)
        {
            if (value is not null)
            {
                text.Append(text.Length == 0 ? '?' : '&').Append(name).Append('=').Append(Escape(value));
            }
        }

        return text.ToString();
    }

    private static async Task ThrowIfRefusedAsync(HttpResponseMessage answer, CancellationToken ct)
    {
        if (answer.IsSuccessStatusCode)
        {
            return;
        }

        ServerProblem? problem = null;
        try
        {
            problem = JsonSerializer.Deserialize(await answer.Content.ReadAsByteArrayAsync(ct), WireJson.Answers.ServerProblem);
        }
        catch (Exception none) when (none is JsonException or HttpRequestException or IOException)
        {
            // Something between here and the server answered in its own words.
        }

        throw new MarketException(
            problem?.Detail ?? problem?.Title ?? $"{answer.RequestMessage?.RequestUri} answered {(int)answer.StatusCode} {answer.ReasonPhrase}.", problem, answer.StatusCode);
    }

    private static async Task<T> ReadAsync<T>(HttpResponseMessage answer, JsonTypeInfo<T> type, CancellationToken ct)
    {
        try
        {
            return JsonSerializer.Deserialize(await answer.Content.ReadAsByteArrayAsync(ct), type)
                ?? throw new MarketException($"{answer.RequestMessage?.RequestUri} answered nothing.", status: answer.StatusCode);
        }
        catch (JsonException strange)
        {
            throw new MarketException($"{answer.RequestMessage?.RequestUri} answered what no market's server answers ({strange.Message}).", status: answer.StatusCode, inner: strange);
        }
        catch (Exception cut) when (cut is HttpRequestException or IOException)
        {
            throw new MarketException($"The answer of {answer.RequestMessage?.RequestUri} broke off ({cut.Message}).", inner: cut);
        }
    }

    private Task<T> GetAsync<T>(string path, JsonTypeInfo<T> type, CancellationToken ct) => SendAsync(HttpMethod.Get, path, type, ct);

    private async Task<byte[]> GetBytesAsync(string path, CancellationToken ct)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, $"{Root}/{path}");
        using var answer = await ReachAsync(request, Patience, ct);
        await ThrowIfRefusedAsync(answer, ct);
        return await answer.Content.ReadAsByteArrayAsync(ct);
    }

    private Task<T> SendAsync<T>(HttpMethod method, string path, JsonTypeInfo<T> type, CancellationToken ct) => SendAsync(method, path, type, Patience, ct);

    private async Task<T> SendAsync<T>(HttpMethod method, string path, JsonTypeInfo<T> type, TimeSpan patience, CancellationToken ct)
    {
        using var request = new HttpRequestMessage(method, path.Length == 0 ? Root : $"{Root}/{path}");
        return await AnswerAsync(request, type, patience, ct);
    }

    private async Task SendAsync<TBody>(HttpMethod method, string path, TBody body, JsonTypeInfo<TBody> bodyType, CancellationToken ct)
    {
        using var request = Request(method, path, body, bodyType);
        using var answer = await ReachAsync(request, Patience, ct);
        await ThrowIfRefusedAsync(answer, ct);
    }

    private async Task<TAnswer> SendAsync<TBody, TAnswer>(
        HttpMethod method, string path, TBody body, JsonTypeInfo<TBody> bodyType, JsonTypeInfo<TAnswer> answerType, TimeSpan patience, CancellationToken ct)
    {
        using var request = Request(method, path, body, bodyType);
        return await AnswerAsync(request, answerType, patience, ct);
    }

    private async Task<T> AnswerAsync<T>(HttpRequestMessage request, JsonTypeInfo<T> type, TimeSpan patience, CancellationToken ct)
    {
        using var answer = await ReachAsync(request, patience, ct);
        await ThrowIfRefusedAsync(answer, ct);
        return await ReadAsync(answer, type, ct);
    }

    private async Task<HttpResponseMessage> ReachAsync(HttpRequestMessage request, TimeSpan patience, CancellationToken ct)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(ct);
        limit.CancelAfter(patience);
        try
        {
            return await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, limit.Token);
        }
        catch (HttpRequestException away)
        {
            throw new MarketException($"The server at {http.BaseAddress} cannot be reached: {away.Message}", inner: away);
        }
        catch (OperationCanceledException late) when (!ct.IsCancellationRequested)
        {
            throw new MarketException($"The server at {http.BaseAddress} did not answer within {patience.TotalSeconds:0} s.", inner: late);
        }
    }
}
