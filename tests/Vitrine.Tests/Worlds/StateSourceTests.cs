using Vitrine.Policies;
using Vitrine.Tests.Policies;
using Vitrine.Worlds;
using Vitrine.Worlds.Tabletop;

namespace Vitrine.Tests.Worlds;

public sealed class StateSourceTests
{
    [Fact]
    public void A_world_draws_other_situations_to_measure_in_than_to_calibrate_on()
    {
        var source = StateSource.OfWorld("tabletop", seed: 3);
        var (calibrating, testing) = (source.ForCalibration(8), source.ForTest(8));
        Words(calibrating).ShouldBe(Words(TabletopStates.Draw(3, LayoutSplit.Selection, ["reach", "lift", "push", "move"], 8, adverbs: true)));
        Words(testing).ShouldBe(Words(TabletopStates.Draw(3, LayoutSplit.Test, ["reach", "lift", "push"], 8)));
        Pictures(calibrating).Intersect(Pictures(testing)).ShouldBeEmpty();
        (source.ForCalibration().Count, source.ForTest().Count).ShouldBe((96, 48));
    }

    [Fact]
    public void Options_of_the_world_hold_for_both()
    {
        Words(StateSource.OfWorld("tabletop:light=.5", 3).ForCalibration(8)).ShouldBe(Words(StateSource.OfWorld("tabletop", 3).ForCalibration(8)));
        Pictures(StateSource.OfWorld("tabletop:light=.5", 3).ForTest(4)).ShouldNotBe(Pictures(StateSource.OfWorld("tabletop", 3).ForTest(4)));
        Words(StateSource.OfWorld("tabletop:adverbs=false", 3).ForCalibration(8))
            .ShouldBe(Words(TabletopStates.Draw(3, LayoutSplit.Selection, ["reach", "lift", "push", "move"], 8)));
        Words(StateSource.OfWorld("tabletop:adverbs=true", 3).ForTest(8))
            .ShouldBe(Words(TabletopStates.Draw(3, LayoutSplit.Test, ["reach", "lift", "push"], 8, adverbs: true)));
        Should.Throw<VitrineException>(() => StateSource.OfWorld("tabletop:ligth=1", 3)).Message.ShouldContain("ligth");
    }

    [Fact]
    public void Given_situations_serve_for_both_and_are_cut_to_a_number()
    {
        var given = NumberPolicy.States(5);
        var source = StateSource.Of(given);
        source.ForCalibration().ShouldBe(given);
        source.ForTest(3).ShouldBe(given.Take(3));
        source.ForTest(30).ShouldBe(given);
    }

    [Fact]
    public void A_policy_s_world_is_known_by_its_units()
    {
        using var tabletop = Policy.Open("embedded:tabletop");
        using var other = NumberPolicy.Open();
        StateSource.WorldOf(tabletop).ShouldBe("tabletop");
        StateSource.WorldOf(other).ShouldBeNull();
        Should.Throw<VitrineException>(() => StateSource.OfWorld("libero", 1)).Message.ShouldContain("known are tabletop");
    }

    private static IEnumerable<string> Pictures(IReadOnlyList<Observation> states) => states.Select(s => Convert.ToHexString(s.Picture.Rgb.ToArray()));

    private static IEnumerable<string> Words(IReadOnlyList<Observation> states) => states.Select(s => s.Instruction);
}
