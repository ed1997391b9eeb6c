using Vitrine.Mechanisms.Statistics;
using Vitrine.Worlds;
using Vitrine.Worlds.Studies;

namespace Vitrine.Tests.Worlds.Studies;

public sealed class StudyResultTests
{
    private static readonly Study Study = StudyTests.Planned(
        new Arm { Name = "far", Kind = ArmKind.Edit, Concept = "fast" },
        new Arm { Name = "nothing", Kind = ArmKind.Edit, Concept = "fast" }).WithControls(StudyTests.ControlsOf);

    // Baseline: speed .1 everywhere. "far" adds .05, draw i of the random arms adds .01 i; every other layout succeeds, under "far" none.
    private static readonly StudyResult Result = StudyResult.Of(new StudyRun(Study, [.. Study.Arms.Select(arm => new ArmEpisodes(
        arm.Label(), [.. Study.Layouts().Select((layout, i) => Straight(layout, .1 + Added(arm), arm.Name != "far" && i % 2 == 0))]))]));

    [Fact]
    public void Differences_are_paired_with_the_baseline()
    {
        var far = Arm("far").All;
        far.Means["speed"].ShouldBe(.15, 1e-12);
        far.Differences["speed"].Estimate.Mean.ShouldBe(.05, 1e-12);
        far.Differences["speed"].Estimate.Low.ShouldBe(.05, 1e-12);
        far.Differences["success"].Estimate.Mean.ShouldBe(-.5, 1e-12);
        Arm("baseline").All.Differences.ShouldBeEmpty();
        far.Success.ShouldBe(new Proportion(0, 10));
        Arm("baseline").All.Success.ShouldBe(new Proportion(5, 10));
    }

    /// <remarks>Ten equal differences: p = 2 / 2^10. Two edits: the smaller is doubled, the other (p = 1) stays.</remarks>
    [Fact]
    public void P_is_adjusted_over_the_edits_and_over_nothing_else()
    {
        Arm("far").All.Differences["speed"].P.ShouldBe(2 / 1024.0, 1e-12);
        Arm("far").All.Differences["speed"].AdjustedP!.Value.ShouldBe(4 / 1024.0, 1e-12);
        Arm("nothing").All.Differences["speed"].AdjustedP.ShouldBe(1);
        Result.Arms.Where(a => a.Arm.Kind != ArmKind.Edit).SelectMany(a => a.All.Differences.Values).ShouldAllBe(d => d.AdjustedP == null);
    }

    /// <remarks>24 differences are more than are flipped one by one: the patterns are drawn, by the seed.</remarks>
    [Fact]
    public void The_p_of_one_comparison_is_that_of_the_whole_result()
    {
        var study = Study with { LayoutsPerTask = 12 };
        var run = new StudyRun(study, [.. study.Arms.Select((arm, a) => new ArmEpisodes(
            arm.Label(), [.. study.Layouts().Select((layout, i) => Straight(layout, .1 + (a * .01 * ((i % 5) - 1.5)), (i + a) % 3 == 0))]))]);
        foreach (var arm in StudyResult.Of(run).Arms.Where(a => a.Arm.Kind != ArmKind.Baseline))
        {
            Measure.All.ToDictionary(m => m.Name, m => StudyComparison.PValue(run, arm.Arm.Name, m))
                .ShouldBe(arm.All.Differences.ToDictionary(d => d.Key, d => d.Value.P));
        }

        StudyComparison.PValue(run, "far", Measure.Speed).ShouldBeInRange(.001, .9);
    }

    [Fact]
    public void Tasks_are_reported_apart()
    {
        Arm("far").ByTask.Keys.ShouldBe(["reach", "lift"]);
        Arm("baseline").ByTask["reach"].Success.ShouldBe(new Proportion(5, 5));
        Arm("baseline").ByTask["lift"].Success.ShouldBe(new Proportion(0, 5));
        Arm("far").ByTask["reach"].Differences["success"].Estimate.Mean.ShouldBe(-1, 1e-12);
    }

    [Fact]
    public void Random_draws_are_summed_up_as_mean_smallest_and_largest()
    {
        var draws = Result.Draws.ShouldHaveSingleItem();
        (draws.Group, draws.Draws, draws.Concept).ShouldBe(("fast, random", 8, "fast"));
        var speed = draws.Differences["speed"];
        speed.Mean.ShouldBe(.035, 1e-12);
        speed.Smallest.ShouldBe(0, 1e-12);
        speed.Largest.ShouldBe(.07, 1e-12);
        draws.Means["speed"].Largest.ShouldBe(.17, 1e-12);
    }

    [Fact]
    public void Arms_that_met_other_layouts_cannot_be_compared()
    {
        var episodes = Study.Layouts().Select(l => Straight(l, .1, true)).ToArray();
        var run = new StudyRun(Study, [new(Study.Arms[0].Label(), episodes), new(Study.Arms[1].Label(), [.. episodes.Reverse()])]);
        Should.Throw<VitrineException>(() => StudyResult.Of(run)).Message.ShouldContain("cannot be paired");
    }

    private static ArmResult Arm(string name) => Result.Arms.Single(a => a.Arm.Name == name);

    private static double Added(Arm arm) => arm.Kind == ArmKind.MatchedRandom ? .01 * (arm.Name[^1] - '0') : arm.Name == "far" ? .05 : 0;

    private static Episode Straight(LayoutKey layout, double speed, bool succeeds) => new()
    {
        Layout = layout,
        Instruction = "go",
        Succeeded = succeeds,
        Actions = [.. Enumerable.Range(0, 4).Select(_ => new[] { speed })],
        Path = [.. Enumerable.Range(0, 5).Select(i => new Position(i * speed, 0, .5))],
        Measures = new Dictionary<string, double>(),
    };
}
