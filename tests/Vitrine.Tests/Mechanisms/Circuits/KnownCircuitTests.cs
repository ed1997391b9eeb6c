using Vitrine.Mechanisms.Circuits;
using Vitrine.Mechanisms.Metrics;
using Vitrine.Transformers;
using static TorchSharp.torch;

namespace Vitrine.Tests.Mechanisms.Circuits;

public sealed class KnownCircuitTests : IDisposable
{
    private static readonly (string, string)[] Induction = [("embedding", "a0.0.v"), ("a0.0", "a1.1.k"), ("a1.1", "outcome")];

    private readonly string folder = Path.Combine(Path.GetTempPath(), $"vitrine-circuit-{Guid.NewGuid():n}");

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public void An_induction_circuit_is_found_edge_by_edge_by_every_method()
    {
        using var scope = NewDisposeScope();
        using var model = HandSetModels.Induction(folder, sharpness: 1.5);
        using var pair = Pair(model);
        pair.CleanValues[0].ShouldBeGreaterThan(pair.CorruptedValues[0] + 3);
        var difference = pair.CleanValues[0] - pair.CorruptedValues[0];
        var exact = pair.Score(EdgeMethod.Exact);
        Edges(Circuit.Top(exact, 3)).ShouldBe(Induction, ignoreOrder: true);
        Edges(Circuit.Above(exact, .1 * difference)).ShouldBe(Induction, ignoreOrder: true);

        // Attention that is sure of itself has next to no derivative, so that the one taken at the clean run alone misses the key; those on the way do not.
        foreach (var method in (EdgeMethod[])[EdgeMethod.EapIg, EdgeMethod.EapIgActivations, EdgeMethod.EapIgEdges])
        {
            Edges(Circuit.Top(pair.Score(method, new EdgeOptions { WaySteps = 10 }), 3)).ShouldBe(Induction, ignoreOrder: true, $"{method}");
        }

        Edges(Acdc.Find(pair, .1 * difference)).ShouldBe(Induction, ignoreOrder: true);
        Edges(Circuit.Greedy(exact, 3)).ShouldBe([.. Induction.Reverse()], ignoreOrder: true);

        // Its curve: all or nothing, since the three edges are one chain.
        var curves = new CircuitCurves(pair);
        var curve = curves.Of(exact, [0, 1, 2, 3, exact.Count], CircuitSelection.Top, randoms: 4);
        curve.Select(p => p.Kept > .9).ShouldBe([false, false, false, true, true]);
        curve.Take(3).ShouldAllBe(p => Math.Abs(p.Kept) < .1);
        curve[3].Removed.ShouldBe(0, .1);
        curve[3].RandomKept.ShouldAllBe(r => Math.Abs(r) < .1);
        curve[^1].Kept.ShouldBe(1, 1e-9);
        curve[^1].Removed.ShouldBe(0, 1e-9);
        curves.Needs(Circuit.Top(exact, 3)).ShouldAllBe(n => n.Lost > .8);
    }

    [Fact]
    public void Positions_tell_where_each_edge_of_the_induction_circuit_acts()
    {
        using var scope = NewDisposeScope();
        using var model = HandSetModels.Induction(folder, sharpness: 1.5);
        using var pair = Pair(model);
        var top = Circuit.Top(pair.Score(EdgeMethod.Exact, new EdgeOptions { Axis = EdgeAxis.Positions }), 3);
        top.Edges.Select(e => (e.From, e.To, e.Position)).ShouldBe(
            [("embedding", "a0.0.v", 1), ("a0.0", "a1.1.k", 2), ("a1.1", "outcome", 4)], ignoreOrder: true);
        var values = pair.Run([top]);
        new CircuitCurves(pair).Recovered(values[0]).ShouldBeGreaterThan(.9);
    }

    [Fact]
    public void A_search_goes_on_where_it_was_stopped()
    {
        using var scope = NewDisposeScope();
        using var model = HandSetModels.Induction(folder, sharpness: 1.5);
        using var pair = Pair(model);
        var work = Path.Combine(folder, "acdc.json");
        using var cancel = new CancellationTokenSource();
        var stopping = new EdgeOptions { Progress = new Stopper(cancel, .3) };
        Should.Throw<OperationCanceledException>(() => Acdc.Find(pair, .5, stopping, work, cancel.Token));
        File.Exists(work).ShouldBeTrue();
        Edges(Acdc.Find(pair, .5, resume: work)).ShouldBe(Edges(Acdc.Find(pair, .5)));
        Should.Throw<VitrineException>(() => Acdc.Find(pair, .25, resume: work)).Message.ShouldContain("another search");
        var exact = Path.Combine(folder, "exact.json");
        using var again = new CancellationTokenSource();
        Should.Throw<OperationCanceledException>(
            () => pair.Score(EdgeMethod.Exact, new EdgeOptions { Resume = exact, Progress = new Stopper(again, 0) }, again.Token));
        var whole = pair.Score(EdgeMethod.Exact);
        var resumed = pair.Score(EdgeMethod.Exact, new EdgeOptions { Resume = exact });
        whole.Ids().ShouldAllBe(e => whole.Value(e.Cell, e.At) == resumed.Value(e.Cell, e.At));
    }

    [Fact]
    public void On_a_linear_model_attribution_is_the_exact_effect()
    {
        using var scope = NewDisposeScope();
        using var model = HandSetModels.Linear(folder);
        using var pair = new CircuitPair(
            Subject.Of(model, TokenBatch.Of([[1, 2, 3, 4, 5], [6, 7, 8, 9, 10]])), Subject.Of(model, TokenBatch.Of([[1, 2, 13, 4, 5], [6, 17, 8, 9, 11]])),
            new LogitDifferenceMetric([1], [2]));
        var exact = pair.Score(EdgeMethod.Exact);
        var size = Math.Abs(exact.Ranked(1)[0].Score);
        size.ShouldBeGreaterThan(1e-3);
        foreach (var method in Enum.GetValues<EdgeMethod>().Where(m => m != EdgeMethod.EapIgEdges))
        {
            var scores = pair.Score(method);
            exact.Ids().ShouldAllBe(e => Math.Abs(scores.Value(e.Cell, e.At) - exact.Value(e.Cell, e.At)) < 1e-5 * size);
        }
    }

    [Fact]
    public void What_is_no_pair_is_refused_in_one_line()
    {
        using var scope = NewDisposeScope();
        using var model = HandSetModels.Induction(folder, sharpness: 1.5);
        var metric = new LogitMetric([2]);
        var clean = Subject.Of(model, TokenBatch.Of([[0, 1, 2, 3, 1]]));
        Message(TokenBatch.Of([[0, 1, 2, 3]])).ShouldContain("the clean input has 5 tokens, the corrupted one 4");
        Message(TokenBatch.Of([[0, 1, 2, 3, 1]])).ShouldContain("are the same to the model");
        Message(TokenBatch.Of([[0, 1, 2, 3, 1], [0, 1, 2, 3, 1]])).ShouldContain("1 clean inputs and 2 corrupted ones");
        using var same = new CircuitPair(clean, Subject.Of(model, TokenBatch.Of([[0, 4, 2, 3, 1]])), new LogitMetric([7]));
        Should.Throw<VitrineException>(() => Acdc.Find(same, 0)).Message.ShouldContain("the threshold is 0");
        Should.Throw<VitrineException>(() => same.Score(EdgeMethod.EapIg, new EdgeOptions { WaySteps = 0 })).Message.ShouldContain("0 points on the way");
        var circuit = Circuit.Top(same.Score(EdgeMethod.Eap), 1) with { Edges = [new ScoredEdge("a0.9", "outcome", 1)] };
        Should.Throw<VitrineException>(() => same.Run([circuit])).Message.ShouldContain("there is no writer 'a0.9'; the nearest is");

        string Message(TokenBatch corrupted) => Should.Throw<VitrineException>(() =>
        {
            using var pair = new CircuitPair(clean, Subject.Of(model, corrupted), metric);
            pair.Score(EdgeMethod.Eap);
        }).Message;
    }

    [Theory, InlineData("bert-classifier", "norms the sum"), InlineData("qwen3-vl", "adds features of pictures")]
    public void A_stream_that_is_no_sum_is_refused_with_the_reason(string name, string why)
    {
        Directory.CreateDirectory(folder);
        using var model = TextModel.Open(Fixtures.Of("models", name));
        var subject = Subject.Of(model, TokenBatch.Of([[5, 6, 7]]));
        Should.Throw<VitrineException>(() => CircuitGraph.Of(subject)).Message.ShouldContain(why);
    }

    [Fact]
    public void A_circuit_is_the_same_behind_its_json()
    {
        using var scope = NewDisposeScope();
        using var model = HandSetModels.Induction(folder, sharpness: 1.5);
        using var pair = Pair(model);
        var circuit = Circuit.Top(pair.Score(EdgeMethod.Eap, new EdgeOptions { Axis = EdgeAxis.Positions }), 12);
        var read = Circuit.FromJson(circuit.ToJson());
        read.Edges.ShouldBe(circuit.Edges);
        (read.Axis, read.Of, read.Method).ShouldBe((circuit.Axis, circuit.Of, circuit.Method));
        pair.Run([read])[0].ShouldBe(pair.Run([circuit])[0]);
        Should.Throw<VitrineException>(() => Circuit.FromJson("{}", "x.json")).Message.ShouldStartWith("x.json: is no circuit");
        var unreachable = circuit with { Edges = [.. circuit.Edges, new ScoredEdge("a0.1", "a1.0.q", 1)] };
        unreachable.Reachable().Edges.ShouldNotContain(e => e.From == "a0.1");
    }

    /// <remarks>0 begins, 1 is followed by 2; the other text has another word in the place of the first 1.</remarks>
    private static CircuitPair Pair(TextModel model) => new(
        Subject.Of(model, TokenBatch.Of([[0, 1, 2, 3, 1]])), Subject.Of(model, TokenBatch.Of([[0, 4, 2, 3, 1]])), new LogitDifferenceMetric([2], [3]));

    private static IEnumerable<(string, string)> Edges(Circuit circuit) => circuit.Edges.Select(e => (e.From, e.To));

    private sealed class Stopper(CancellationTokenSource cancel, double at) : IProgress<double>
    {
        public void Report(double value)
        {
            if (value > at)
            {
                cancel.Cancel();
            }
        }
    }
}
