using Vitrine.Mechanisms.Statistics;
using Vitrine.Transformers;
using Vitrine.Worlds;
using Vitrine.Worlds.Studies;

namespace Vitrine.Tests.Worlds.Statistics;

/// <summary>There is no statistic of what is no number, and none of nothing: the first is refused, the second is absent.</summary>
public sealed class NonFiniteStatisticsTests
{
    public static TheoryData<double> Values() => [double.NaN, double.PositiveInfinity, double.NegativeInfinity];

    [Theory, MemberData(nameof(Values))]
    public void Every_statistic_names_the_number_that_is_none(double value)
    {
        double[] numbers = [.1, .2, value, .3];
        Refusal(() => PairedBootstrap.MeanDifference(numbers)).ShouldStartWith("bootstrap: difference 2 of 4 ");
        Refusal(() => SignFlip.PValue(numbers)).ShouldStartWith("sign flips: difference 2 of 4 ");
        Refusal(() => Holm.Adjust(numbers)).ShouldStartWith("Holm's adjustment: p 2 of 4 ");
        Refusal(() => Spread.Of(numbers)).ShouldStartWith("spread: draw 2 of 4 ");
    }

    [Fact]
    public void Of_nothing_there_is_no_rate_and_no_spread()
    {
        new Proportion(0, 0).Rate.ShouldBeNull();
        new Proportion(1, 4).Rate.ShouldBe(.25);
        Should.Throw<VitrineException>(() => Spread.Of([])).Message.ShouldContain("no draws");
    }

    [Fact]
    public void An_arm_without_successes_has_no_steps_of_them()
    {
        var arm = new ArmEpisodes(new ArmLabel { Name = "a", Kind = ArmKind.Baseline }, [Episode(false, 3), Episode(false, 5)]);
        TaskSummary.Of(arm).ShouldAllBe(row => row.Steps == null);
        TaskSummary.Of(arm with { Episodes = [Episode(true, 3), Episode(false, 5), Episode(true, 4)] }).ShouldAllBe(row => row.Steps == 3.5);
    }

    [Fact]
    public void A_word_that_changes_nothing_has_no_shares()
    {
        var verdict = new Verdict
        {
            Arm = new ArmLabel { Name = "a", Kind = ArmKind.Edit },
            Measure = "speed",
            Change = new Estimate(.1, .05, .2),
            Word = "quickly",
            Said = new Estimate(0, 0, 0),
            Success = new Proportion(1, 2),
            BaselineSuccess = new Proportion(1, 2),
            SuccessChange = new Estimate(0, 0, 0),
        };
        verdict.ShareOfWord.ShouldBeNull();
        (verdict with { Said = new Estimate(.2, .1, .3) }).ShareOfWord.ShouldBe(.5);
        Evidence(verdict).ShouldNotContain("of what saying");
        Evidence(verdict).ShouldNotContain("∞");
        Evidence(verdict with { Said = new Estimate(.2, .1, .3) }).ShouldContain("50\u00A0% of what saying");

        static string Evidence(Verdict verdict)
            => Vitrine.Views.Findings.Statements([verdict], [], WorldUnits.Unnamed).ShouldHaveSingleItem().Evidence.ShouldHaveSingleItem();
    }

    private static string Refusal(Action act) => Should.Throw<NonFiniteException>(act).Message;

    private static Episode Episode(bool succeeded, int steps) => new()
    {
        Layout = new LayoutKey(1, LayoutSplit.Test, "lift", steps),
        Instruction = "lift",
        Succeeded = succeeded,
        Actions = [.. Enumerable.Repeat(new double[7], steps)],
        Path = [.. Enumerable.Repeat(new Position(0, 0, 0), steps + 1)],
        Measures = new Dictionary<string, double>(),
    };
}
