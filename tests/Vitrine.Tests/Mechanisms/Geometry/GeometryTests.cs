using Vitrine.Mechanisms.Geometry;
using static TorchSharp.torch;

namespace Vitrine.Tests.Mechanisms.Geometry;

public sealed class GeometryTests : IDisposable
{
    private readonly IDisposable scope = NewDisposeScope();
    private readonly Tensor x;

    public GeometryTests() => x = Random(60, 7, seed: 3);

    [Fact]
    public void Rotated_scaled_and_moved_examples_are_alike()
    {
        var turned = (x.matmul(Rotation(7)) * 3.5) + 2;
        Similarity.LinearCka(x, turned).ShouldBe(1, 1e-12);
        Similarity.UnbiasedCka(x, turned).ShouldBe(1, 1e-12);
        Procrustes.Fit(x, turned).Disparity.ShouldBe(0, 1e-12);
    }

    [Fact]
    public void Unrelated_examples_are_alike_by_the_biased_measure_and_not_by_the_unbiased_one()
    {
        var (a, b) = (Random(40, 60, seed: 1), Random(40, 60, seed: 2));
        Similarity.LinearCka(a, b).ShouldBeGreaterThan(.5);
        Math.Abs(Similarity.UnbiasedCka(a, b)).ShouldBeLessThan(.1);
    }

    [Fact]
    public void Procrustes_finds_the_rotation()
    {
        var rotation = Rotation(7);
        var found = Procrustes.Fit(x, x.matmul(rotation));
        found.Rotation.SelectMany(r => r).Zip(rotation.data<double>().ToArray()).ShouldAllBe(p => Math.Abs(p.First - p.Second) < 1e-10);
        found.Scale.ShouldBe(x.square().sum().item<double>(), 1e-8);
    }

    [Fact]
    public void Components_of_examples_on_a_plane_explain_all_and_whitened_scores_have_unit_variance()
    {
        var flat = Random(50, 2, seed: 5).matmul(Random(2, 9, seed: 6));
        var found = PrincipalComponents.Of(flat, 2);
        found.Shares.Sum().ShouldBe(1, 1e-12);
        found.Components.ShouldAllBe(c => c.MaxBy(Math.Abs) > 0 && Math.Abs(c.Sum(v => v * v) - 1) < 1e-12);
        for (var k = 0; k < 2; k++)
        {
            found.Scores(flat, whitened: true).Sum(s => s[k] * s[k]).ShouldBe(49, 1e-9);
        }
    }

    [Fact]
    public void Clusters_that_lie_apart_are_found()
    {
        var apart = cat([x * .01, (x * .01) + 1, (x * .01) - 1]);
        var found = Clusters.Fit(apart, 3, seed: 2);
        found.Assignments.Chunk(60).ShouldAllBe(c => c.Distinct().Count() == 1);
        found.Assignments.Distinct().Count().ShouldBe(3);
        Clusters.Silhouette(apart, found.Assignments).ShouldBeGreaterThan(.9);
        found.Inertia.ShouldBe(3 * (x * .01 - (x * .01).mean([0])).square().sum().item<double>(), 1e-9);
    }

    [Fact]
    public void A_cluster_that_loses_its_members_gets_the_farthest_example()
    {
        var points = tensor(new double[] { 0, 1, 2, 50 }, [4, 1]);
        var found = Clusters.From(points, tensor(new double[] { 1, -900 }, [2, 1]));
        found.Assignments.ShouldBe([0, 0, 0, 1]);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(4)]
    public void The_dimension_of_a_flat_sheet_is_found_in_a_wide_space(int dimension)
    {
        var sheet = Random(600, dimension, seed: 8).matmul(linalg.qr(Random(20, dimension, seed: 9)).Q.t());
        IntrinsicDimension.TwoNearestNeighbours(sheet).ShouldBe(dimension, .25 * dimension);
        IntrinsicDimension.ParticipationRatio(sheet).ShouldBe(dimension, .1 * dimension);
    }

    [Fact]
    public void A_curve_is_one_dimensional_by_its_neighbours_and_more_by_its_variance()
    {
        var at = Random(500, 1, seed: 4).squeeze(1) * 10;
        var curve = stack([at.cos(), at.sin()], 1);
        IntrinsicDimension.TwoNearestNeighbours(curve).ShouldBe(1, .25);
        IntrinsicDimension.ParticipationRatio(curve).ShouldBe(2, .1);
    }

    [Fact]
    public void Directions_that_share_an_axis_are_entangled_and_random_ones_are_as_the_shuffled()
    {
        var axis = Random(1, 300, seed: 1).squeeze(0);
        double[][] shared = [.. Enumerable.Range(0, 4).Select(i => (axis + (Random(1, 300, seed: (ulong)(20 + i)).squeeze(0) * .3)).data<double>().ToArray())];
        double[][] apart = [.. Enumerable.Range(0, 4).Select(i => Random(1, 300, seed: (ulong)(40 + i)).data<double>().ToArray())];
        string[] names = ["a", "b", "c", "d"];
        Entanglement.Of(shared, names).ShouldSatisfyAllConditions(e => e.Mean.ShouldBeGreaterThan(.8), e => e.P.ShouldBe(1 / 201.0, 1e-12));
        Entanglement.Of(apart, names).ShouldSatisfyAllConditions(e => e.P.ShouldBeGreaterThan(.05), e => e.Mean.ShouldBe(e.Shuffled.Mean, .05));
        Entanglement.Of(shared, names).Cosines[1][2].ShouldBe(Entanglement.Of(shared, names).Cosines[2][1]);
    }

    public static TheoryData<string, Action> Refusals() => new()
    {
        { "CKA: the examples are [3]; expected [n, d] with at least 2 rows.", () => Similarity.LinearCka(ones(3), ones(3)) },
        { "CKA: 5 examples beside 6; expected the same ones.", () => Similarity.LinearCka(rand(5, 2), rand(6, 2)) },
        { "CKA: a representation does not change", () => Similarity.UnbiasedCka(ones(5, 2), rand(5, 2)) },
        { "CKA: example 1 is no finite number at coordinate 0.", () => Similarity.LinearCka(tensor(new float[] { 1, float.NaN }, [2, 1]), ones(2, 1)) },
        { "Procrustes: [5, 2] beside [5, 3]; expected one shape.", () => Procrustes.Fit(rand(5, 2), rand(5, 3)) },
        { "principal components: 4 of examples [5, 3]; expected 1 to 3.", () => PrincipalComponents.Of(rand(5, 3), 4) },
        { "principal components: all examples are equal.", () => PrincipalComponents.Of(ones(5, 3), 1) },
        { "k-means: 9 clusters of 5 points", () => Clusters.Fit(rand(5, 3), 9) },
        { "silhouette: 5 assignments to 1 clusters", () => Clusters.Silhouette(rand(5, 3), [0, 0, 0, 0, 0]) },
        { "TwoNN: 1 different examples", () => IntrinsicDimension.TwoNearestNeighbours(ones(50, 3)) },
        { "participation ratio: all examples are equal.", () => IntrinsicDimension.ParticipationRatio(ones(5, 3)) },
        { "entanglement: direction 'b' is zero", () => Entanglement.Of([[1, 0], [0, 0]], ["a", "b"]) },
        { "entanglement: 1 directions", () => Entanglement.Of([[1, 0]], ["a"]) },
    };

    [Theory, MemberData(nameof(Refusals), DisableDiscoveryEnumeration = true)]
    public void Bad_input_is_refused_in_one_line(string begins, Action act) => Should.Throw<VitrineException>(act).Message.ShouldStartWith(begins);

    public void Dispose() => scope.Dispose();

    private static Tensor Random(long rows, long columns, ulong seed)
    {
        using var generator = new Generator(seed, CPU);
        return randn([rows, columns], float64, generator: generator);
    }

    private static Tensor Rotation(int size) => linalg.qr(Random(size, size, seed: 77)).Q;
}
