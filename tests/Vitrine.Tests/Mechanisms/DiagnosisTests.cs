using Vitrine.Inputs.Pictures;
using Vitrine.Mechanisms.Diagnoses;
using Vitrine.Policies;
using Vitrine.Tests.Policies.Flow;
using Vitrine.Worlds.Tabletop;

namespace Vitrine.Tests.Mechanisms;

/// <summary>What a policy uses: what it does not read changes no bit, what it reads is told beside the noise.</summary>
public sealed class DiagnosisTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    /// <remarks>The OpenVLA-layout policy reads no state and starts from no noise.</remarks>
    [Fact]
    public void What_is_not_read_changes_no_bit()
    {
        using var policy = Policy.Open("embedded:tabletop");
        var trials = new Diagnosis(policy, TabletopStates.ForTest(3, 4)).Run(cancellation: Cancellation);
        trials[0].Changes.ShouldAllBe(c => c == 0);
        var state = trials.Where(t => t.About == "state").ToArray();
        state.Length.ShouldBe(3);
        state.SelectMany(t => t.Changes).ShouldAllBe(c => c == 0);
        trials.Single(t => t.What == "that of another observation" && t.About == "instruction").Changes.Max().ShouldBeGreaterThan(0);
        trials.Single(t => t.What == "grey").Changes.Max().ShouldBeGreaterThan(0);
    }

    [Theory]
    [InlineData("smolvla", true)]
    [InlineData("pi0", true)]
    [InlineData("pi05", true)]
    public void Every_camera_is_left_out_and_every_change_is_made_under_the_same_noise(string name, bool hasState)
    {
        using var policy = FlowExample.Open(name);
        var first = FlowExample.Observe(name);
        var second = FlowExample.Observe(name, "stop") with { Cameras = first.Cameras.ToDictionary(c => c.Key, _ => Picture.Plain(40, 30, (9, 9, 200))) };
        var trials = new Diagnosis(policy, [first, second]) { Seeds = 2 }.Run(cancellation: Cancellation);
        trials[0].Changes.ShouldAllBe(c => c > 0);
        foreach (var camera in first.Cameras.Keys)
        {
            trials.Where(t => t.About == $"camera {camera}").Select(t => t.What).ShouldBe(["left out", "grey", "that of another observation"]);
        }

        trials.Any(t => t.About == "state").ShouldBe(hasState);
        trials.Where(t => t.Refused is null).ShouldAllBe(t => t.Changes.Count == 2);
        trials.Single(t => t.What == "words shuffled").Example.Split(' ').ShouldBe(first.Instruction.Split(' '), ignoreOrder: true);
    }

    [Fact]
    public void One_observation_is_too_few()
    {
        using var policy = FlowExample.Open("smolvla");
        Should.Throw<VitrineException>(() => new Diagnosis(policy, [FlowExample.Observe("smolvla")]).Run(cancellation: Cancellation)).Message
            .ShouldContain("expected at least two");
    }

    [Theory]
    [InlineData("grasp the cube", "take the block")]
    [InlineData("do it", "please do it")]
    public void A_paraphrase_means_the_same(string said, string other) => Rewording.Paraphrased(said, Rewording.Synonyms).ShouldBe(other);

    [Fact]
    public void Words_are_reversed_shuffled_and_made_vaguer()
    {
        Rewording.Reversed("reach the red cube").ShouldBe("cube red the reach");
        Rewording.Vaguer("reach the red cube").ShouldBe("reach it");
        Rewording.Shuffled("reach the red cube", 1).ShouldNotBe("reach the red cube");
        Rewording.Shuffled("up up", 1).ShouldBe("up up");
    }
}
