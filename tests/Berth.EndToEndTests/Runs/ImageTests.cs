using Berth.EndToEndTests.Lab;

namespace Berth.EndToEndTests.Runs;

/// <summary>Images come from registries, which may lack them, want a password, or be away.</summary>
public sealed class ImageTests : IAsyncLifetime
{
    private const string Password = "s3cret-of-alice";
    private PretendMachine _machine = null!;

    public async ValueTask InitializeAsync() => _machine = await PretendMachine.StartAsync();

    public ValueTask DisposeAsync() => _machine.DisposeAsync();

    [Fact]
    public async Task An_image_the_registry_has_is_pulled_and_one_it_lacks_fails_the_job_in_a_sentence()
    {
        await using var registry = await LocalRegistry.StartAsync();
        await _machine.Engine.PushAsync(Definition.Busybox, $"{registry.Address}/tools/box", "1");
        await using var desk = new Desk(_machine.Engine);

        var pulled = (await desk.RunAsync(Job($"{registry.Address}/tools/box:1"))).Exited(0);
        var missing = (await desk.RunAsync(Job($"{registry.Address}/tools/box:2"))).Exited(1);

        Assert.Contains($"pulled {registry.Address}/tools/box:1", pulled.Error, StringComparison.Ordinal);
        Assert.Contains($"Could not pull image {registry.Address}/tools/box:2", missing.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("Trying again", missing.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Pulling_can_be_forbidden()
    {
        await using var desk = new Desk(_machine.Engine);

        var said = (await desk.RunAsync(Job("10.219.0.1:1/x:1"), "--pull", "never")).Exited(1);

        Assert.Contains("--pull never", said.Error, StringComparison.Ordinal);
        (await desk.RunAsync(Job(Definition.Busybox), "--pull", "never")).Exited(0);
    }

    [Fact]
    public async Task A_registry_that_is_down_is_tried_again_and_then_told()
    {
        await using var registry = await LocalRegistry.StartAsync();
        await registry.StopAsync();
        await using var desk = new Desk(_machine.Engine);

        var said = (await desk.RunAsync(Job($"{registry.Address}/tools/box:1"))).Exited(4);

        Assert.Contains("Trying again in 1 s", said.Error, StringComparison.Ordinal);
        Assert.Contains("connection refused", said.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_private_image_needs_the_right_login_which_is_written_nowhere()
    {
        await using var registry = await LocalRegistry.StartAsync("alice", Password);
        var image = $"{registry.Address}/private/box";
        await _machine.Engine.PushAsync(Definition.Busybox, image, "1", $$"""{"username":"alice","password":"{{Password}}","serveraddress":"{{registry.Address}}"}""");
        await using var desk = new Desk(_machine.Engine);

        var none = (await desk.RunAsync(Job($"{image}:1"))).Exited(1);
        var wrong = (await desk.RunAsync(Job($"{image}:1", "wrong-" + Password))).Exited(1);
        var right = (await desk.RunAsync(Job($"{image}:1", Password), "--result", "result.json", "--format", "json")).Exited(0);

        Assert.Contains("no basic auth credentials", none.Error, StringComparison.Ordinal);
        Assert.Contains("unauthorized", wrong.Error, StringComparison.Ordinal);
        File.Delete(Path.Combine(desk.Folder, "job.json"));
        Assert.All([wrong, right], said => Assert.DoesNotContain(Password, said.Output + said.Error, StringComparison.Ordinal));
        Assert.All(
            Directory.EnumerateFiles(desk.Folder, "*", SearchOption.AllDirectories),
            file => Assert.DoesNotContain(Password, File.ReadAllText(file), StringComparison.Ordinal));
        Assert.DoesNotContain(Password, (await desk.BerthAsync(["plan", "-"], Job($"{image}:1", Password).ToString())).Exited(0).ToString(), StringComparison.Ordinal);
    }

    private static Definition Job(string image, string? password = null) => Definition.Of("echo it runs", password is null
        ? $$"""{"image":"{{image}}"}"""
        : $$$$"""{"image":"{{{{image}}}}","authentication":{"docker":{"username":"alice","password":"{{{{password}}}}"}}}""");
}
