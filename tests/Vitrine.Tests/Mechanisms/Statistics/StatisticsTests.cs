using Vitrine.Mechanisms.Statistics;

namespace Vitrine.Tests.Mechanisms.Statistics;

public sealed class StatisticsTests
{
    /// <remarks>0 of n and n of n have the closed form z²/(n + z²); the last four are the published success of the tabletop's policies.</remarks>
    [Theory]
    [InlineData(0, 10, 0, .2775)]
    [InlineData(10, 10, .7225, 1)]
    [InlineData(5, 10, .2366, .7634)]
    [InlineData(1, 10, .0179, .4042)]
    [InlineData(99, 100, .946, .998)]
    [InlineData(47, 100, .375, .567)]
    [InlineData(176, 200, .828, .918)]
    [InlineData(762, 800, .935, .965)]
    public void Wilsons_interval_equals_published_values(int successes, int count, double low, double high)
    {
        var proportion = new Proportion(successes, count);
        proportion.Low.ShouldBe(low, 6e-4);
        proportion.High.ShouldBe(high, 6e-4);
    }

    /// <remarks>The ends of Wilson's interval are the p0 at which the score test (p - p0) / sqrt(p0 (1 - p0) / n) is exactly ±1.96.</remarks>
    [Theory]
    [InlineData(3, 17)]
    [InlineData(60, 96)]
    public void The_score_test_lies_on_its_threshold_at_both_ends_of_wilsons_interval(int successes, int count)
    {
        var proportion = new Proportion(successes, count);
        Score(proportion.Low).ShouldBe(1.959963984540054, 1e-9);
        Score(proportion.High).ShouldBe(-1.959963984540054, 1e-9);

        double Score(double p0) => (proportion.Rate!.Value - p0) / Math.Sqrt(p0 * (1 - p0) / count);
    }

    [Fact]
    public void Nothing_is_known_from_an_empty_sample()
    {
        new Proportion(0, 0).Low.ShouldBe(0);
        new Proportion(0, 0).High.ShouldBe(1);
        new Proportion(0, 0).Rate.ShouldBeNull();
    }

    [Fact]
    public void Equal_differences_have_an_interval_without_width()
        => PairedBootstrap.MeanDifference([.25, .25, .25]).ShouldBe(new Estimate(.25, .25, .25));

    /// <remarks>Resamples of n zeros and ones have binomial means; with p = .5 and n = 100 their .025 and .975 quantiles are .40 and .60.</remarks>
    [Fact]
    public void The_interval_of_zeros_and_ones_has_the_quantiles_of_the_binomial()
    {
        var estimate = PairedBootstrap.MeanDifference([.. Enumerable.Range(0, 100).Select(i => (double)(i % 2))], resamples: 20_000);
        estimate.Mean.ShouldBe(.5);
        estimate.Low.ShouldBe(.40, .011);
        estimate.High.ShouldBe(.60, .011);
    }

    [Fact]
    public void The_interval_of_a_gaussian_sample_is_nearly_that_of_the_central_limit_theorem()
    {
        var random = new RandomStream("sample");
        double[] sample = [.. Enumerable.Range(0, 400).Select(_ => 3 + random.Gaussian())];
        var mean = sample.Average();
        var error = Math.Sqrt(sample.Average(v => (v - mean) * (v - mean)) / sample.Length);
        var estimate = PairedBootstrap.MeanDifference(sample, resamples: 20_000, seed: 5);
        estimate.Mean.ShouldBe(mean);
        estimate.Low.ShouldBe(mean - (1.96 * error), .1 * error);
        estimate.High.ShouldBe(mean + (1.96 * error), .1 * error);
    }

    [Fact]
    public void A_seed_decides_the_interval()
    {
        double[] sample = [1, 2, 4, 8, 16];
        PairedBootstrap.MeanDifference(sample, seed: 1).ShouldBe(PairedBootstrap.MeanDifference(sample, seed: 1));
        PairedBootstrap.MeanDifference(sample, 50, seed: 1).ShouldNotBe(PairedBootstrap.MeanDifference(sample, 50, seed: 2));
    }

    [Theory]
    [InlineData(0, 1)]
    [InlineData(.5, 2.5)]
    [InlineData(.975, 3.925)]
    [InlineData(1, 4)]
    public void Quantiles_are_interpolated_linearly(double q, double expected)
        => PairedBootstrap.Quantile([1, 2, 3, 4], q).ShouldBe(expected, 1e-12);

    [Fact]
    public void A_bootstrap_of_nothing_is_refused()
        => Should.Throw<VitrineException>(() => PairedBootstrap.MeanDifference([])).Message.ShouldContain("0 pairs");

    /// <remarks>p.adjust(c(.01, .02, .03, .04), "holm") and p.adjust(c(.04, .001, .5, .02), "holm") of R.</remarks>
    [Theory]
    [InlineData(new[] { .01, .02, .03, .04 }, new[] { .04, .06, .06, .06 })]
    [InlineData(new[] { .04, .001, .5, .02 }, new[] { .08, .004, .5, .06 })]
    [InlineData(new[] { .6, .7 }, new[] { 1.0, 1.0 })]
    [InlineData(new double[0], new double[0])]
    public void Holms_adjustment_equals_known_values(double[] given, double[] expected)
        => Holm.Adjust(given).ShouldBe(expected, 1e-12);

    /// <remarks>n equal differences: only "all plus" and "all minus" reach the observed sum, so p = 2 / 2^n.</remarks>
    [Theory]
    [InlineData(1)]
    [InlineData(5)]
    [InlineData(10)]
    [InlineData(16)]
    public void Equal_differences_reach_the_smallest_p_that_their_number_allows(int count)
        => SignFlip.PValue([.. Enumerable.Repeat(.1, count)]).ShouldBe(2 / Math.Pow(2, count), 1e-15);

    /// <remarks>Differences of ±1, k of n positive: the two-sided binomial test. 8 of 10: 2 (1 + 10 + 45) / 1024.</remarks>
    [Fact]
    public void Differences_of_one_size_give_the_sign_test()
        => SignFlip.PValue([1, 1, 1, 1, 1, 1, 1, 1, -1, -1]).ShouldBe(2 * 56 / 1024.0, 1e-15);

    /// <remarks>15 of 20 positive, drawn instead of counted: 2 · 21700 / 2^20 = .04139.</remarks>
    [Fact]
    public void Drawn_patterns_come_near_the_exact_value()
        => SignFlip.PValue([.. Enumerable.Range(0, 20).Select(i => i < 15 ? 1.0 : -1)], draws: 100_000).ShouldBe(2 * 21700 / Math.Pow(2, 20), .003);

    /// <remarks>
    /// 90 of 150 positive: 2 P(X ≥ 90), X binomial with n = 150 and p = 1/2, is .01765 (normal approximation with continuity correction: .0178).
    /// </remarks>
    [Fact]
    public void More_than_64_differences_are_all_flipped()
        => SignFlip.PValue([.. Enumerable.Range(0, 150).Select(i => i < 90 ? 1.0 : -1)], draws: 100_000).ShouldBe(.0177, .002);

    [Fact]
    public void Zeros_say_nothing_and_nothing_gives_a_p_of_one()
    {
        SignFlip.PValue([0, 0, 0]).ShouldBe(1);
        SignFlip.PValue([0, .1, 0, .1, .1]).ShouldBe(SignFlip.PValue([.1, .1, .1]));
    }

    [Fact]
    public void A_drawn_p_is_never_zero()
        => SignFlip.PValue([.. Enumerable.Repeat(1.0, 60)], draws: 999).ShouldBe(.001, 1e-12);
}
