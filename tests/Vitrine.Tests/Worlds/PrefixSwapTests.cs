using Vitrine.Policies;
using Vitrine.Policies.Flow;
using Vitrine.Tests.Policies.Flow;
using Vitrine.Worlds.Studies;
using Vitrine.Worlds.Tabletop;

namespace Vitrine.Tests.Worlds;

/// <summary>Keys and values of another instruction, read at every chunk: what carries a word in closed loop.</summary>
public sealed class PrefixSwapTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    /// <remarks>
    /// The reference's closed loop (32 layouts): 'slowly' moves .0302 [.0300, .0303] a step, 'quickly' .0997 [.0994, .1000], 'slowly' with the adverb's row of
    /// layer 1 from 'quickly' .0969 [.0966, .0973], with that row of all other layers .0303, with all other rows of layer 1 .0302. The bounds here are .002 for
    /// eight other layouts.
    /// </remarks>
    [Fact]
    public async Task The_speed_stands_in_the_adverb_s_row_of_the_first_cross_attention()
    {
        using var policy = Policy.Open("embedded:tabletop-flow");
        var study = StudyOf(policy,
        [
            new Arm { Name = "slowly", Kind = ArmKind.Baseline, Word = "slowly" },
            new Arm { Name = "quickly", Kind = ArmKind.Prompt, Word = "quickly" },
            Swapped("one row", [1], SwappedRows.Words),
            Swapped("other layers", [0, 2, 3, 4, 5], SwappedRows.Words),
            Swapped("other rows", [1], SwappedRows.Others),
        ]);
        Study.FromJson(study.ToJson()).Fingerprint().ShouldBe(study.Fingerprint());
        var result = StudyResult.Of(await new StudyRunner(World).RunAsync(study, policy, cancellation: Cancellation));
        double[] reference = [0.0302, 0.0997, 0.0969, 0.0303, 0.0302];
        foreach (var (arm, speed) in result.Arms.Zip(reference))
        {
            arm.All.Means["speed"].ShouldBe(speed, 0.002, arm.Arm.Name);
            arm.All.Success.Rate.ShouldBe(1, arm.Arm.Name);
        }

        result.Arms.Select(a => a.Arm.Fingerprint).ShouldBeUnique();

        static Arm Swapped(string name, int[] layers, SwappedRows rows) => new()
        {
            Name = name,
            Kind = ArmKind.Interchange,
            Word = "slowly",
            Swap = new PrefixSwap("quickly", layers, rows),
        };
    }

    /// <remarks>Everything of the other prompt is the other prompt; its own rows are itself, bit for bit.</remarks>
    [Theory]
    [InlineData("smolvla")]
    [InlineData("pi0")]
    [InlineData("pi05")]
    public void All_rows_of_another_prompt_are_the_other_prompt(string name)
    {
        using var policy = FlowExample.Open(name);
        var (seen, other) = (FlowExample.Observe(name), FlowExample.Observe(name, "pick up the block red"));
        using var own = policy.Read([seen]);
        using var donor = policy.Read([other]);
        int[] all = [.. Enumerable.Range(0, policy.Expert.Shape.Layers)];
        var words = policy.Swapping(own, donor, new PrefixSwap("red", all));
        var others = policy.Swapping(own, donor, new PrefixSwap("red", all, SwappedRows.Others));
        using var swapped = policy.Act(own, words.Then(others), cancellation: Cancellation);
        using var plain = policy.Act(donor, cancellation: Cancellation);
        using var itself = policy.Act(own, policy.Swapping(own, own, new PrefixSwap("red", all, SwappedRows.Image)), cancellation: Cancellation);
        using var unchanged = policy.Act(own, cancellation: Cancellation);
        swapped.Actions[0].IsSameAs(plain.Actions[0]).ShouldBeTrue();
        itself.Actions[0].IsSameAs(unchanged.Actions[0]).ShouldBeTrue();
        plain.Actions[0].IsSameAs(unchanged.Actions[0]).ShouldBeFalse();
    }

    [Fact]
    public void What_cannot_be_swapped_is_told()
    {
        using var policy = FlowExample.Open("smolvla");
        using var own = policy.Read([FlowExample.Observe("smolvla")]);
        using var longer = policy.Read([FlowExample.Observe("smolvla", "pick up the red block now")]);
        Told(() => policy.Swapping(own, longer, new PrefixSwap("now", [0])), "only where both have as many");
        Told(() => policy.Swapping(own, own, new PrefixSwap("x", [0])), "no rows that are 'Words'");
        Told(() => policy.Swapping(own, own, new PrefixSwap("x", [99], SwappedRows.Image)), "layer 99");
        using var speaking = Policy.Open("embedded:tabletop");
        var arm = new Arm { Name = "swap", Kind = ArmKind.Interchange, Swap = new PrefixSwap("quickly", [1]) };
        Told(() => arm.ActorOf(speaking), "whose expert flows");

        static void Told(Func<object> act, string message) => Should.Throw<VitrineException>(act).Message.ShouldContain(message);
    }

    private static TabletopWorld World() => new(new TabletopOptions { Adverbs = false });

    private static Study StudyOf(Policy policy, IReadOnlyList<Arm> arms) => new()
    {
        Name = "swap",
        Policy = StudyPolicy.Of(policy),
        World = World().Description,
        Tasks = ["reach"],
        LayoutsPerTask = 8,
        StepLimit = 60,
        Seed = 5,
        Arms = arms,
    };
}
