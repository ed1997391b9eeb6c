using Vitrine.Mechanisms.Statistics;
using Vitrine.Worlds;
using Vitrine.Worlds.Perturbations;
using Vitrine.Worlds.Tabletop;

namespace Vitrine.Tests.Worlds.Perturbations;

public sealed class SensitivityTests
{
    /// <remarks>Ishigami's function: sin x + a sin^2 y + b z^4 sin x on [-pi, pi]^3, a = 7, b = .1, whose indices are known in closed form.</remarks>
    [Fact]
    public void The_indices_of_a_function_that_is_known_are_found()
    {
        const double A = 7, B = .1;
        var design = new SobolDesign(3, 4096, seed: 3);
        var found = design.Sensitivity([.. design.All().Select(At)], resamples: 200);
        var variance = (A * A / 8) + (B * Math.Pow(Math.PI, 4) / 5) + (B * B * Math.Pow(Math.PI, 8) / 18) + .5;
        var first = .5 * Math.Pow(1 + (B * Math.Pow(Math.PI, 4) / 5), 2);
        var together = B * B * Math.Pow(Math.PI, 8) * ((1 / 18.0) - (1 / 50.0));
        double[] firsts = [first / variance, A * A / 8 / variance, 0], totals = [(first + together) / variance, A * A / 8 / variance, together / variance];
        for (var i = 0; i < 3; i++)
        {
            found[i].First.Mean.ShouldBe(firsts[i], .06);
            found[i].Total.Mean.ShouldBe(totals[i], .06);
            found[i].First.Low.ShouldBeLessThanOrEqualTo(found[i].First.Mean);
            found[i].Total.High.ShouldBeGreaterThanOrEqualTo(found[i].Total.Mean);
        }

        static double At(IReadOnlyList<double> x)
        {
            double[] angles = [.. x.Select(v => (2 * Math.PI * v) - Math.PI)];
            return Math.Sin(angles[0]) + (A * Math.Pow(Math.Sin(angles[1]), 2)) + (B * Math.Pow(angles[2], 4) * Math.Sin(angles[0]));
        }
    }

    [Fact]
    public void A_factor_that_does_nothing_has_a_total_order_of_zero_and_an_outcome_that_never_varies_has_none()
    {
        var design = new SobolDesign(2, 64, seed: 1);
        var found = design.Sensitivity([.. design.All().Select(x => x[0])]);
        found[0].Total.Mean.ShouldBe(1, .2);
        found[1].Total.Mean.ShouldBe(0, 1e-12);
        design.Sensitivity([.. design.All().Select(_ => 1.0)])[0].First.Mean.ShouldBe(double.NaN);
        Should.Throw<VitrineException>(() => design.Sensitivity([1, 2])).Message.ShouldContain("2 outcomes; expected 64 x (2 + 2)");
    }

    [Fact]
    public void A_failure_that_was_planted_is_the_first_cluster_with_its_lift()
    {
        var study = new PerturbationStudy { Tasks = ["reach", "lift"], Points = 64, Factors = [new("light", 0, 3), new("distractors", 0, 3, IsWhole: true)] };
        var design = new SobolDesign(2, 64, 1);
        var result = study.Sum(design, [.. design.All().Select(x =>
        {
            double[] values = [.. study.Factors.Zip(x, (f, share) => f.At(share))];
            return new PerturbationPoint(values, [.. study.Tasks.Select((t, i) => new PerturbedEpisode(t, i, !(t == "lift" && values[0] < 1)))]);
        })]);
        var (worst, failed) = (result.Clusters[0], result.Success.Count - result.Success.Successes);
        worst.Where.ShouldBe("light 0 to 1, task lift");
        worst.Failures.Rate.ShouldBe(1);
        worst.Failures.Count.ShouldBe(failed);
        worst.Lift.Mean.ShouldBe(result.Success.Count / (double)failed, 1e-12);
        worst.Lift.Low.ShouldBeGreaterThan(1);
        result.Clusters.ShouldAllBe(c => c.Lift.Mean > 1);
        result.Clusters.Select(c => c.Lift.Mean).ShouldBeInOrder(SortDirection.Descending);
        result.Sensitivity[0].Total.Low.ShouldBeGreaterThan(result.Sensitivity[1].Total.High);
    }

    [Fact]
    public async Task The_expert_fails_nowhere_however_many_workers_there_are()
    {
        var study = new PerturbationStudy { Tasks = TabletopWorld.TaskNames, Points = 4 };
        foreach (var workers in new[] { 1, 2 })
        {
            var result = await study.RunAsync(() => new ExpertActor(ActionCodec.Tabletop), workers, cancellation: TestContext.Current.CancellationToken);
            result.Success.ShouldBe(new Proportion(4 * 8 * 4, 4 * 8 * 4));
            result.Clusters.ShouldBeEmpty();
            result.Points.Select(p => p.Values.Count).Distinct().ShouldBe([6]);
        }
    }

    [Fact]
    public async Task One_and_two_workers_find_the_same_where_an_actor_fails()
    {
        var study = new PerturbationStudy
        {
            Tasks = ["push", "move"],
            Points = 6,
            LayoutsPerTask = 2,
            StepLimit = 30,
            Factors = [new("light", .2, 1.5), new("noise", 0, .2)],
        };
        var (one, two) = (await Run(1), await Run(2));
        one.Points.SelectMany(p => p.Episodes).ShouldBe(two.Points.SelectMany(p => p.Episodes));
        one.Success.Successes.ShouldBeInRange(1, one.Success.Count - 1);

        Task<PerturbationResult> Run(int workers) => study.RunAsync(() => new Blinded(), workers, cancellation: TestContext.Current.CancellationToken);
    }

    [Fact]
    public void Factors_are_read_from_text_and_options_that_clash_are_refused()
    {
        PerturbationFactor.Parse("light=.5..1.5").ShouldBe(new("light", .5, 1.5));
        PerturbationFactor.Parse("distractors=0..2").IsWhole.ShouldBeTrue();
        Enumerable.Range(0, 12).Select(i => PerturbationFactor.Parse("distractors=0..2").At(i / 12.0)).Distinct().ShouldBe([0, 1, 2]);
        Should.Throw<VitrineException>(() => PerturbationFactor.Parse("light=2")).Message.ShouldContain("expected OPTION=LOW..HIGH");
        Should.Throw<VitrineException>(() => PerturbationFactor.Parse("light=2..1")).Message.ShouldContain("expected OPTION=LOW..HIGH");
        var study = new PerturbationStudy { Tasks = ["reach"], Points = 4, Settings = new Dictionary<string, string> { ["light"] = "1" } };
        Should.Throw<VitrineException>(() => study.RunAsync(() => new Blinded()).GetAwaiter().GetResult()).Message
            .ShouldContain("'light' is fixed, and varies too");
    }

    /// <remarks>Newcombe 1998, Statistics in Medicine 17, 873, table II, example (a): 56/70 - 48/80, method 10: .0524 to .3339.</remarks>
    [Fact]
    public void The_difference_of_two_shares_has_Newcombe_s_interval()
    {
        var row = Generalisation.Of("all", seen: new Proportion(48, 80), heldOut: new Proportion(56, 70));
        row.Difference.Mean.ShouldBe(.2, 1e-12);
        row.Difference.Low.ShouldBe(.0524, 5e-5);
        row.Difference.High.ShouldBe(.3339, 5e-5);
    }

    [Fact]
    public async Task The_expert_generalises()
    {
        var options = new TabletopOptions { HeldOut = [HeldOutCombination.Parse("red cone"), HeldOutCombination.Parse("azure ball")] };
        var rows = await Generalisation.RunAsync(
            () => new ExpertActor(ActionCodec.Tabletop), options, TabletopWorld.TaskNames, 12, workers: 2, cancellation: TestContext.Current.CancellationToken);
        rows.Select(r => r.Task).ShouldBe(["reach", "lift", "push", "all"]);
        rows.ShouldAllBe(r => r.HeldOut.Rate == 1 && r.Seen.Rate == 1 && r.Difference.Mean == 0);
        rows[^1].HeldOut.Count.ShouldBe(36);
        await Should.ThrowAsync<VitrineException>(() => Generalisation.RunAsync(() => new Blinded(), new(), ["reach"], 1));
    }

    /// <summary>An expert that moves only where the picture is light: it fails where the world is dark.</summary>
    private sealed class Blinded : IWorldActor
    {
        private readonly ExpertActor expert = new();

        public IReadOnlyList<double[]> Act(IReadOnlyList<WorldTurn> turns, CancellationToken cancellation = default)
            => [.. expert.Act(turns, cancellation).Zip(turns, (action, turn)
                => turn.World.Observe().Picture.Rgb.Average(v => (double)v) > 120 ? action : [0, 0, 0, 0, 0, 0, 1])];
    }
}
