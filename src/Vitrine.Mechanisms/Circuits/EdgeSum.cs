using Vitrine.Mechanisms.Pictures;
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
    /// <summary>Of writers' outputs that are made at once: they are the largest of all that edges take.</summary>
    private const double BytesAtOnce = 32e6;

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

    public static int Count(EdgeAxis axis, IReadOnlyList<int> lengths)
        => axis switch { EdgeAxis.None => 1, EdgeAxis.Steps => lengths.Count, _ => lengths.Sum() };

    /// <summary>Rows whose writers' outputs are made at once.</summary>
    public static int RowsAtOnce(CircuitGraph graph, PassRecord pass)
        => (int)Math.Max(1, BytesAtOnce / (sizeof(float) * (double)graph.StreamWriters * pass.Length * graph.Stack.Shape.Width));

    /// <summary>Adds some rows of one pass of a run.</summary>
    /// <param name="pass">Its place among the passes.</param>
    /// <param name="gradients">Derivatives, of all rows.</param>
    /// <param name="rows">Which rows; what follows is of them alone.</param>
    /// <param name="difference">(W,B,T,d): what the stream's writers' outputs differ by, without their means where norms take them away.</param>
    /// <param name="read">(B,T,d): what the norm in front of attention (false) or the feed-forward (true) of a layer read.</param>
    /// <param name="prefix">What a prefix's keys (false) or values (true) of a layer differ by (B,Tp,heads,hd); null where there is none.</param>
    /// <param name="weight">Of the run in the mean.</param>
    /// <param name="writers">Those whose edges are added; all when null.</param>
    public void Add(
        int pass, EdgeGradients gradients, RowRange rows, Tensor difference, Func<int, bool, Tensor> read, Func<int, bool, Tensor>? prefix, double weight,
        (int First, int Count)? writers = null)
    {
        using var scope = NewDisposeScope();
        using var mode = no_grad();
        var (step, offset) = (gradients.Record.Passes[pass].Step, gradients.Record.Passes[pass].Offset);
        var condition = gradients.Record.Passes[pass].Condition is { } all ? rows.Of(all) : null;
        var (begin, end) = writers is { } some ? (some.First, some.First + some.Count) : (0, graph.StreamWriters);
        var moved = axis == EdgeAxis.Positions ? difference.permute(2, 0, 1, 3).contiguous() : null;       // (T, W, B, d)
        NormAt[] norms = [.. Enumerable.Range(0, 2 * graph.Layers).Select(i => NormOf(i / 2, i % 2 == 1))];
        var shares = Shares(norms, difference);                                                            // (2 L, W, B, T)
        for (var layer = 0; layer <= graph.Layers; layer++)
        {
            using var inner = NewDisposeScope();
            Readers(layer);
        }

        Tensor Gradient(int layer, Point point) => rows.Of(gradients.At(layer, point, step)!).Widened();

        NormAt NormOf(int layer, bool isMlp)
        {
            var block = graph.Stack.At(layer).Weights;
            return new NormAt(isMlp ? block.MlpNorm! : block.AttentionNorm!, read(layer, isMlp), condition);
        }

        // The readers of attention with the feed-forward in front of it, which reads all but one of the same writers; behind the last block, the outcome.
        void Readers(int layer)
        {
            var inputs = layer < graph.Layers ? Inputs(layer) : [];
            var own = layer < graph.Layers ? inputs.Length * graph.Heads(layer) : 1;
            var (b, t, d) = (difference.shape[1], difference.shape[2], difference.shape[3]);
            var back = empty([own + (layer > 0 ? 1 : 0), b, t, d], difference.dtype, difference.device);   // (R, B, T, d)
            var parts = new List<Part> { layer < graph.Layers ? Attention(layer, inputs, back.narrow(0, 0, own)) : Outcome(back.narrow(0, 0, 1)) };
            if (layer > 0)
            {
                parts.Add(Mlp(layer - 1, back.narrow(0, own, 1)));
            }

            Products(back, parts);
            if (layer < graph.Layers)
            {
                Prefix(layer);
            }
        }

        (Linear Weight, Point Point)[] Inputs(int layer)
        {
            var block = graph.Stack.At(layer).Weights;
            return
            [
                (block.Query, Point.AttnQ),
                .. graph.Stack.Specs[layer].Attention.Keys == KeySource.Prefix ? Array.Empty<(Linear, Point)>()
                    : [(block.Key, Point.AttnK), (block.Value, Point.AttnV)],
            ];
        }

        Part Attention(int layer, (Linear Weight, Point Point)[] inputs, Tensor back)
        {
            var (heads, width) = (graph.Heads(layer), graph.Stack.Specs[layer].Attention.HeadWidth);
            var norm = norms[2 * layer];
            var isFixed = norm.Gain.dim() == 1;
            var given = cat([.. inputs.Select(i => Gradient(layer, i.Point))], 2);    // (B, T, R, hd)
            var (b, t, readers) = (given.shape[0], given.shape[1], given.shape[2]);
            given = (given * norm.Inverse.unsqueeze(-1)).permute(2, 0, 1, 3).reshape(readers, b * t, width);
            foreach (var (i, input) in inputs.Index())
            {
                using var inner = NewDisposeScope();
                given.narrow(0, i * heads, heads).TimesInto(
                    Headed(input.Weight.Weight.Widened().view(-1, width, input.Weight.Inputs), heads), back.narrow(0, i * heads, heads).view(heads, b * t, -1));
            }

            _ = back.mul_(norm.Gain);

            // n times what comes back is the derivative times what the normed input gave, biases left out: no pass over d numbers.
            var along = isFixed
                ? (given * cat([.. inputs.Select(i => Unbiased(i, norm))], 2).permute(2, 0, 1, 3).reshape(readers, b * t, width)).sum(-1).view(readers, b, t)
                : Along(back, norm.Normed);
            return new Part(graph.ReadersAt(layer), (int)readers, graph.Before(graph.ReadersAt(layer)), along, shares[2 * layer]);

            Tensor Unbiased((Linear Weight, Point Point) input, NormAt at)
            {
                var made = rows.Of(gradients.ReadAt(layer, input.Point, step)).Widened();
                var constant = at.Shift is { } shift ? input.Weight.Weight.Widened().mv(shift) : null;
                constant = input.Weight.Bias is { } bias ? constant is null ? bias.Widened() : constant.Plus(bias.Widened()) : constant;
                return constant is null ? made : made.Minus(Headed(constant.view(-1, width), heads));
            }
        }

        Part Mlp(int layer, Tensor back)
        {
            var (reader, norm) = (graph.MlpReader(layer), norms[(2 * layer) + 1]);
            _ = back.copy_((Gradient(layer, Point.MlpIn) * norm.Gain * norm.Inverse).unsqueeze(0));
            return new Part(reader, 1, graph.Before(reader), Along(back, norm.Normed), shares[(2 * layer) + 1]);
        }

        Part Outcome(Tensor back)
        {
            _ = back.copy_(Gradient(graph.Layers - 1, Point.ResidPost).unsqueeze(0));
            return new Part(graph.Outcome, 1, graph.StreamWriters, null, null);
        }

        // back D less the norm's part, along times share: over all positions, or for each.
        void Products(Tensor back, IReadOnlyList<Part> parts)
        {
            var most = parts.Max(p => Math.Min(p.Before, end)) - begin;
            if (most <= 0)
            {
                return;
            }

            var (readers, t) = (back.shape[0], moved?.shape[0] ?? 1);
            var all = moved is null
                ? back.view(readers, -1).matmul(difference.narrow(0, begin, most).view(most, -1).t()).unsqueeze(0)
                : back.permute(2, 0, 1, 3).reshape(t, readers, -1).bmm(moved.narrow(1, begin, most).reshape(t, most, -1).transpose(1, 2));
            var row = 0;
            foreach (var part in parts)
            {
                var count = Math.Min(part.Before, end) - begin;
                if (count > 0)
                {
                    var product = all.narrow(1, row, part.Count).narrow(2, 0, count);                      // (1 or T, readers, writers)
                    product = part.Along is null ? product : product.Minus(Normed(part, count));
                    Put(first[pass] + (moved is null ? 0 : offset), part.Reader, begin, product, weight);
                }

                row += part.Count;
            }

            Tensor Normed(Part part, int count)
            {
                var (along, share) = (part.Along!, part.Share!.narrow(0, begin, count));
                return moved is null
                    ? along.reshape(part.Count, -1).matmul(share.reshape(count, -1).t()).unsqueeze(0)
                    : along.permute(2, 0, 1).reshape(t, part.Count, -1).bmm(share.permute(2, 0, 1).reshape(t, count, -1).transpose(1, 2));
            }
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
                var products = Gradient(layer, points[i]) * EdgeGradients.ForEachHead(graph, layer, prefix(layer, i == 1));
                var byPosition = products.sum([0, 3]);
                var byGroup = stack([.. graph.Prefix.Select(g => byPosition.index_select(0, tensor(g.Positions.Select(p => (long)p).ToArray(),
                    device: byPosition.device)).sum([0]))], 1);                                              // (H, G)
                Put(first[pass], graph.ReadersAt(layer) + ((i + 1) * graph.Heads(layer)), graph.StreamWriters, byGroup.unsqueeze(0), weight);
            }
        }
    }

    /// <summary>Readers of one layer that stand beside each other.</summary>
    /// <param name="Reader">The first.</param>
    /// <param name="Count">How many.</param>
    /// <param name="Before">The writers that they read: the first so many.</param>
    /// <param name="Along">(Count,B,T): n times what comes back; null where no norm stands in front.</param>
    /// <param name="Share">(W,B,T): see <see cref="Shares"/>.</param>
    private sealed record Part(int Reader, int Count, int Before, Tensor? Along, Tensor? Share);

    /// <summary>(heads,...) of what is each head's, or of what neighbouring heads share.</summary>
    private static Tensor Headed(Tensor x, int heads) => x.shape[0] == heads ? x : x.repeat_interleave(heads / x.shape[0], 0);

    /// <summary>n times each of some vectors, over d (n,B,T).</summary>
    private static Tensor Along(Tensor x, Tensor normed)
    {
        var (n, b, t, d) = (x.shape[0], x.shape[1], x.shape[2], x.shape[3]);
        return x.reshape(n, b * t, d).transpose(0, 1).matmul(normed.reshape(b * t, d, 1)).squeeze(-1).t().reshape(n, b, t);
    }

    /// <summary>The n of every norm times the difference of every writer, divided by d: one product at each position (norms,W,B,T).</summary>
    private static Tensor Shares(NormAt[] norms, Tensor difference)
    {
        var (w, b, t, d) = (difference.shape[0], difference.shape[1], difference.shape[2], difference.shape[3]);
        using var inverse = tensor(1.0 / d, difference.dtype, device: difference.device);
        var all = stack([.. norms.Select(n => (n.Normed * inverse).reshape(b * t, d))], 1);                // (B T, norms, d)
        return all.bmm(difference.view(w, b * t, d).permute(1, 2, 0)).permute(1, 2, 0).reshape(norms.Length, w, b, t);
    }

    /// <param name="cell">The first.</param>
    /// <param name="reader">The first.</param>
    /// <param name="writer">The first.</param>
    /// <param name="product">(1 or T,readers,writers).</param>
    /// <param name="weight">Of the run.</param>
    private void Put(int cell, int reader, int writer, Tensor product, double weight)
    {
        var numbers = product.Flat();
        var (cells, readers, writers) = ((int)product.shape[0], (int)product.shape[1], (int)product.shape[2]);
        for (var c = 0; c < cells; c++)
        {
            var into = values[cell + c];
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
