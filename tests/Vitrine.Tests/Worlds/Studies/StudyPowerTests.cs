using Vitrine.Mechanisms.Statistics;
using Vitrine.Policies;
using Vitrine.Transformers;
using Vitrine.Transformers.Edits;
using Vitrine.Worlds;
using Vitrine.Worlds.Studies;
using Vitrine.Worlds.Studies.Files;
using Vitrine.Worlds.Tabletop;

namespace Vitrine.Tests.Worlds.Studies;

/// <summary>What studies say by chance, and how often they find what is there: 200 studies simulated from real episodes.</summary>
[Collection(ThreadCount.Name)]
public sealed class StudyPowerTests : IDisposable
{
    private const int Studies = 200, Layouts = 24;
    private const double Alpha = .05;
    private readonly Policy policy = Policy.Open("embedded:tabletop");
    private readonly IReadOnlyList<(Episode Plain, Episode Changed)> pool;

    /// <summary>Real episodes in pairs: the same layouts without and with additions of random directions.</summary>
    public StudyPowerTests()
    {
        LayoutKey[] layouts = [.. Enumerable.Range(0, Layouts).Select(i => new LayoutKey(5, LayoutSplit.Selection, "reach", i))];
        var rollouts = new Rollouts(() => new TabletopWorld(new() { Adverbs = false }), stepLimit: 11);
        var plain = rollouts.Run(new ObservingActor(policy), layouts, TestContext.Current.CancellationToken);
        pool = [.. Enumerable.Range(0, 2).SelectMany(draw =>
        {
            using var moved = policy.With(Pushed(draw));
            return plain.Zip(rollouts.Run(new ObservingActor(moved), layouts, TestContext.Current.CancellationToken));
        })];
    }

    [Fact]
    public void Null_studies_are_significant_as_often_as_alpha_says()
    {
        var found = Enumerable.Range(0, Studies).Count(study => Simulated(study, effect: 0).IsSignificant);
        BinomialTest.Of(found, Studies, Alpha).P.ShouldBeGreaterThan(.05, $"{found} of {Studies}");
    }

    [Fact]
    public void The_stated_power_is_that_of_simulated_studies()
    {
        double[] pilot = [.. pool.SelectMany(p => new[] { Change(p), -Change(p) })];
        var effect = StudyPower.Detectable(pilot, Layouts, Alpha, power: .8)!.Value;
        var stated = StudyPower.Of(pilot, effect, Layouts, Alpha);
        stated.Rate!.Value.ShouldBe(.8, .03);
        var found = Enumerable.Range(0, Studies).Count(study => Simulated(study, effect).IsSignificant);
        ProportionInterval.Difference(found, Studies, stated.Successes, stated.Count).P.ShouldBeGreaterThan(.05, $"{found} of {Studies}; stated {stated.Rate}");

        static double Change((Episode Plain, Episode Changed) pair) => Measure.Height.Of(pair.Changed) - Measure.Height.Of(pair.Plain);
    }

    [Fact]
    public void Power_grows_with_effect_and_layouts_and_a_stated_deviation_gives_the_normal_formula()
    {
        var stated = StudyPower.Stated(1);
        Math.Sqrt(stated.Sum(v => v * v) / (stated.Count - 1)).ShouldBe(1, 1e-12);
        StudyPower.Of(stated, .6, 30, Alpha).Rate!.Value.ShouldBeGreaterThan(StudyPower.Of(stated, .3, 30, Alpha).Rate!.Value);
        StudyPower.Of(stated, .4, 60, Alpha).Rate!.Value.ShouldBeGreaterThan(StudyPower.Of(stated, .4, 15, Alpha).Rate!.Value);

        // (1.96 + .84) / sqrt(40): the z test's, which a test by sign flips comes near to.
        StudyPower.Detectable(stated, 40, Alpha)!.Value.ShouldBe(2.8016 / Math.Sqrt(40), .04);
    }

    [Fact]
    public void Where_nothing_varies_or_layouts_are_too_few_there_is_no_detectable_effect()
    {
        StudyPower.Detectable([1, 1, 1], 20, Alpha).ShouldBeNull();
        StudyPower.Detectable([-1, 0, 1], 4, Alpha).ShouldBe(double.PositiveInfinity, "two of 16 patterns are the least: p is .125 at best");
        Should.Throw<VitrineException>(() => StudyPower.Of([1], 1, 20, Alpha)).Message.ShouldContain("1 differences");
    }

    public void Dispose() => policy.Dispose();

    /// <summary>
    /// A study whose edit does nothing but, where asked, raise the path: each layout is a real pair in an order that a coin decides, so that without the effect
    /// the two arms are exchangeable.
    /// </summary>
    private ArmComparison Simulated(int study, double effect)
    {
        var random = new RandomStream($"null study/{study}");
        var pairs = Enumerable.Range(0, Layouts).Select(i =>
        {
            var (a, b) = pool[random.Below(pool.Count)];
            var (plain, changed) = random.Chance(.5) ? (a, b) : (b, a);
            var layout = new LayoutKey(1, LayoutSplit.Test, "reach", i);
            Position[] raised = [.. changed.Path.Select(p => p with { Z = p.Z + effect })];
            return (Plain: plain with { Layout = layout }, Changed: changed with { Layout = layout, Path = raised });
        }).ToArray();
        var file = StudyFile.Parse(StudyFileTests.Good.Replace("[reach, lift]", "[reach]", StringComparison.Ordinal)
            .Replace("layouts: 4", $"layouts: {Layouts}", StringComparison.Ordinal) + "\ncomparisons: [{condition: clamp, measure: height}]");
        Arm[] arms = [new() { Name = "no edit", Kind = ArmKind.Baseline }, new() { Name = "clamp", Kind = ArmKind.Edit, Concept = "fast" }];
        var planned = new PlannedStudy(file.Hash, new Study
        {
            Name = "null",
            Policy = StudyPolicy.Of(policy),
            World = "w",
            Tasks = file.Tasks,
            LayoutsPerTask = Layouts,
            StepLimit = 11,
            Seed = 1,
            Arms = arms,
        }, []);
        var run = new StudyRun(planned.Study, [new(arms[0].Label(), [.. pairs.Select(p => p.Plain)]), new(arms[1].Label(), [.. pairs.Select(p => p.Changed)])]);
        return StudyOutcome.Of(file, planned, run).Comparisons.ShouldHaveSingleItem();
    }

    private static RunPlan Pushed(int draw)
    {
        var random = new RandomStream($"pushed/{draw}");
        return RunPlan.Editing(new Add(
            "language.4.resid_post", EditValue.Of([.. Enumerable.Range(0, 128).Select(_ => (float)random.Gaussian())]), .5));
    }
}
