using Berth.Jobs;
using Berth.Jobs.Definitions;
using Berth.Jobs.Planning;
using CsCheck;
using Xunit;

namespace Berth.Tests.Jobs.Planning;

public sealed class RunPlanTests
{
    private sealed record Asked(string Id, string? Group = null, string[]? DependsOn = null, bool Serves = false);

    [Fact]
    public void Without_groups_operations_run_one_after_another() =>
        Assert.Equal("a: a; b: b; c: c", Drawn(new("a"), new("b"), new("c")));

    [Fact]
    public void Groups_run_in_order_of_first_appearance() =>
        Assert.Equal("one: a c; b: b; two: d", Drawn(new("a", "one"), new("b"), new("c", "one"), new("d", "two")));

    [Fact]
    public void An_operation_without_a_group_joins_the_group_that_bears_its_id() =>
        Assert.Equal("web: a web", Drawn(new("a", "web"), new("web")));

    [Fact]
    public void An_operation_waits_for_what_it_depends_on() =>
        Assert.Equal("g: b c a(b c)", Drawn(new("a", "g", ["b", "c"]), new("b", "g"), new("c", "g")));

    [Fact]
    public void A_dependency_named_twice_counts_once() =>
        Assert.Equal("g: b a(b)", Drawn(new("a", "g", ["b", "b"]), new("b", "g")));

    [Fact]
    public void A_dependency_of_another_stage_is_kept_by_the_stages_order() =>
        Assert.Equal("a: a; b: b", Drawn(new("a"), new("b", null, ["a"])));

    [Fact]
    public void An_operation_that_stops_with_others_starts_before_them() =>
        Assert.Equal(
            "g: db web(db) cache(db)",
            Drawn(new("web", "g"), new("db", "g", ["web", "cache"], Serves: true), new("cache", "g")));

    [Fact]
    public void It_is_stopped_when_any_of_them_ends()
    {
        var plan = RunPlan.For(Definition([new("web", "g"), new("db", "g", ["web"], Serves: true)]));

        Assert.Equal([new OperationId("web")], plan.Stages[0].Operations.Single(operation => operation.Id.Value == "db").StopsWith);
        Assert.Empty(plan.Stages[0].Operations.Single(operation => operation.Id.Value == "web").StopsWith);
    }

    [Fact]
    public void A_circle_is_found_with_its_members_in_waiting_order() =>
        Assert.Equal("a b c", Cycle(new("x", "g", ["a"]), new("a", "g", ["b"]), new("b", "g", ["c"]), new("c", "g", ["a"])));

    [Fact]
    public void Waiting_for_oneself_is_a_circle() => Assert.Equal("a", Cycle(new Asked("a", "g", ["a"])));

    [Fact]
    public void Serving_what_one_depends_on_is_a_circle() =>
        Assert.Equal("a b", Cycle(new("a", "g", ["b"], Serves: true), new("b", "g", ["a"], Serves: true)));

    [Fact]
    public void Serving_turns_a_circle_into_an_order() =>
        Assert.Equal("", Cycle(new("a", "g", ["b"]), new("b", "g", ["a"], Serves: true)));

    [Fact]
    public void Operations_of_different_stages_make_no_circle() =>
        Assert.Equal("", Cycle(new("a", null, ["b"]), new("b", null, ["a"])));

    [Fact]
    public void A_circle_has_no_plan() =>
        Assert.Throws<ArgumentException>(() => RunPlan.For(Definition([new("a", "g", ["b"]), new("b", "g", ["a"])])));

    [Fact]
    public void A_chain_of_many_thousands_is_planned()
    {
        Asked[] chain = [.. Enumerable.Range(0, 20_000).Select(index => new Asked($"{index}", "g", [$"{index + 1}"])), new("20000", "g")];

        Assert.Equal("20000", RunPlan.For(Definition(chain)).Stages[0].Operations[0].Id.Value);
    }

    [Fact]
    public void Every_operation_is_planned_once_and_behind_all_it_waits_for() => AnyOperations.Sample(asked =>
    {
        if (Cycle(asked) != "")
        {
            return;
        }

        var planned = RunPlan.For(Definition(asked)).Stages.SelectMany(stage => stage.Operations).ToList();

        Assert.Equal(asked.Select(each => each.Id).Order(), planned.Select(operation => operation.Id.Value).Order());
        var place = planned.Select((operation, index) => (operation.Id, index)).ToDictionary(pair => pair.Id, pair => pair.index);
        Assert.All(planned, operation => Assert.All(operation.WaitsFor, other => Assert.True(place[other] < place[operation.Id])));
        foreach (var each in asked)
        {
            foreach (var listed in SameGroup(asked, each))
            {
                var (first, second) = each.Serves ? (each.Id, listed) : (listed, each.Id);
                Assert.Contains(new OperationId(first), planned[place[new(second)]].WaitsFor);
            }
        }
    });

    [Fact]
    public void A_circle_is_found_when_there_is_one_and_only_then() => AnyOperations.Sample(asked =>
    {
        var waits = asked.SelectMany(each => SameGroup(asked, each).Select(listed => each.Serves ? (listed, each.Id) : (each.Id, listed))).ToHashSet();
        var left = asked.Select(each => each.Id).ToHashSet();
        while (left.RemoveWhere(id => !waits.Any(wait => wait.Item1 == id && left.Contains(wait.Item2))) > 0)
        {
        }

        var cycle = Cycle(asked).Split(' ', StringSplitOptions.RemoveEmptyEntries);

        Assert.Equal(left.Count > 0, cycle.Length > 0);
        Assert.All(cycle.Zip([.. cycle.Skip(1), .. cycle.Take(1)]), pair => Assert.Contains(pair, waits));
    });

    private static Gen<Asked[]> AnyOperations =>
        from count in Gen.Int[1, 8]
        from asked in Gen.Select(
            Gen.Int[0, 2],
            Gen.Int[0, count - 1].Array[0, 2],
            Gen.Int[0, 3],
            (stage, dependsOn, serves) => (stage, dependsOn, serves)).Array[count]
        select asked.Select((each, index) => new Asked(
            $"{index}",
            each.stage == 0 ? null : $"g{each.stage}",
            [.. each.dependsOn.Select(other => $"{other}")],
            each.serves == 0)).ToArray();

    private static IEnumerable<string> SameGroup(Asked[] asked, Asked each) =>
        (each.DependsOn ?? []).Where(listed => (asked.Single(other => other.Id == listed).Group ?? listed) == (each.Group ?? each.Id));

    private static string Drawn(params Asked[] asked) => string.Join("; ", RunPlan.For(Definition(asked)).Stages.Select(stage =>
        $"{stage.Name}: {string.Join(' ', stage.Operations.Select(operation =>
            operation.Id + (operation.WaitsFor.IsEmpty ? "" : $"({string.Join(' ', operation.WaitsFor)})")))}"));

    private static string Cycle(params Asked[] asked) =>
        string.Join(' ', RunPlan.FindCycle(Definition(asked).Operations.Select(operation => (operation.Id, operation.Execution))));

    private static JobDefinition Definition(Asked[] asked) => new()
    {
        Version = "0.1",
        Meta = new Meta(null, null),
        Global = GlobalDefaults.None,
        Document = new ObjectNode([]),
        Operations = [.. asked.Select(Operation)],
    };

    private static Operation Operation(Asked asked, int index) => new CreateVolume
    {
        Id = new OperationId(asked.Id),
        Index = index,
        Name = asked.Id,
        Template = new ObjectNode([]),
        Execution = new Execution
        {
            Group = asked.Group,
            DependsOn = [.. (asked.DependsOn ?? []).Select(id => new OperationId(id))],
            StopIfDependentStops = asked.Serves,
        },
    };
}
