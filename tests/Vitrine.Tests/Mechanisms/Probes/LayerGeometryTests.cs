using Vitrine.Mechanisms.Geometry;
using Vitrine.Mechanisms.Probes;
using Vitrine.Mechanisms.Statistics;
using static TorchSharp.torch;

namespace Vitrine.Tests.Mechanisms.Probes;

public sealed class LayerGeometryTests : IDisposable
{
    private readonly IDisposable scope = NewDisposeScope();

    [Fact]
    public void Every_pair_of_layers_is_as_alike_as_the_two_alone()
    {
        ProbedLayer[] one = [new(0, "a.0.x", Noise(30, 6, 1)), new(1, "a.1.x", Noise(30, 6, 2)), new(2, "a.2.x", Noise(30, 40, 3))];
        ProbedLayer[] other = [new(0, "b.0.x", Noise(30, 6, 4)), new(1, "b.1.x", one[1].Activations * 3 + (Noise(30, 6, 5) * .2))];
        var found = LayerSimilarity.Of(one, other, shuffles: 8);
        foreach (var (i, a) in one.Index())
        {
            foreach (var (j, b) in other.Index())
            {
                found.Cka[i][j].ShouldBe(Similarity.LinearCka(a.Activations, b.Activations), 1e-10);
                found.Unbiased[i][j].ShouldBe(Similarity.UnbiasedCka(a.Activations, b.Activations), 1e-10);
            }
        }

        found.Matches[1].Beside.ShouldBe("b.1.x");
        found.Matches[1].Disparity!.Value.ShouldBe(Procrustes.Fit(one[1].Activations, other[1].Activations).Disparity, 1e-10);
        found.Matches[1].ShuffledDisparity!.Value.ShouldBeGreaterThan(.3);
        found.Matches[1].Disparity!.Value.ShouldBeLessThan(.05);
        found.Matches[2].Disparity.ShouldBeNull();
        found.Cka[2][0].ShouldBe(found.Shuffled[2][0], .12);                                               // unrelated: what width and number of examples give
    }

    [Fact]
    public void A_reading_beside_itself_is_the_same_and_is_matched_with_its_next_layer()
    {
        ProbedLayer[] layers = [new(0, "a.0.x", Noise(20, 50, 1)), new(1, "a.1.x", Noise(20, 50, 2)), new(2, "a.2.x", Noise(20, 50, 3))];
        var found = LayerSimilarity.Of(layers, shuffles: 3);
        Enumerable.Range(0, 3).ShouldAllBe(i => Math.Abs(found.Cka[i][i] - 1) < 1e-10 && Math.Abs(found.Unbiased[i][i] - 1) < 1e-10);
        found.Matches.Select(m => (m.Place, m.Beside)).ShouldBe([("a.0.x", "a.1.x"), ("a.1.x", "a.2.x")]);
        found.Matches[0].Disparity!.Value.ShouldBe(Procrustes.Fit(layers[0].Activations, layers[1].Activations).Disparity, 1e-10); // wider than it is long
    }

    [Fact]
    public void Groups_that_lie_apart_are_found_and_an_even_cloud_is_as_its_shuffles()
    {
        var centres = (Noise(3, 5, 7) * 9).index_select(0, tensor(Enumerable.Range(0, 60).Select(i => (long)(i % 3)).ToArray()));   // no line of three
        ProbedLayer[] layers = [new(0, "a.0.x", Noise(60, 5, 1) + centres), new(1, "a.1.x", Noise(60, 5, 2))];
        var found = LayerGeometry.Of(layers, clusters: 3, shuffles: 19, seed: 2);
        found[0].Clusters!.Silhouette.ShouldBeGreaterThan(.6);
        found[0].Clusters!.P.ShouldBe(1 / 20.0, 1e-12);
        Enumerable.Range(0, 60).GroupBy(i => i % 3).ShouldAllBe(g => g.Select(i => found[0].Clusters!.Assignments[i]).Distinct().Count() == 1);
        found[1].Clusters!.P.ShouldBeGreaterThan(.05);
    }

    [Fact]
    public void The_components_that_are_needed_are_those_of_the_plane()
    {
        var plane = Noise(40, 2, 1).matmul(Noise(2, 9, 2));
        var found = LayerGeometry.Of([new(0, "a.0.x", plane), new(1, "a.1.x", Noise(5, 9, 3).index_select(0, tensor(Repeated)))]);
        found[0].Needed.ShouldBeLessThanOrEqualTo(2);
        (found[0].Shares[0] + found[0].Shares[1]).ShouldBe(1, 1e-9);
        found[0].ParticipationRatio.ShouldBe(IntrinsicDimension.ParticipationRatio(plane), 1e-12);
        found[0].TwoNearestNeighbours!.Value.ShouldBe(IntrinsicDimension.TwoNearestNeighbours(plane), 1e-12);
        found[1].TwoNearestNeighbours.ShouldBeNull();                                                      // five different examples
    }

    [Fact]
    public void Concepts_that_only_exclude_each_other_are_entangled_beyond_shuffled_coordinates_and_not_beyond_shuffled_labels()
    {
        string[] kinds = ["a", "b", "c"];
        var found = LayerEntanglement.Of(
            [new(0, "a.0.x", Noise(90, 30, 4))], [.. kinds.Select((k, i) => (k, (IReadOnlyList<bool>)[.. Enumerable.Range(0, 90).Select(e => e % 3 == i)]))],
            new ProbeRecipe { Kind = ProbeKind.MassMean });
        found[0].Found.Mean.ShouldBeGreaterThan(.3);
        found[0].Found.P.ShouldBeLessThan(.01);
        found[0].ShuffledLabels.Mean.ShouldBe(found[0].Found.Mean, .12);
        found[0].P.ShouldBeGreaterThan(.05);
    }

    [Fact]
    public void Concepts_on_one_axis_are_entangled_beyond_shuffled_labels()
    {
        var random = new RandomStream("axis");
        bool[] warm = [.. Enumerable.Range(0, 120).Select(_ => random.Chance(.5))], fast = [.. Enumerable.Range(0, 120).Select(_ => random.Chance(.5))];
        var axis = tensor(Enumerable.Range(0, 120).Select(i => (warm[i] ? 3.0 : 0) + (fast[i] ? 3.0 : 0)).ToArray()).unsqueeze(1) * Noise(1, 40, 9);
        var found = LayerEntanglement.Of(
            [new(0, "a.0.x", Noise(120, 40, 4) + axis)], [("warm", warm), ("fast", fast)], new ProbeRecipe { Kind = ProbeKind.MassMean });
        found[0].Found.Mean.ShouldBeGreaterThan(.8);
        found[0].P.ShouldBe(1 / 21.0, 1e-12);
    }

    public static TheoryData<string, Action> Refusals()
    {
        ProbedLayer layer = new(0, "a.0.x", rand(8, 2)), still = new(0, "a.0.x", ones(8, 2));
        bool[] half = [true, true, true, true, false, false, false, false];
        return new()
        {
            { "geometry: 2 examples", () => LayerGeometry.Of([new(0, "a.0.x", rand(2, 2))]) },
            { "geometry: 8 examples, 5 clusters", () => LayerGeometry.Of([layer], clusters: 5) },
            { "a.0.x: is the same in all 8 examples", () => LayerGeometry.Of([still]) },
            { "a.0.x: is the same in all 8 examples", () => LayerSimilarity.Of([layer], [still]) },
            { "CKA: 8 examples and 20 shuffles; expected the same examples", () => LayerSimilarity.Of([layer], [new(0, "b.0.x", rand(7, 2))]) },
            { "entanglement: 1 concepts", () => LayerEntanglement.Of([layer], [("a", half)]) },
            { "entanglement: all of 8 examples have concept 'b'", () => LayerEntanglement.Of([layer], [("a", half), ("b", [.. half.Select(_ => true)])]) },
            {
                "entanglement: concepts 'a' and 'b' split the 8 examples alike",
                () => LayerEntanglement.Of([layer], [("a", half), ("b", [.. half.Select(h => !h)])])
            },
        };
    }

    [Theory, MemberData(nameof(Refusals), DisableDiscoveryEnumeration = true)]
    public void Bad_input_is_refused_in_one_line(string begins, Action act) => Should.Throw<VitrineException>(act).Message.ShouldStartWith(begins);

    public void Dispose() => scope.Dispose();

    private static long[] Repeated => [.. Enumerable.Range(0, 40).Select(i => (long)(i % 5))];

    private static Tensor Noise(long rows, long columns, ulong seed)
    {
        var random = new RandomStream($"geometry noise/{seed}");
        return tensor(Enumerable.Range(0, (int)(rows * columns)).Select(_ => random.Gaussian()).ToArray(), [rows, columns]);
    }
}
