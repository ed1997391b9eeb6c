using Vitrine.Mechanisms.Statistics;

namespace Vitrine.Tests.Mechanisms.Statistics;

public sealed class AlphaSpendingTests
{
    /// <summary>Five looks, two-sided .05, as the program of Reboussin, DeMets, Kim and Lan (2000) prints them.</summary>
    public static TheoryData<Spending, double[]> Published() => new()
    {
        { Spending.OBrienFleming, [4.8769, 3.3569, 2.6803, 2.2898, 2.0310] },
        { Spending.Pocock, [2.4380, 2.4268, 2.4101, 2.3966, 2.3859] },
    };

    [Theory, MemberData(nameof(Published))]
    public void Bounds_of_five_looks_are_the_published_ones(Spending spending, double[] published)
    {
        var bounds = AlphaSpending.Bounds(5, .05, spending);
        bounds.Count.ShouldBe(5);
        foreach (var (bound, expected) in bounds.Zip(published))
        {
            bound.ShouldBe(expected, 2e-4);
        }
    }

    [Theory]
    [InlineData(Spending.OBrienFleming, 3, .05)]
    [InlineData(Spending.Pocock, 4, .1)]
    [InlineData(Spending.OBrienFleming, 1, .05)]
    public void A_walk_without_drift_crosses_with_the_chance_alpha(Spending spending, int looks, double alpha)
    {
        const int Walks = 40_000;
        var (bounds, random, crossed) = (AlphaSpending.Bounds(looks, alpha, spending), new RandomStream("walks"), 0);
        for (var walk = 0; walk < Walks; walk++)
        {
            double sum = 0;
            for (var look = 1; look <= looks; look++)
            {
                sum += random.Gaussian() / Math.Sqrt(looks);
                if (Math.Abs(sum) / Math.Sqrt((double)look / looks) >= bounds[look - 1])
                {
                    crossed++;
                    break;
                }
            }
        }

        BinomialTest.Of(crossed / 20, Walks / 20, alpha).P.ShouldBeGreaterThan(.01, $"{crossed} of {Walks}");
    }

    [Fact]
    public void All_of_alpha_is_spent_at_the_end_and_one_look_is_the_plain_test()
    {
        foreach (var spending in Enum.GetValues<Spending>())
        {
            AlphaSpending.Spent(1, .05, spending).ShouldBe(.05, 1e-9);
            AlphaSpending.Spent(0, .05, spending).ShouldBe(0);
            AlphaSpending.Bounds(1, .05, spending).ShouldHaveSingleItem().ShouldBe(1.959964, 1e-5);
            AlphaSpending.Levels(4, .05, spending).Zip(AlphaSpending.Bounds(4, .05, spending)).ShouldAllBe(
                p => Math.Abs(p.First - (2 * Tails.NormalAbove(p.Second))) < 1e-12);
        }
    }

    [Theory]
    [InlineData(0, .05, "0 looks; expected 1 to 20")]
    [InlineData(21, .05, "21 looks")]
    [InlineData(3, 0, "with alpha 0")]
    public void What_cannot_be_spent_is_refused(int looks, double alpha, string why)
        => Should.Throw<VitrineException>(() => AlphaSpending.Bounds(looks, alpha, Spending.Pocock)).Message.ShouldContain(why);
}
