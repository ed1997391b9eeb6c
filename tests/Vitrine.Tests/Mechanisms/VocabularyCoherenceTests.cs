using Vitrine.Mechanisms.ValueVectors;
using static TorchSharp.torch;

namespace Vitrine.Tests.Mechanisms;

/// <summary>Coherence of what neurons write, where it is known: groups of parallel rows, and rows without any order.</summary>
public class VocabularyCoherenceTests
{
    [Fact]
    public void Neurons_that_write_one_group_of_parallel_rows_are_coherent_and_others_are_not()
    {
        // 8 groups of 10 tokens, the rows of a group are one axis of 8: their mean taken away, two of a group have cosine 1, two others -1/7.
        using var rows = eye(8).repeat_interleave(10, 0);
        int[] valid = [.. Enumerable.Range(0, 80)];
        int[] Group(int g) => [.. Enumerable.Range(10 * g, 10)];
        int[] Mixed(int shift) => [.. Enumerable.Range(0, 10).Select(i => (10 * (i % 8)) + ((i + shift) % 10))];
        var grouped = VocabularyCoherence.Of([[.. Enumerable.Range(0, 8).Select(g => Reading(Group(g)))]], rows, valid)[0];
        grouped.Coherent.ShouldBe(1);
        grouped.Mean.ShouldBe(1, 1e-5);
        grouped.Shuffled.ShouldBeInRange(-0.2, 0.3);
        grouped.Best.Count.ShouldBe(3);
        var mixed = VocabularyCoherence.Of([[.. Enumerable.Range(0, 8).Select(s => Reading(Mixed(s)))]], rows, valid)[0];
        // Of the 45 pairs two are of one group (tokens 0 and 8, 1 and 9): (2 - 43 / 7) / 45.
        mixed.Mean.ShouldBe((2 - (43 / 7.0)) / 45, 1e-5);
        mixed.Coherent.ShouldBeLessThan(0.5);
    }

    private static NeuronReading Reading(int[] top) => new(top, new float[top.Length], top, new float[top.Length]);
}
