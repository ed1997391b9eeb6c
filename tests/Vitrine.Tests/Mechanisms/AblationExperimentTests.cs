using Vitrine.Mechanisms.Causes;
using Vitrine.Mechanisms.Statistics;
using Vitrine.Tests.Worlds.Records;
using Vitrine.Worlds;
using Vitrine.Worlds.Tabletop;

namespace Vitrine.Tests.Mechanisms;

[Collection(ThreadCount.Name)]
public sealed class AblationExperimentTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    /// <remarks>
    /// reference/09, 8.4: intervals over 64 other states, of which an unknown share says an adverb. Here none does, so what reads adverbs (attention of expert
    /// layer 1) is not compared, and what is hidden is compared by size alone, within half as much again.
    /// </remarks>
    [Fact]
    public void What_a_flow_policy_needs_is_what_the_reference_found()
    {
        var states = TabletopStates.Draw(61, LayoutSplit.Test, ["reach", "lift", "push", "move"], 64);
        var effects = new AblationExperiment(Recorded.Flowing, states).Run(workers: 2, cancellation: Cancellation);
        Part("language", 5, Component.FeedForward).ShouldAllBe(c => c == 0);
        Part("language", 5, Component.Attention).ShouldAllBe(c => c == 0);
        Overlaps(Part("language", 0, Component.FeedForward), .0152, .0224);
        Overlaps(Part("language", 3, Component.FeedForward), .0054, .0100);
        Overlaps(Part("expert", 5, Component.FeedForward), .0064, .0099);
        Overlaps(Part("expert", 4, Component.Attention), .0113, .0159);
        Overlaps(Part("expert", 5, Component.Attention), .0141, .0197);
        Hidden("state").Average().ShouldBeInRange(.0216 / 1.5, .0216 * 1.5);
        Hidden("image").Average().ShouldBeInRange(.0103 / 1.5, .0103 * 1.5);
        Hidden("text").Average().ShouldBeInRange(.0214 / 1.5, .0214 * 1.5);
        Overlaps(Hidden(null), .0036, .0068);

        IReadOnlyList<double> Part(string stack, int layer, Component component)
            => effects.Single(e => e.Part.Stack == stack && e.Part.Layer == layer && e.Part.Component == component).Changes;

        IReadOnlyList<double> Hidden(string? kind) => effects.Single(e => e.Part.Component is null && e.Part.Hidden == kind).Changes;

        static void Overlaps(IReadOnlyList<double> changes, double low, double high)
        {
            var own = PairedBootstrap.MeanDifference(changes);
            own.Low.ShouldBeLessThan(high);
            own.High.ShouldBeGreaterThan(low);
        }
    }

    [Fact]
    public void Of_a_policy_that_says_tokens_every_block_is_asked_and_nothing_depends_on_workers()
    {
        var states = TabletopStates.Draw(1, LayoutSplit.Test, ["reach"], 3);
        var one = new AblationExperiment(Recorded.Spoken, states).Run(1, cancellation: Cancellation);
        var two = new AblationExperiment(Recorded.Spoken, states).Run(2, cancellation: Cancellation);
        one.Count.ShouldBe(2 * Recorded.Spoken.Language.Shape.Layers);
        one.Select(e => e.Changes).ShouldBe(two.Select(e => e.Changes));
        one.ShouldContain(e => e.Changes.Max() > 0);
        one[0].Part.ToString().ShouldBe("language.0.attn.out set to 0");
        Should.Throw<VitrineException>(() => new AblationExperiment(Recorded.Spoken, []).Run(cancellation: Cancellation))
            .Message.ShouldContain("no observation");
    }
}
