using Vitrine.Mechanisms.Metrics;
using Vitrine.Transformers;
using Vitrine.Transformers.Edits;
using Vitrine.Transformers.Engine;
using Vitrine.Transformers.Points;
using static TorchSharp.torch;

namespace Vitrine.Mechanisms.Circuits;

/// <summary>A run with the derivative of a metric by what every reader reads.</summary>
internal sealed class EdgeGradients : IDisposable
{
    private readonly Dictionary<Address, Tensor> gradients;

    private readonly Dictionary<Address, Tensor> read;

    private EdgeGradients(CircuitGraph graph, WriterRecord record, Dictionary<Address, Tensor> gradients, Dictionary<Address, Tensor> read, double[] values)
        => (Graph, Record, this.gradients, this.read, Values) = (graph, record, gradients, read, values);

    public CircuitGraph Graph { get; }

    /// <summary>What was written in that run.</summary>
    public WriterRecord Record { get; }

    /// <summary>[row]: the metric.</summary>
    public double[] Values { get; }

    /// <param name="graph">Of the subject.</param>
    /// <param name="subject">On whose inputs.</param>
    /// <param name="metric">Its mean over rows is differentiated.</param>
    /// <param name="edits">What is changed meanwhile.</param>
    /// <param name="from">Behind which positions it starts; at the first when null.</param>
    /// <param name="lastAlone">See <see cref="RunPlan.LastColumnAlone"/>.</param>
    /// <param name="cancellation">Stops between passes.</param>
    public static EdgeGradients Of(
        CircuitGraph graph, Subject subject, Metric metric, IReadOnlyList<Edit> edits, RunStart? from, bool lastAlone, CancellationToken cancellation)
    {
        var record = WriterRecord.Of(graph, from?.Column ?? 0);
        using var mode = enable_grad();
        using var run = subject.RunFor(
            metric, new RunPlan { Edits = [.. edits, record.Edit, .. Ungrouped(graph)], Gradients = Places(graph), LastColumnAlone = lastAlone }, from,
            cancellation);
        using var scope = NewDisposeScope();
        var values = metric.Of(run);
        var leaves = run.Run.Activations.Where(a => a.Value.requires_grad).ToArray();
        var found = autograd.grad([values.mean()], [.. leaves.Select(l => l.Value)], allow_unused: true);
        var (gradients, read) = (new Dictionary<Address, Tensor>(), new Dictionary<Address, Tensor>());
        foreach (var (i, (address, leaf)) in leaves.Index())
        {
            var length = lastAlone && record.Passes.FirstOrDefault(p => p.Step == address.Step) is { } pass ? pass.Length : 0;
            gradients[address] = WriterRecord.Whole(found[i] is { IsInvalid: false } gradient ? gradient.detach() : zeros_like(leaf).detach(), length)
                .DetachFromDisposeScope();
            if (address.Point == Point.AttnQ || address.Point == Point.AttnK || address.Point == Point.AttnV)
            {
                read[address] = WriterRecord.Whole(leaf.detach(), length).DetachFromDisposeScope();
            }
        }

        return new EdgeGradients(graph, record, gradients, read, values.detach().to(float64).cpu().data<double>().ToArray());
    }

    /// <summary>Gives each head that shares keys and values its own, so that an edge is one head's.</summary>
    /// <param name="graph">Whose heads.</param>
    /// <param name="start">The first block that runs.</param>
    public static IReadOnlyList<Edit> Ungrouped(CircuitGraph graph, int start = 0)
    {
        string[] places =
        [
            .. graph.Stack.Specs.Index().Skip(start).Where(l => l.Item.Attention.Heads != l.Item.Attention.KeyValueHeads).SelectMany(l => (string[])
            [
                graph.At(l.Index, Point.AttnK), graph.At(l.Index, Point.AttnV),
                .. l.Item.Attention.Keys == KeySource.PrefixThenOwn
                    ? (string[])[graph.At(l.Index, Point.AttnPrefixK), graph.At(l.Index, Point.AttnPrefixV)]
                    : [],
            ]),
        ];
        return places.Length == 0 ? [] : [new HookEdit(places, (x, _, place) => ForEachHead(graph, place.Layer!.Value, x))];
    }

    /// <summary>(B,T,Hkv,hd) as (B,T,H,hd).</summary>
    public static Tensor ForEachHead(CircuitGraph graph, int layer, Tensor x)
    {
        var heads = graph.Heads(layer);
        return x.shape[2] == heads ? x : x.repeat_interleave(heads / x.shape[2], 2);
    }

    /// <summary>The derivative at a point of a pass; null where nothing that is differentiated reads it.</summary>
    public Tensor? At(int layer, Point point, int step) => gradients.GetValueOrDefault(new Address(Graph.Stack.Shape.Name, layer, point, step));

    /// <summary>The queries, keys or values of a pass (B,T,H,hd).</summary>
    public Tensor ReadAt(int layer, Point point, int step) => read[new Address(Graph.Stack.Shape.Name, layer, point, step)];

    /// <inheritdoc/>
    public void Dispose()
    {
        Record.Dispose();
        foreach (var tensor in gradients.Values.Concat(read.Values))
        {
            tensor.Dispose();
        }
    }

    private static IReadOnlyList<string> Places(CircuitGraph graph) =>
    [
        .. graph.Stack.Specs.Index().SelectMany(l => new[] { Point.AttnQ, Point.AttnK, Point.AttnV, Point.MlpIn }
            .Concat(l.Item.Attention.Keys == KeySource.PrefixThenOwn ? [Point.AttnPrefixK, Point.AttnPrefixV] : [])
            .Append(Point.ResidPost).Where(p => p != Point.ResidPost || l.Index == graph.Layers - 1).Select(p => $"{graph.At(l.Index, p)}@*")),
    ];
}
