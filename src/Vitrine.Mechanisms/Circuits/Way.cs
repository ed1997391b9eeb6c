using Vitrine.Mechanisms.Pictures;
using Vitrine.Transformers.Edits;
using Vitrine.Transformers.Engine;
using Vitrine.Transformers.Points;
using static TorchSharp.torch;

namespace Vitrine.Mechanisms.Circuits;

/// <summary>Runs on the way between two others.</summary>
internal sealed class Way : IDisposable
{
    private readonly CircuitGraph graph;
    private readonly WriterRecord towards;
    private readonly Dictionary<(int Step, int Layer, bool IsMlp), Tensor> read = [];
    private readonly Dictionary<(int Step, int Layer), Tensor> streams = [];
    private readonly double at;

    private Way(CircuitGraph graph, WriterRecord towards, double at) => (this.graph, this.towards, this.at) = (graph, towards, at);

    /// <summary>What leads there.</summary>
    public Edit Edit { get; private set; } = null!;

    /// <summary>What comes into the stack stands between what came in there in two runs.</summary>
    public static HookEdit OfSources(CircuitGraph graph, WriterRecord clean, WriterRecord corrupted, double at)
        => new(
            [
                new Address(graph.Stack.Shape.Name, null, Point.Embed).ToString(),
                .. graph.Stack.Specs.Index().SelectMany(l => WriterRecord.PrefixPoints(l.Item).Select(p => graph.At(l.Index, p))),
            ],
            (x, pass, place) =>
            {
                var (from, to) = (Passed(corrupted, pass.Step), Passed(clean, pass.Step));
                return place.Layer is { } layer
                    ? Between(from.Of(place.Point)[layer]!, to.Of(place.Point)[layer]!, at, x)
                    : Between(from.Embed, to.Embed, at, x);
            });

    /// <summary>What the heads of a layer write stands between what they wrote in two runs.</summary>
    public static HookEdit OfHeads(CircuitGraph graph, WriterRecord clean, WriterRecord corrupted, int layer, double at)
        => new(
            [graph.At(layer, Point.AttnZ)],
            (x, pass, _) => Between(Passed(corrupted, pass.Step).Z[layer]!, Passed(clean, pass.Step).Z[layer]!, at, x));

    /// <summary>What the feed-forward of a layer writes stands between what it wrote in two runs.</summary>
    public static HookEdit OfMlp(CircuitGraph graph, WriterRecord clean, WriterRecord corrupted, int layer, double at)
        => new(
            [graph.At(layer, WriterRecord.Mlp(graph))],
            (x, pass, _) => Between(Passed(corrupted, pass.Step).Mlps[layer]!, Passed(clean, pass.Step).Mlps[layer]!, at, x));

    /// <summary>Every reader reads between what is written and what was written in another run.</summary>
    public static Way OfEdges(CircuitGraph graph, WriterRecord towards, double at)
    {
        var way = new Way(graph, towards, at);
        way.Edit = new HookEdit(
            [
                .. Enumerable.Range(0, graph.Layers).SelectMany(l => new[] { Point.ResidPre, Point.AttnIn, Point.ResidMid, Point.MlpIn }
                    .Where(graph.Stack.Shape.Points.Contains).Select(p => graph.At(l, p))),
                graph.At(graph.Layers - 1, Point.ResidPost),
            ],
            way.Step);
        return way;
    }

    /// <summary>What the norm in front of attention or the feed-forward read.</summary>
    public Tensor Read(int pass, int layer, bool isMlp) => read[(towards.Passes[pass].Step, layer, isMlp)];

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var tensor in read.Values.Concat(streams.Values))
        {
            tensor.Dispose();
        }
    }

    private Tensor Step(Tensor x, Pass pass, Address place)
    {
        var layer = place.Layer!.Value;
        var (own, other) = ((pass.Step, layer), Passed(towards, pass.Step));
        if (place.Point == Point.ResidPre || place.Point == Point.ResidMid)
        {
            Keep(streams, own, x);
            return x;
        }

        if (place.Point == Point.ResidPost)
        {
            using var last = other.Mlps[layer]!.Widened().Plus((other.Mid[layer] ?? other.Pre[layer]!).Widened());
            return Between(x, graph.Stack.Specs[layer].Parallel ? last.Plus(Attended(other, layer)) : last, at, x);
        }

        var isMlp = place.Point == Point.MlpIn;
        var norm = isMlp ? graph.Stack.At(layer).Weights.MlpNorm! : graph.Stack.At(layer).Weights.AttentionNorm!;
        var between = Between(streams[own], isMlp ? other.Mid[layer] ?? other.Pre[layer]! : other.Pre[layer]!, at, x);
        Keep(read, (pass.Step, layer, isMlp), between.detach());
        return norm.Apply(between, pass.Condition).Normed;
    }

    /// <summary>What attention of a parallel block added: the heads' shares and the bias.</summary>
    private Tensor Attended(PassRecord other, int layer)
    {
        var block = other.Block(layer);
        var sum = PassRecord.HeadsWritten(block, other.Z[layer]!, other.Outs[layer], other.Condition).sum([0]);
        return block.Output.Bias is { } bias ? sum.Plus(bias.Widened()) : sum;
    }

    private static PassRecord Passed(WriterRecord record, int step)
        => record.Passes.FirstOrDefault(p => p.Step == step)
            ?? throw new VitrineException($"circuit: the other run has no pass {step}; the two do not answer in as many.");

    private static Tensor Between(Tensor from, Tensor to, double at, Tensor like)
    {
        using var weight = tensor(at, from.dtype.OfSums(), device: from.device);
        return from.Widened().Plus(to.Widened().Minus(from.Widened()) * weight).RoundedAs(like);
    }

    private static void Keep<T>(Dictionary<T, Tensor> kept, T key, Tensor x)
        where T : notnull
    {
        if (kept.Remove(key, out var before))
        {
            before.Dispose();
        }

        kept[key] = x.alias().DetachFromDisposeScope();
    }
}
