using Vitrine.Mechanisms.Causes;
using Vitrine.Mechanisms.Statistics;
using Vitrine.Tests.Views;
using Vitrine.Worlds.Decisions;
using Vitrine.Worlds.Studies;

namespace Vitrine.Tests.Worlds.Studies;

/// <summary>Verdicts on numbers made by hand. Random draws reach from -.002 to .003; the word does .04.</summary>
public sealed class VerdictTests
{
    [Theory]
    [InlineData(.010, .002, true, "clear of zero and of the draws")]
    [InlineData(-.010, .002, true, "the other way")]
    [InlineData(.0029, .001, false, "clear of zero, but a draw does as much")]
    [InlineData(.010, .011, false, "beyond the draws, but the interval holds zero")]
    [InlineData(.0031, .001, true, "just beyond the largest draw")]
    [InlineData(0, 0, false, "nothing at all")]
    [InlineData(double.NaN, double.NaN, false, "not measured")]
    public void An_effect_leaves_zero_out_and_lies_outside_the_random_draws(double change, double half, bool isEffect, string why)
        => Of(change, half, "speed").IsEffect.ShouldBe(isEffect, why);

    [Fact]
    public void A_verdict_holds_what_its_sentence_is_made_from()
    {
        var verdict = Of(.01, .002, "speed");
        (verdict.Arm.Name, verdict.Measure, verdict.Word).ShouldBe(("clamp", "speed", "quickly"));
        verdict.Change.ShouldBe(new Estimate(.01, .008, .012));
        verdict.ShareOfWord!.Value.ShouldBe(.25, 1e-12);
        (verdict.Random!.Smallest, verdict.Random.Largest).ShouldBe((-.002, .003));
        verdict.Random.Mean.ShouldBe(.0005, 1e-12);
        verdict.Success.ShouldBe(new Proportion(77, 96));
        verdict.BaselineSuccess.ShouldBe(new Proportion(91, 96));
    }

    /// <summary>Success of the edit against .95, with an interval of +-.05 around the change, as the sample's arms have it.</summary>
    [Theory]
    [InlineData(.010, .95, VerdictClass.Shown, "moves, and succeeds as often")]
    [InlineData(.010, .91, VerdictClass.Shown, "the interval of success, -.09 to +.01, holds zero")]
    [InlineData(.010, .89, VerdictClass.BreaksTask, "the interval of success, -.11 to -.01, lies below zero")]
    [InlineData(-.010, .50, VerdictClass.BreaksTask, "the other way, and the task breaks")]
    [InlineData(.0029, .50, VerdictClass.NotShown, "no more than a draw: that it also fails is no steering")]
    [InlineData(.010, 1.0, VerdictClass.Shown, "succeeds more often")]
    [InlineData(double.NaN, .50, VerdictClass.NotShown, "not measured")]
    public void What_moves_is_shown_only_where_success_does_not_fall_beyond_noise(double change, double success, VerdictClass found, string why)
    {
        var clamp = SampleReport.Arm("clamp", ArmKind.Edit, "fast", change, .3, success, .002);
        var verdict = Verdict.Of(SampleReport.Result("fast", [Baseline, clamp, .. Random]), "speed").ShouldHaveSingleItem();
        verdict.Class.ShouldBe(found, why);
        verdict.SuccessChange.Mean.ShouldBe(success - .95, 1e-12);
    }

    [Theory]
    [InlineData(.0001, .0010, true, "within a tenth of the word's .04")]
    [InlineData(.0001, .0050, false, "the interval reaches further")]
    [InlineData(-.0039, .00005, true, "just within")]
    [InlineData(.0100, .0010, false, "a quarter of the word")]
    public void An_edit_does_nothing_where_its_whole_interval_lies_within_a_tenth_of_the_words_effect(double change, double half, bool isNothing, string why)
        => Of(change, half, "speed").IsNothing.ShouldBe(isNothing, why);

    [Fact]
    public void Another_measure_is_judged_by_its_own_numbers()
        => Of(.01, .002, "height").Change.Mean.ShouldBe(.3);

    [Fact]
    public void Without_random_draws_nothing_counts_and_without_a_word_there_is_no_share()
    {
        var verdict = Verdict.Of(SampleReport.Result("fast", Baseline, Clamp(.01, .002)), "speed").ShouldHaveSingleItem();
        verdict.IsEffect.ShouldBeFalse();
        verdict.Random.ShouldBeNull();
        verdict.ShareOfWord.ShouldBeNull();
    }

    [Fact]
    public void Draws_of_another_concept_do_not_count()
        => Verdict.Of(SampleReport.Result("two",
            [Baseline, Clamp(.01, .002), .. SampleReport.Draws("random", ArmKind.MatchedRandom, "high", .8, -1, 1), .. Random]), "speed")
            .ShouldHaveSingleItem().IsEffect.ShouldBeTrue();

    [Fact]
    public void An_unknown_measure_is_refused_with_the_known_ones()
        => Should.Throw<VitrineException>(() => Of(.01, .002, "grace")).Message.ShouldContain("success, speed, height, steps");

    [Theory]
    [InlineData(.019, .001, true)]
    [InlineData(.0005, .0001, false)]
    [InlineData(.019, .02, false)]
    public void In_one_decision_the_part_that_gives_most_is_the_carrier_and_its_controls_judge_it(double sufficient, double half, bool isEffect)
    {
        static Estimate About(double mean, double half) => new(mean, mean - half, mean + half);
        var result = new OneStepResult(
            "fast", "speed", 8, .06, About(.02, .001),
            [
                new(Component.Attention, 4, About(.004, .001), About(.0001, .0001), About(.018, .001)),
                new(Component.FeedForward, 5, About(.01, .001), About(sufficient, half), About(.002, .001)),
                new(Component.Residual, 5, About(.02, .001), About(.02, .001), About(0, 0)),
                new(Component.Attention, null, About(.02, .001), About(.02, .001), About(0, 0)),
            ],
            [new("zero dose", About(0, 0), null), new("random", null, [-.001, .0008])]);
        var verdict = OneStepVerdict.Of(result);
        (verdict.Carrier.Component, verdict.Carrier.Layer).ShouldBe((Component.FeedForward, 5));
        (verdict.Sufficient, verdict.IsEffect).ShouldBe((sufficient / .02, isEffect));
        verdict.Necessary!.Value.ShouldBe(.1, 1e-12);
        verdict.MeanDifference!.Value.ShouldBe(.5, 1e-12);
        verdict.Class.ShouldBe(isEffect ? VerdictClass.Shown : VerdictClass.NotShown);
        // .01 of the feed-forward part is the largest mean difference of a single layer, clear of zero and of the draws: half of the word's .02.
        (verdict.Direction.Component, verdict.Direction.Layer, verdict.HasDirection).ShouldBe((Component.FeedForward, 5, true));
        verdict.DirectionShare!.Value.ShouldBe(.5, 1e-12);
        (verdict.Random!.Smallest, verdict.Random.Largest).ShouldBe((-.001, .0008));
        OneStepVerdict.Of(result with { Controls = [] }).IsEffect.ShouldBeFalse();
        OneStepVerdict.Of(result with { Controls = [] }).HasDirection.ShouldBeFalse("without draws nothing counts");
    }

    private static ArmResult Baseline => SampleReport.Arm("no edit", ArmKind.Baseline, "fast", 0, 0, .95, 0);

    private static IEnumerable<ArmResult> Random => SampleReport.Draws("random", ArmKind.MatchedRandom, "fast", .8, -.002, .003);

    private static ArmResult Clamp(double change, double half) => SampleReport.Arm("clamp", ArmKind.Edit, "fast", change, .3, .8, half);

    private static Verdict Of(double change, double half, string measure)
    {
        var said = SampleReport.Arm("say 'quickly'", ArmKind.Prompt, "fast", .04, 0, .95, .001);
        return Verdict.Of(SampleReport.Result("fast", [Baseline, said with { Arm = said.Arm with { Word = "quickly" } }, Clamp(change, half), .. Random]),
            measure).ShouldHaveSingleItem();
    }
}
