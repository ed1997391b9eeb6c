using Vitrine.Mechanisms.Statistics;

namespace Vitrine.Tests.Mechanisms.Statistics;

/// <summary>Closed forms and identities of the tests; their goldens are held by NumbersCertificationTests.</summary>
public sealed class DistributionTests
{
    private static readonly double[] A = [1.2, 3.4, .7, 5.1, 2.2, 4.4, 6.0, 2.9], B = [.9, 3.0, 1.1, 3.9, 2.0, 4.1, 5.0, 2.5];

    [Theory]
    [InlineData(.05, .4)]
    [InlineData(.2, 1.3)]
    public void Two_equal_tails_make_the_whole(double level, double shift)
    {
        (Tails.NormalAbove(Tails.NormalQuantile(1 - level)) / level).ShouldBe(1, 1e-9);
        (Tails.StudentAbove(Tails.StudentQuantile(1 - level, 7), 7) / level).ShouldBe(1, 1e-7);
        (Tails.NormalAbove(shift) + Tails.NormalAbove(-shift)).ShouldBe(1, 1e-12);
        Tails.ChiSquaredAbove(shift * shift, 1).ShouldBe(2 * Tails.NormalAbove(shift), 1e-12);               // a squared normal
        Tails.FisherAbove(shift * shift, 1, 9).ShouldBe(2 * Tails.StudentAbove(shift, 9), 1e-12);            // a squared t
    }

    [Fact]
    public void Five_differences_of_one_sign_have_one_pattern_in_thirty_two()
    {
        double[] zeros = [0, 0, 0, 0, 0], ones = [1, 2, 3, 4, 5];
        Wilcoxon.Exact(ones, zeros, Alternative.Greater).P.ShouldBe(1 / 32.0, 1e-15);
        Wilcoxon.Exact(ones, zeros).P.ShouldBe(1 / 16.0, 1e-15);
        Permutation.SignFlips(ones, Alternative.Greater).P.ShouldBe(1 / 32.0, 1e-15);
        MannWhitney.Exact([4, 5, 6], [1, 2, 3], Alternative.Greater).ShouldSatisfyAllConditions(
            t => t.Statistic.ShouldBe(9), t => t.P.ShouldBe(1 / 20.0, 1e-15));
        Permutation.Independent([4, 5, 6], [1, 2, 3], Alternative.Greater).P.ShouldBe(1 / 20.0, 1e-15);
    }

    [Fact]
    public void The_two_sides_share_the_statistic_and_two_sided_is_twice_the_smaller()
    {
        foreach (var test in new Func<Alternative, TestOutcome>[]
        {
            s => TTest.Welch(A, B, s), s => TTest.Student(A, B, s), s => TTest.Paired(A, B, s),
            s => MannWhitney.Exact(A, B, s), s => Permutation.SignFlips(A, s),
        })
        {
            var (less, greater, both) = (test(Alternative.Less), test(Alternative.Greater), test(Alternative.TwoSided));
            greater.Statistic.ShouldBe(less.Statistic);
            both.P.ShouldBe(Math.Min(1, 2 * Math.Min(less.P, greater.P)), 1e-12);
        }
    }

    [Fact]
    public void What_is_alike_has_no_distance()
    {
        Divergence.KullbackLeibler([1, 2, 3], [2, 4, 6]).ShouldBe(0, 1e-15);
        Divergence.JensenShannon([1, 0], [0, 1]).ShouldBe(Math.Log(2), 1e-15);
        Divergence.Wasserstein(A, [.. A.Select(a => a + 2)]).ShouldBe(2, 1e-12);
        Divergence.Entropy([1, 1, 1, 1]).ShouldBe(Math.Log(4), 1e-15);
        EffectSize.CliffsDelta(A, A).ShouldBe(0);
        SeveralSamples.KolmogorovSmirnov(A, A).ShouldBe(new TestOutcome(0, 1));
        Correlation.Kendall(A, A).Statistic.ShouldBe(1, 1e-15);
        Correlation.Spearman(A, [.. A.Select(a => -Math.Exp(a))]).Statistic.ShouldBe(-1, 1e-15);
    }

    [Fact]
    public void Corrections_are_ordered_as_their_proofs_say()
    {
        double[] p = [.001, .004, .011, .02, .03, .2, .5];
        double[] Adjusted(Correction how) => [.. MultipleTests.Adjust(p, how)];
        Adjusted(Correction.Hommel).Zip(Adjusted(Correction.Holm)).ShouldAllBe(q => q.First <= q.Second + 1e-12);
        Adjusted(Correction.Holm).Zip(Adjusted(Correction.Bonferroni)).ShouldAllBe(q => q.First <= q.Second + 1e-12);
        Adjusted(Correction.BenjaminiHochberg).Zip(Adjusted(Correction.Hommel)).ShouldAllBe(q => q.First <= q.Second + 1e-12);
        Adjusted(Correction.TwoStage).Zip(Adjusted(Correction.BenjaminiHochberg)).ShouldAllBe(q => q.First <= q.Second + 1e-12);
        Enum.GetValues<Correction>().ShouldAllBe(c => Math.Abs(MultipleTests.Adjust(new[] { .03 }, c)[0] - .03) < 1e-12);
    }

    [Fact]
    public void Wilsons_interval_is_that_of_a_proportion()
    {
        var (low, high) = ProportionInterval.Of(17, 40);
        new Proportion(17, 40).Low.ShouldBe(low, 1e-12);
        new Proportion(17, 40).High.ShouldBe(high, 1e-12);
    }

    [Fact]
    public void A_perfect_order_has_the_whole_area_and_a_constant_score_half()
    {
        RocCurve.Area([3, 2, 1], [true, true, false]).ShouldBe(1);
        RocCurve.Area([1, 1, 1, 1], [true, false, true, false]).ShouldBe(.5);
        (RocCurve.Area([.. A, .. B], [.. A.Select(_ => true), .. B.Select(_ => false)]) * A.Length * B.Length).ShouldBe(MannWhitney.Exact(
            [.. A.Select(a => a + 1e-6)], B).Statistic, 1e-9);
    }

    [Fact]
    public void A_drawn_bootstrap_has_its_seed()
    {
        Bootstrap.Draw(A, 300, seed: 4).Percentile().ShouldBe(Bootstrap.Draw(A, 300, seed: 4).Percentile());
        var estimate = Bootstrap.Draw(A, 4000, seed: 4);
        estimate.StandardError.ShouldBe(Math.Sqrt(A.Average(a => (a - A.Average()) * (a - A.Average())) / A.Length), .03);
        estimate.BiasCorrected().Low.ShouldBeLessThan(A.Average());
    }

    public static TheoryData<string, Action> Refusals() => new()
    {
        { "t test: a sample has 1 numbers; expected at least 2.", () => TTest.OneSample([1]) },
        { "paired t test: 8 numbers beside 2; expected pairs.", () => TTest.Paired(A, [1, 2]) },
        { "t test: all numbers are equal and the means too; there is nothing to test.", () => TTest.Welch([1, 1], [1, 1]) },
        { "Wilcoxon's test: no pair differs.", () => Wilcoxon.Exact(A, A) },
        { "Wilcoxon's test: differences are tied", () => Wilcoxon.Exact([1, 2, 3], [0, 1, 5]) },
        { "Mann and Whitney's test: numbers are tied", () => MannWhitney.Exact([1, 2], [2, 3]) },
        { "Mann and Whitney's test: all numbers are equal", () => MannWhitney.Approximate([1, 1], [1, 1]) },
        { "sign flips: 1.126e+15 arrangements", () => Permutation.SignFlips(new double[50].Select((_, i) => i + 1.0).ToArray()) },
        { "contingency table: [[-1, 2], [3, 4]] has a negative count.", () => new ContingencyTable(-1, 2, 3, 4).Fisher() },
        { "chi squared: a row or a column", () => new ContingencyTable(0, 0, 3, 4).ChiSquared() },
        { "McNemar's test: no pair differs.", () => new ContingencyTable(4, 0, 0, 4).McNemar() },
        { "binomial test: 5 of 4", () => BinomialTest.Of(5, 4, .5) },
        { "interval of a share: 1 of 0", () => ProportionInterval.Of(1, 0) },
        { "adjustment: p 1 of 2 (from 0) is 1.5", () => MultipleTests.Adjust([.5, 1.5], Correction.Holm) },
        { "correlation: a sample is constant", () => Correlation.Pearson([1, 1, 1], [1, 2, 3]) },
        { "ROC curve: 2 scores, 2 of 2 labels positive", () => RocCurve.Area([1, 2], [true, true]) },
        { "divergence: 1 weights beside 2", () => Divergence.KullbackLeibler([1], [1, 1]) },
        { "divergence: a weight is negative", () => Divergence.Entropy([1, -1]) },
        { "quantile: at level 2", () => Quantiles.Linear(A, 2) },
        { "bootstrap: 1 resamples", () => Bootstrap.Of(A, [[0]]) },
        { "analysis of variance: of 1 samples", () => SeveralSamples.Anova(A) },
        { "t test: number 1 of 2 (from 0) is NaN", () => TTest.OneSample([1, double.NaN]) },
    };

    [Theory, MemberData(nameof(Refusals), DisableDiscoveryEnumeration = true)]
    public void Bad_input_is_refused_in_one_line(string begins, Action act)
    {
        var message = Should.Throw<VitrineException>(act).Message;
        message.ShouldStartWith(begins);
        message.ShouldNotContain("\n");
    }
}
