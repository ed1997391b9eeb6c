using Vitrine.Mechanisms.Experts;
using Vitrine.Policies;
using Vitrine.Policies.Flow;
using Vitrine.Tests.Policies.Flow;
using Vitrine.Worlds;
using Vitrine.Worlds.Tabletop;

namespace Vitrine.Tests.Mechanisms;

/// <summary>Where an expert looks, and how its chunk takes shape.</summary>
public sealed class ExpertAttentionTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public static TheoryData<string> Policies => FlowExample.All;

    [Theory, MemberData(nameof(Policies))]
    public void All_that_a_layer_looks_at_is_pictures_words_state_and_chunk(string name)
    {
        using var policy = FlowExample.Open(name);
        var looks = ExpertAttention.Of(policy, [FlowExample.Observe(name)], cancellation: Cancellation);
        looks.Count.ShouldBe(policy.Expert.Shape.Layers);
        looks.Any(l => l.Chunk is null).ShouldBe(name == "smolvla", "every other layer of SmolVLA reads the prompt alone");
        foreach (var look in looks)
        {
            (look.Pictures[0] + look.Words[0] + look.State[0] + (look.Chunk?[0] ?? 0)).ShouldBe(1, 1e-4, $"layer {look.Layer}");
            look.State[0].ShouldBe(name == "pi05" ? 0 : look.State[0], "pi0.5 has its state among the words");
        }

        var strongest = ExpertAttention.Strongest(policy, FlowExample.Observe(name), 3, Cancellation);
        strongest.Count.ShouldBe(Math.Min(3, policy.Expert.Shape.Layers * policy.Expert.Shape.Heads));
        strongest.ShouldAllBe(l => l.Stack == policy.Expert.Shape.Name && l.MassOnPicture > 0 && l.MassOnPicture <= 1 + 1e-6);
    }

    /// <remarks>
    /// The reference's 64 states: words .623 in layer 1, pictures .699 in layer 2, the chunk .260 in layer 0, the state .346 in layer 5; .06 for other states.
    /// </remarks>
    [Fact]
    public void The_expert_of_the_tabletop_looks_where_the_reference_s_did()
    {
        using var policy = (FlowPolicy)Policy.Open("embedded:tabletop-flow");
        var states = TabletopStates.Draw(11, LayoutSplit.Test, TabletopWorld.TaskNames, 24, adverbs: true);
        var looks = ExpertAttention.Of(policy, states, cancellation: Cancellation);
        looks[1].Words.Average().ShouldBe(.623, .06);
        looks[2].Pictures.Average().ShouldBe(.699, .06);
        looks[0].Chunk!.Average().ShouldBe(.260, .06);
        looks[5].State.Average().ShouldBe(.346, .06);
    }

    [Theory, MemberData(nameof(Policies))]
    public void A_chunk_s_course_begins_with_the_noise_and_ends_with_the_chunk(string name)
    {
        using var policy = FlowExample.Open(name);
        var (seen, noise) = (FlowExample.Observe(name), ActNoise.OfSeed(4));
        var course = ChunkCourse.Of(policy, seen, noise, Cancellation);
        using var run = policy.Act([seen], options: new ActOptions { Noise = noise }, cancellation: Cancellation);
        course.Steps.ShouldBe(policy.FlowSteps);
        course.Values[^1].SelectMany(r => r).ShouldBe(run.Actions[0].Chunk.SelectMany(r => r));
        var (rows, columns) = policy.NoiseShape!.Value;
        using var drawn = noise.Draw(1, rows, columns);
        course.Normalised[0][0][0].ShouldBe(drawn[0, 0, 0].item<float>(), 1e-6);
        course.DistanceOf(course.Steps).ShouldBe(0);
        course.DistanceOf(0).ShouldBeGreaterThan(0);
    }
}
