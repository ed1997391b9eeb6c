using Vitrine.Mechanisms.Diagnoses;
using Vitrine.Policies;
using Vitrine.Tests.Policies;
using Vitrine.Tests.Policies.Flow;
using Vitrine.Worlds;

namespace Vitrine.Tests.Mechanisms;

/// <summary>Consecutive chunks beside each other where they overlap, and beside other noise.</summary>
public sealed class ChunkConsistencyTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    /// <remarks>By hand: rows 1.. of a chunk beside rows 0.. of the next one, and the next one under seed + 1 beside itself.</remarks>
    [Fact]
    public void Rows_that_were_not_carried_out_are_held_against_the_next_chunk()
    {
        using var policy = FlowExample.Open("smolvla");
        Turn[] turns = [Turn("pick up the red block", 0, 5), Turn("pick up the block red", 1, 9)];
        var found = ChunkConsistency.Of(policy, [turns], carried: 1, seeds: 1, Cancellation);
        var (before, after, other) = (Chunk(turns[0], 5), Chunk(turns[1], 9), Chunk(turns[1], 10));
        found.Rows.ShouldBe(before.Count - 1);
        found.Pairs.ShouldBe(1);
        found.Apart.ShouldHaveSingleItem().ShouldBe(Far(before.Skip(1), after), 1e-4);
        found.Noise.ShouldHaveSingleItem().ShouldBe(Far(after.SkipLast(1), other), 1e-4);

        IReadOnlyList<IReadOnlyList<double>> Chunk(Turn turn, long seed)
        {
            using var run = policy.Act([turn.Seen], options: new ActOptions { Noise = ActNoise.OfSeed(seed) }, cancellation: Cancellation);
            return run.Actions[0].Normalised;
        }

        static double Far(IEnumerable<IReadOnlyList<double>> a, IEnumerable<IReadOnlyList<double>> b)
            => Math.Sqrt(a.Zip(b).SelectMany(r => r.First.Zip(r.Second, (x, y) => Math.Pow(x - y, 2))).Average());

        static Turn Turn(string said, int step, long seed) => new(FlowExample.Observe("smolvla", said), 0, step) { NoiseSeed = seed };
    }

    [Fact]
    public void What_has_no_overlap_is_told()
    {
        using var policy = NumberPolicy.Open();
        var units = policy.With(units: policy.UnitKeys.First());
        var given = ActingSequences.Given(NumberPolicy.States(3), carried: 1, seed: 1);
        var found = ChunkConsistency.Of(units, given, carried: 1, seeds: 2, Cancellation);
        found.Noise.ShouldAllBe(n => n == 0, "it starts from no noise");
        found.Apart.Count.ShouldBe(2);
        Should.Throw<VitrineException>(() => ChunkConsistency.Of(units, given, carried: 2, seeds: 2, Cancellation)).Message.ShouldContain("none in common");
        Should.Throw<VitrineException>(() => ChunkConsistency.Of(units, [[given[0][0]]], carried: 1, seeds: 2, Cancellation)).Message
            .ShouldContain("one behind the other");
    }

    [Fact]
    public void In_closed_loop_each_sequence_is_what_was_seen_when_the_policy_acted_anew()
    {
        using var policy = Policy.Open("embedded:tabletop-flow");
        var sequences = ActingSequences.InTabletop(policy, seed: 3, episodes: 3, carried: 4, Cancellation);
        sequences.Count.ShouldBe(3);
        foreach (var turns in sequences)
        {
            turns.Select(t => t.Step).ShouldBe(Enumerable.Range(0, turns.Count).Select(i => 4 * i));
            turns.Select(t => t.Seen.State["state"].Values[0]).Distinct().Count().ShouldBe(turns.Count, "the robot moves");
        }
    }
}
