using Vitrine.Mechanisms.Pictures;
using Vitrine.Transformers;
using Vitrine.Transformers.Engine;
using Vitrine.Transformers.Points;
using static TorchSharp.torch;

namespace Vitrine.Mechanisms.Circuits;

/// <summary>
/// Sums scores of edges: one matrix of what the writers' outputs differ by (W, B T d) times one product for the readers of a layer, by the derivative of the
/// metric at what they read.
/// </summary>
/// <remarks>
/// No derivative is taken by hundreds of inputs: that of a layer's queries, keys and values (H hd numbers a token) is brought back through the projection, head
/// by head, and the norm's part is a rank one matrix (see <see cref="NormAt"/>).
/// </remarks>
internal sealed class EdgeSum
{
    private readonly CircuitGraph graph;
    private readonly EdgeAxis axis;
    private readonly int[] first;
    private readonly double[][] values;

    /// <param name="graph">Whose edges.</param>
    /// <param name="axis">What tells them apart.</param>
    /// <param name="lengths">Tokens of each pass.</param>
    public EdgeSum(CircuitGraph graph, EdgeAxis axis, IReadOnlyList<int> lengths)
    {
        (this.graph, this.axis) = (graph, axis);
        first = Firsts(axis, lengths);
        values = [.. Enumerable.Range(0, Count(axis, lengths)).Select(_ => new double[graph.Writers.Count * graph.Readers.Count])];
    }

    public double[][] Values => values;

    /// <summary>The first cell of each pass.</summary>
    public static int[] Firsts(EdgeAxis axis, IReadOnlyList<int> lengths)
        => [.. lengths.Select((_, k) => axis switch { EdgeAxis.None => 0, EdgeAxis.Steps => k, _ => lengths.Take(k).Sum() })];

    public static int Count(EdgeAxis axis, IReadOnlyList<int> lengths) => axis switch { EdgeAxis.None => 1, EdgeAxis.Steps => lengths.Count, _ => lengths.Sum() };

    /// <summary>Adds one pass of a run.</summary>
    /// <param name="pass">Its place among the passes.</param>
    /// <param name="gradients">Derivatives.</param>
    /// <param name="difference">(W,B,T,d): what the stream's writers' outputs differ by; written over where the norm takes means away.</param>
    /// <param name="read">(B,T,d): what the norm in front of attention (false) or the feed-forward (true) of a layer read.</param>
    /// <param name="prefix">What a prefix's keys (false) or values (true) of a layer differ by (B,Tp,heads,hd); null where there is none.</param>
    /// <param name="weight">Of the run in the mean.</param>
    /// <param name="writers">Those whose edges are added; all when null.</param>
    public void Add(
        int pass, EdgeGradients gradients, Tensor difference, Func<int, bool, Tensor> read, Func<int, bool, Tensor>? prefix, double weight,
        (int First, int Count)? writers = null)
    {
        using var scope = NewDisposeScope();
        using var mode = no_grad();
        var step = gradients.Record.Passes[pass].Step;
        var condition = gradients.Record.Passes[pass].Condition;
        var (begin, end) = writers is { } some ? (some.First, some.First + some.Count) : (0, graph.StreamWriters);
        var centres = graph.Stack.Spec.Norm.Kind == NormKind.LayerNorm;
        var means = centres ? difference.mean([-1], keepdim: true) : null;                                 // (W, B, T, 1)
        var centred = means is null ? difference : difference.Minus(means);
        var moved = axis == EdgeAxis.Positions ? centred.permute(2, 0, 1, 3).contiguous() : null;          // (T, W, B, d)
        for (var layer = 0; layer < graph.Layers; layer++)
        {
            using var inner = NewDisposeScope();
            Attention(layer);
            Prefix(layer);
            Mlp(layer);
        }

        var last = gradients.At(graph.Layers - 1, Point.ResidPost, step)!.Widened().unsqueeze(0);         // (1, B, T, d)
        Products(graph.Outcome, graph.StreamWriters, last, means is null ? null : last.sum(-1), means is null ? null : means.squeeze(-1).neg());

        void Attention(int layer)
        {
            var block = graph.Stack.At(layer).Weights;
            var ofPrefix = graph.Stack.Specs[layer].Attention.Keys == KeySource.Prefix;
            (Linear Weight, Point Point)[] inputs =
                [(block.Query, Point.AttnQ), .. ofPrefix ? Array.Empty<(Linear, Point)>() : [(block.Key, Point.AttnK), (block.Value, Point.AttnV)]];
            var heads = graph.Heads(layer);
            var norm = new NormAt(block.AttentionNorm!, read(layer, false), condition);
            var weights = inputs.Select(i => i.Weight.Weight.Widened().view(-1, graph.Stack.Specs[layer].Attention.HeadWidth, i.Weight.Inputs))
                .Select(w => w.shape[0] == heads ? w : w.repeat_interleave(heads / w.shape[0], 0)).ToArray();   // (H, hd, d)
            var isFixed = norm.Gain.dim() == 1;
            var projection = weights.Length == 1 ? weights[0] : cat(weights, 0);
            projection = isFixed ? projection * norm.Gain : projection;
            var given = stack([.. inputs.Select(i => gradients.At(layer, i.Point, step)!.Widened())]);     // (1 or 3, B, T, H, hd)
            var (b, t, width) = (given.shape[1], given.shape[2], given.shape[4]);
            given = (given * norm.Inverse.unsqueeze(-1)).permute(0, 3, 1, 2, 4).reshape(inputs.Length * heads, b * t, width);
            var back = given.bmm(projection).view(inputs.Length * heads, b, t, -1);                        // (R, B, T, d)
            Behind(graph.ReadersAt(layer), graph.Before(graph.ReadersAt(layer)), isFixed ? back : back * norm.Gain, norm);
        }

        void Mlp(int layer)
        {
            var norm = new NormAt(graph.Stack.At(layer).Weights.MlpNorm!, read(layer, true), condition);
            var back = gradients.At(layer, Point.MlpIn, step)!.Widened() * norm.Gain * norm.Inverse;
            Behind(graph.MlpReader(layer), graph.Before(graph.MlpReader(layer)), back.unsqueeze(0), norm);
        }

        void Behind(int reader, int before, Tensor back, NormAt norm)
        {
            var count = Math.Min(before, end) - begin;
            if (count <= 0)
            {
                return;
            }

            Products(reader, before, back, Along(back, norm.Normed), Along(centred.narrow(0, begin, count), norm.Normed));
        }

        // back D' - along D's share: over all positions, or for each.
        void Products(int reader, int before, Tensor back, Tensor? along, Tensor? share)
        {
            var count = Math.Min(before, end) - begin;
            if (count <= 0)
            {
                return;
            }

            share = share is null ? null : share.shape[0] == count ? share : share.narrow(0, begin, count);
            var readers = back.shape[0];
            Tensor product;
            if (moved is null)
            {
                product = back.reshape(readers, -1).matmul(centred.narrow(0, begin, count).view(count, -1).t());
                product = (along is null ? product : product.Minus(along.reshape(readers, -1).matmul(share!.reshape(count, -1).t()))).unsqueeze(0);
            }
            else
            {
                var t = moved.shape[0];
                product = back.permute(2, 0, 1, 3).reshape(t, readers, -1).bmm(moved.narrow(1, begin, count).reshape(t, count, -1).transpose(1, 2));
                product = along is null ? product
                    : product.Minus(along.permute(2, 0, 1).reshape(t, readers, -1).bmm(share!.permute(2, 0, 1).reshape(t, count, -1).transpose(1, 2)));
            }

            Put(pass, reader, begin, product, weight);
        }

        void Prefix(int layer)
        {
            if (prefix is null || !graph.ReadsPrefix(graph.ReadersAt(layer) + graph.Heads(layer)) || begin != 0)
            {
                return;
            }

            var points = WriterRecord.PrefixPoints(graph.Stack.Specs[layer]);
            for (var i = 0; i < 2; i++)
            {
                // (B, Tp, H, hd) summed to (Tp, H), then over each group's positions.
                var products = gradients.At(layer, points[i], step)!.Widened() * EdgeGradients.ForEachHead(graph, layer, prefix(layer, i == 1));
                var byPosition = products.sum([0, 3]);
                var byGroup = stack([.. graph.Prefix.Select(g => byPosition.index_select(0, tensor(g.Positions.Select(p => (long)p).ToArray(),
                    device: byPosition.device)).sum([0]))], 1);                                              // (H, G)
                Put(pass, graph.ReadersAt(layer) + ((i + 1) * graph.Heads(layer)), graph.StreamWriters, byGroup.unsqueeze(0), weight);
            }
        }
    }

    /// <summary>n times each of some vectors, over d (n,B,T), already divided by d.</summary>
    private static Tensor Along(Tensor x, Tensor normed)
    {
        var (n, b, t, d) = (x.shape[0], x.shape[1], x.shape[2], x.shape[3]);
        using var root = tensor(1.0 / Math.Sqrt(d), x.dtype, device: x.device);
        return x.view(n, b * t, d).transpose(0, 1).matmul((normed * root).reshape(b * t, d, 1)).squeeze(-1).t().reshape(n, b, t);
    }

    /// <param name="pass">Its place among the passes.</param>
    /// <param name="reader">The first.</param>
    /// <param name="writer">The first.</param>
    /// <param name="product">(1 or T,readers,writers).</param>
    /// <param name="weight">Of the run.</param>
    private void Put(int pass, int reader, int writer, Tensor product, double weight)
    {
        var numbers = product.Flat();
        var (cells, readers, writers) = ((int)product.shape[0], (int)product.shape[1], (int)product.shape[2]);
        for (var c = 0; c < cells; c++)
        {
            var into = values[first[pass] + c];
            for (var r = 0; r < readers; r++)
            {
                for (var w = 0; w < writers; w++)
                {
                    into[((writer + w) * graph.Readers.Count) + reader + r] += weight * numbers[(((c * readers) + r) * writers) + w];
                }
            }
        }
    }
}
