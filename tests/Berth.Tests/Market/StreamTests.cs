using System.Net;
using Berth.Protocol.Identity;
using Berth.Testing.Network;
using Xunit;

namespace Berth.Tests.Market;

/// <summary>Event streams, and how much of anything one caller may have.</summary>
public sealed class StreamTests
{
    [Theory]
    [InlineData("x")]
    [InlineData("-1")]
    [InlineData("1.5")]
    [InlineData("99999999999999999999")]
    public async Task A_last_event_id_that_is_none_is_refused(string id)
    {
        await using var network = await TestNetwork.StartAsync();
        var job = await PublicJobAsync(network);
        using var request = new HttpRequestMessage(HttpMethod.Get, $"api/v1/jobs/{job}/events");
        request.Headers.TryAddWithoutValidation("Last-Event-ID", id);

        using var answer = await network.Http().SendAsync(request);

        Assert.Equal(HttpStatusCode.BadRequest, answer.StatusCode);
    }

    [Fact]
    public async Task A_last_event_id_from_the_future_waits_for_what_comes_after_it()
    {
        await using var network = await TestNetwork.StartAsync();
        var job = await PublicJobAsync(network);
        await network.Client.StopAsync(job, CancellationToken.None);

        Assert.Empty(await network.EventsAsync(job, long.MaxValue, after: 1_000_000));
    }

    [Fact]
    public async Task Whoever_holds_too_many_streams_open_gets_no_more_until_one_is_closed()
    {
        await using var network = await TestNetwork.StartAsync(configure: options => options.Streams = 2);
        var job = await PublicJobAsync(network);
        var http = network.Http();
        var open = new List<HttpResponseMessage> { await OpenAsync(), await OpenAsync() };

        using var refused = await OpenAsync();
        Assert.Equal(HttpStatusCode.TooManyRequests, refused.StatusCode);
        Assert.NotNull(refused.Headers.RetryAfter);

        open[0].Dispose();
        await Until.SoAsync(
            async () =>
            {
                using var again = await OpenAsync();
                return again.StatusCode == HttpStatusCode.OK;
            },
            "a place for a stream");
        open[1].Dispose();

        Task<HttpResponseMessage> OpenAsync() => http.GetAsync($"api/v1/jobs/{job}/events", HttpCompletionOption.ResponseHeadersRead);
    }

    [Fact]
    public async Task Whoever_asks_too_often_is_told_to_wait_and_others_are_not()
    {
        await using var network = await TestNetwork.StartAsync(configure: options => options.Rate = 2);
        var http = network.Http();

        var answers = await Task.WhenAll(Enumerable.Range(0, 60).Select(_ => http.GetAsync("api/v1/markets")));

        var refused = answers.Where(answer => answer.StatusCode == HttpStatusCode.TooManyRequests).ToList();
        Assert.NotEmpty(refused);
        Assert.All(refused, answer => Assert.NotNull(answer.Headers.RetryAfter));
        Assert.All(refused, answer => Assert.Equal("application/problem+json", answer.Content.Headers.ContentType?.MediaType));
        Assert.NotEmpty((await network.Operator.ListMarketsAsync(null, CancellationToken.None)).Items);
    }

    [Fact]
    public async Task A_new_key_for_each_request_does_not_get_around_the_limit()
    {
        await using var network = await TestNetwork.StartAsync(configure: options => options.Rate = 1);

        var answers = await Task.WhenAll(Enumerable.Range(0, 260).Select(async _ =>
        {
            using var key = SigningKey.New();
            using var request = SignedOnce.Request(network, key, HttpMethod.Get, "api/v1/markets");
            return await SignedOnce.SendAsync(request, network.Address);
        }));

        Assert.Contains(429, answers);
        Assert.Contains(200, answers);
    }

    private static async Task<Berth.Jobs.JobId> PublicJobAsync(TestNetwork network) =>
        (await network.PostAsync(TestNetwork.APost() with { IsPublic = true, WaitForFit = true })).Facts.Job;
}
