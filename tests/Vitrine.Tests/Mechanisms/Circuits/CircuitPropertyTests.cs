using Vitrine.Mechanisms.Circuits;
using Vitrine.Transformers;
using Vitrine.Transformers.Points;
using static TorchSharp.torch;

namespace Vitrine.Tests.Mechanisms.Circuits;

public sealed class CircuitPropertyTests
{
    public static TheoryData<string> Models => CircuitPairs.All;

    [Theory, MemberData(nameof(Models))]
    public void A_circuit_of_all_edges_is_the_model_and_an_empty_one_the_corrupted_run(string name)
    {
        using var of = CircuitPairs.Of(name);
        var pair = of.Pair;
        foreach (var axis in (EdgeAxis[])[EdgeAxis.None, EdgeAxis.Positions])
        {
            var scores = pair.Score(EdgeMethod.Eap, new EdgeOptions { Axis = axis });
            scores.Count.ShouldBeGreaterThan(0);
            Circuit[] ends = [Circuit.Top(scores, scores.Count), Circuit.Top(scores, 0)];
            foreach (var onClean in (bool[])[true, false])
            {
                var found = pair.Run(ends, new CircuitRunOptions { OnClean = onClean });
                ShouldBeNear(found[0], pair.CleanValues);
                ShouldBeNear(found[1], pair.CorruptedValues);
            }
        }

        Math.Abs(pair.CleanValues[0] - pair.CorruptedValues[0]).ShouldBeGreaterThan(1e-7);
    }

    [Theory, MemberData(nameof(Models))]
    public void Edges_sum_to_the_score_of_the_node_that_they_leave_or_enter(string name)
    {
        using var of = CircuitPairs.Of(name);
        var (pair, graph) = (of.Pair, of.Pair.Graph);
        var shape = pair.Clean.Shape;
        var mlp = shape.Points.Contains(Point.MlpOutPost) ? "mlp.out_post" : "mlp.out";
        string[] points = [.. Enumerable.Range(0, shape.Layers).SelectMany(l => new[] { $"{shape.Name}.{l}.attn.z@*", $"{shape.Name}.{l}.{mlp}@*" }),
            $"{shape.Name}.{shape.Layers - 1}.resid_post@*"];
        using var clean = pair.Clean.Run(new RunPlan { Gradients = points });
        using var corrupted = pair.Corrupted.Run(new RunPlan { Capture = points });
        using var scope = NewDisposeScope();
        var gradients = clean.Run.GradientsOf(_ => pair.Metric.Of(clean).mean());
        var scores = pair.Score(EdgeMethod.Eap);
        var isSandwich = pair.Clean.Stack.Spec.Norms == Vitrine.Transformers.Engine.NormPlaces.SandwichNorm;
        for (var layer = 0; layer < shape.Layers; layer++)
        {
            Equal(scores.OfWriter(graph.Writer($"m{layer}")), Product(layer, mlp).sum(), $"m{layer}");
            var heads = Product(layer, "attn.z");
            for (var h = 0; h < heads.shape[2] && !isSandwich; h++)
            {
                Equal(scores.OfWriter(graph.Writer($"a{layer}.{h}")), heads.select(2, h).sum(), $"a{layer}.{h}");
            }
        }

        Equal(scores.OfReader(graph.Readers.Count - 1), Product(shape.Layers - 1, "resid_post").sum(), "outcome");

        // Of all passes together: the sum over rows and positions of derivative times difference.
        Tensor Product(int layer, string point)
        {
            var all = gradients.Keys.Where(a => a.Layer == layer && a.Point.Name == point)
                .Select(a => gradients[a] * (clean.Run.Activations[a] - corrupted.Run.Activations[a])).ToArray();
            return all.Select(p => p.sum(1, keepdim: true)).Aggregate((a, b) => a + b);
        }

        static void Equal(double found, Tensor expected, string node)
        {
            var value = expected.item<double>();
            found.ShouldBe(value, 1e-5 * Math.Max(1e-2, Math.Abs(value)), node);
        }
    }

    [Theory, InlineData("embedded:tabletop"), InlineData("embedded:tabletop-flow"), InlineData("smolvla"), InlineData("pi0"), InlineData("pi05")]
    public void Of_a_small_difference_edges_carry_by_intervention_what_attribution_says(string name)
    {
        using var of = CircuitPairs.OfNearPictures(name);
        // Over several passes at once an edge's patches also meet each other; pass by pass they do not.
        foreach (var axis in (EdgeAxis[])[EdgeAxis.Steps, EdgeAxis.Positions])
        {
            var scores = of.Pair.Score(EdgeMethod.Eap, new EdgeOptions { Axis = axis });
            var ranked = scores.Ranked();
            ScoredEdge[] some = [.. ranked.Take(20), .. ranked.Skip(20).Where((_, i) => i % (ranked.Count / 20) == 0)];
            var exact = of.Pair.Patched(some, new EdgeOptions { Axis = axis });
            var least = 1e-2 * Math.Abs(ranked[0].Score);
            foreach (var (attributed, patched) in some.Zip(exact))
            {
                patched.Score.ShouldBe(attributed.Score, 2e-2 * Math.Max(Math.Abs(attributed.Score), least), $"{attributed}");
            }
        }
    }

    [Theory, InlineData("gpt2"), InlineData("llama"), InlineData("embedded:tabletop"), InlineData("embedded:tabletop-flow")]
    public void Positions_and_steps_sum_to_the_whole(string name)
    {
        using var of = CircuitPairs.Of(name);
        var whole = of.Pair.Score(EdgeMethod.Eap);
        var tolerance = 1e-4 * Math.Max(1e-3, Math.Abs(whole.Ranked(1)[0].Score));
        foreach (var axis in (EdgeAxis[])[EdgeAxis.Steps, EdgeAxis.Positions])
        {
            var parts = of.Pair.Score(EdgeMethod.Eap, new EdgeOptions { Axis = axis });
            foreach (var (_, at) in whole.Ids())
            {
                var (writer, reader) = (at / whole.Graph.Readers.Count, at % whole.Graph.Readers.Count);
                parts[writer, reader].ShouldBe(whole[writer, reader], tolerance);
            }
        }
    }

    [Fact]
    public void One_row_after_the_other_gives_the_mean_of_all()
    {
        using var of = CircuitPairs.Of("gpt2");
        var together = of.Pair.Score(EdgeMethod.CleanCorrupted);
        var apart = of.Pair.Score(EdgeMethod.CleanCorrupted, new EdgeOptions { RowsAtOnce = 1 });
        foreach (var (cell, at) in together.Ids())
        {
            apart.Value(cell, at).ShouldBe(together.Value(cell, at), 1e-6);
        }
    }

    [Fact]
    public void One_point_on_the_way_is_the_clean_run_and_many_come_near_the_exact_sum()
    {
        using var of = CircuitPairs.Of("gpt2");
        var pair = of.Pair;
        var eap = pair.Score(EdgeMethod.Eap);
        foreach (var method in (EdgeMethod[])[EdgeMethod.EapIg, EdgeMethod.EapIgActivations])
        {
            var one = pair.Score(method, new EdgeOptions { WaySteps = 1 });
            foreach (var (cell, at) in eap.Ids())
            {
                one.Value(cell, at).ShouldBe(eap.Value(cell, at), 1e-6);
            }
        }

        // Completeness of integrated gradients: what leaves the embedding is what the metric changes by, inputs moved along the whole way.
        var whole = pair.CleanValues.Average() - pair.CorruptedValues.Average();
        var fine = pair.Score(EdgeMethod.EapIg, new EdgeOptions { WaySteps = 200 });
        fine.OfWriter(0).ShouldBe(whole, .02 * Math.Max(.1, Math.Abs(whole)));
        Math.Abs(eap.OfWriter(0) - whole).ShouldBeGreaterThan(Math.Abs(fine.OfWriter(0) - whole));
    }

    private static void ShouldBeNear(IReadOnlyList<double> found, IReadOnlyList<double> expected)
    {
        foreach (var (row, value) in expected.Index())
        {
            found[row].ShouldBe(value, 5e-6 * Math.Max(1, Math.Abs(value)));
        }
    }
}
