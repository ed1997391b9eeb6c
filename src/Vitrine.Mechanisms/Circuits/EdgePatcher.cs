using Vitrine.Mechanisms.Pictures;
using Vitrine.Transformers.Edits;
using Vitrine.Transformers.Engine;
using Vitrine.Transformers.Points;
using static TorchSharp.torch;

namespace Vitrine.Mechanisms.Circuits;

/// <summary>
/// A run in which edges of each row carry something else: a reader reads the stream plus, for every edge that is cut, what stands in its writer's place minus
/// what the writer writes in this very run.
/// </summary>
/// <remarks>The stream itself is never changed; only what queries, keys, values, feed-forwards and the outcome read of it is computed anew.</remarks>
internal sealed class EdgePatcher : IDisposable
{
    private readonly CircuitGraph graph;
    private readonly Filling filling;
    private readonly WriterRecord own;
    private readonly IReadOnlyList<EdgeSet> cut;
    private readonly int[] pairs;
    private readonly EdgeAxis axis;
    private readonly int[] first;
    private readonly int[] lengths;
    private readonly bool isFrozen;
    private readonly Dictionary<int, int> groupAt;
    private readonly int start;
    private Tensor? others;
    private Tensor? stream;
    private Tensor? z;
    private int pass = -1;

    /// <param name="filling">What cut edges carry.</param>
    /// <param name="own">The run that this is one of, nothing cut.</param>
    /// <param name="axis">What tells edges apart.</param>
    /// <param name="cut">[row]: its cut edges.</param>
    /// <param name="pairs">[row]: which row of the records it is of.</param>
    /// <param name="isFrozen">
    /// Whether no cut edge stands before another, so that what the writers write in front of them is what they wrote in <paramref name="own"/>.
    /// </param>
    /// <param name="start">The first block that runs.</param>
    public EdgePatcher(Filling filling, WriterRecord own, EdgeAxis axis, IReadOnlyList<EdgeSet> cut, int[] pairs, bool isFrozen, int start)
    {
        (graph, this.filling, this.own, this.axis, this.cut, this.pairs, this.isFrozen) = (own.Graph, filling, own, axis, cut, pairs, isFrozen);
        this.start = start;
        lengths = [.. own.Passes.Select(p => p.Length)];
        first = EdgeSum.Firsts(axis, lengths);
        groupAt = graph.Prefix.Index().SelectMany(g => g.Item.Positions.Select(p => (p, g.Index))).ToDictionary(p => p.p, p => p.Index);
        Edits = [.. EdgeGradients.Ungrouped(graph, start), new HookEdit(Places(), Change)];
    }

    public IReadOnlyList<Edit> Edits { get; }

    /// <inheritdoc/>
    public void Dispose()
    {
        others?.Dispose();
        stream?.Dispose();
        z?.Dispose();
        (others, stream, z) = (null, null, null);
    }

    private IReadOnlyList<string> Places() =>
    [
        .. start > 0 ? Array.Empty<string>() : [new Address(graph.Stack.Shape.Name, null, Point.Embed).ToString()],
        .. graph.Stack.Specs.Index().Skip(start).SelectMany(l => new[]
            {
                Point.ResidPre, Point.AttnPrefixK, Point.AttnPrefixV, Point.AttnQ, Point.AttnK, Point.AttnV, Point.AttnZ, Point.AttnOut, Point.ResidMid,
                Point.MlpIn, WriterRecord.Mlp(graph),
            }.Concat(l.Index == graph.Layers - 1 ? [Point.ResidPost] : [])
            .Where(p => (p != Point.ResidMid || !l.Item.Parallel)
                && (p != Point.AttnPrefixK && p != Point.AttnPrefixV || l.Item.Attention.Keys == KeySource.PrefixThenOwn))
            .Select(p => graph.At(l.Index, p))),
    ];

    private Tensor Change(Tensor x, Pass over, Address place)
    {
        if (place.Layer is not { } layer)
        {
            Begin(over.Step);
            Write(0, graph.Sources.Count, () => PassRecord.Sources(graph, x.Widened(), over.Step));
            return x;
        }

        var spec = graph.Stack.Specs[layer];
        var (point, heads) = (place.Point, graph.Heads(layer));
        if (point == Point.ResidPre || point == Point.ResidMid)
        {
            if (pass < 0 || own.Passes[pass].Step != over.Step)
            {
                Begin(over.Step);
            }

            stream?.Dispose();
            stream = x.alias().DetachFromDisposeScope();
            return x;
        }

        if (point == Point.AttnZ)
        {
            z?.Dispose();
            z = x.alias().DetachFromDisposeScope();
            return x;
        }

        if (point == Point.AttnOut)
        {
            Write(graph.HeadsAt(layer), heads, () => PassRecord.HeadsWritten(graph.Stack.At(layer).Weights, z!, x, over.Condition));
            return x;
        }

        if (point == WriterRecord.Mlp(graph))
        {
            Write(graph.MlpAt(layer), 1, () => x.Widened().unsqueeze(0));
            return x;
        }

        var at = point == Point.AttnQ ? 0 : point == Point.AttnK || point == Point.AttnPrefixK ? 1 : 2;
        var reader = graph.ReadersAt(layer) + (at * heads);
        if (WriterRecord.PrefixPoints(spec).Contains(point))
        {
            return Prefixed(x, layer, reader, heads, at == 2);
        }

        if (point == Point.MlpIn)
        {
            return Reads(graph.MlpReader(layer), 1) is { } some
                ? Rows(x, some.Rows, Normed(layer, true, some, over))
                : x;
        }

        if (point == Point.ResidPost)
        {
            return Reads(graph.Outcome, 1) is { } some ? Rows(x, some.Rows, Chosen(x, some.Rows).Widened().Plus(some.Delta).RoundedAs(x)) : x;
        }

        return Reads(reader, heads) is { } found ? Headed(x, layer, at, found, over) : x;
    }

    private void Begin(int step)
    {
        var at = -1;
        for (var k = 0; k < own.Passes.Count; k++)
        {
            at = own.Passes[k].Step == step ? k : at;
        }

        if (at < 0)
        {
            throw new VitrineException($"circuit: the run has a pass {step}, which the one that it is patched in has not.");
        }

        pass = at;
        others?.Dispose();
        using var scope = NewDisposeScope();
        if (isFrozen)
        {
            others = filling.Less(own.Passes[pass], pass).neg().DetachFromDisposeScope();
            return;
        }

        // What stands in the writers' places; what they write is taken away as they write it.
        var fill = filling.Stream(pass);
        var rows = (fill.shape[1] == 1 ? fill : fill.index_select(1, Index(pairs, fill.device))).expand(-1, pairs.Length, lengths[pass], -1);
        others = empty(rows.shape, rows.dtype, rows.device).DetachFromDisposeScope();                      // written over: never the filling's own
        others.copy_(rows);
        if (graph.Steps == 1 && pass == 0)
        {
            Earlier();
        }
    }

    /// <summary>Of blocks that do not run because the run starts behind them, what was written is known.</summary>
    private void Earlier()
    {
        if (start == 0)
        {
            return;
        }

        using var written = own.Passes[pass].Written();
        var count = graph.HeadsAt(start);
        using var known = written.narrow(0, 0, count).index_select(1, Index(pairs, written.device));
        using var room = others!.narrow(0, 0, count);
        room.copy_(room.Minus(known)).Dispose();
    }

    private void Write(int writer, int count, Func<Tensor> written)
    {
        if (isFrozen)
        {
            return;
        }

        using var scope = NewDisposeScope();
        var room = others!.narrow(0, writer, count);
        room.copy_(room.Minus(written()));
    }

    /// <summary>The rows of which some of a few readers have cut edges, row by row and reader by reader, and what those read differently (n,T,d).</summary>
    private (int[] Rows, int[] Readers, Tensor Delta)? Reads(int reader, int count)
    {
        var before = graph.Before(reader);
        var readers = graph.Readers.Count;
        var (cells, length) = (axis == EdgeAxis.Positions ? lengths[pass] : 1, lengths[pass]);
        var (rows, which) = (new List<int>(), new List<int>());
        var found = new List<(int Cell, int Writer)[]>();
        for (var row = 0; row < cut.Count; row++)
        {
            for (var r = reader; r < reader + count; r++)
            {
                var some = new List<(int, int)>();
                for (var c = 0; c < cells; c++)
                {
                    for (var w = 0; w < before; w++)
                    {
                        if (cut[row][first[pass] + c, (w * readers) + r])
                        {
                            some.Add((c, w));
                        }
                    }
                }

                if (some.Count > 0)
                {
                    rows.Add(row);
                    which.Add(r - reader);
                    found.Add([.. some]);
                }
            }
        }

        if (rows.Count == 0)
        {
            return null;
        }

        var all = others!;
        var device = all.device;
        if (isFrozen && found.TrueForAll(f => f.Length == 1))
        {
            var index = Index([.. found.Zip(rows).Select(f => (f.First[0].Writer * (int)all.shape[1]) + pairs[f.Second])], device);
            var delta = all.flatten(0, 1).index_select(0, index);                                          // (n, T, d)
            if (cells > 1)
            {
                var mask = new float[found.Count * length];
                foreach (var (i, edges) in found.Index())
                {
                    mask[(i * length) + edges[0].Cell] = 1;
                }

                delta *= tensor(mask, [found.Count, length, 1], delta.dtype, device);
            }

            return ([.. rows], [.. which], delta);
        }

        var chosen = new float[(long)found.Count * cells * before];
        foreach (var (i, edges) in found.Index())
        {
            foreach (var (c, w) in edges)
            {
                chosen[((((long)i * cells) + c) * before) + w] = 1;
            }
        }

        var weights = tensor(chosen, [found.Count, cells, before], all.dtype, device);
        var (deltas, from) = (new List<Tensor>(), 0);
        while (from < rows.Count)
        {
            // The readers of one row are one product.
            var to = from;
            while (to < rows.Count && rows[to] == rows[from])
            {
                to++;
            }

            var own = all.narrow(0, 0, before).select(1, isFrozen ? pairs[rows[from]] : rows[from]);      // (W, T, d)
            var mask = weights.narrow(0, from, to - from);                                                 // (n, 1 or T, W)
            deltas.Add(cells == 1
                ? mask.squeeze(1).matmul(own.reshape(before, -1)).view(to - from, length, -1)
                : mask.transpose(0, 1).bmm(own.transpose(0, 1)).transpose(0, 1));                          // (T, n, W) (T, W, d)
            from = to;
        }

        return ([.. rows], [.. which], deltas.Count == 1 ? deltas[0] : cat([.. deltas], 0));
    }

    /// <summary>What the norm in front of attention or the feed-forward makes of what is read (n,T,d).</summary>
    private Tensor Normed(int layer, bool isMlp, (int[] Rows, int[] Readers, Tensor Delta) read, Pass over)
    {
        var norm = isMlp ? graph.Stack.At(layer).Weights.MlpNorm : graph.Stack.At(layer).Weights.AttentionNorm;
        var input = Chosen(stream!, read.Rows).Widened().Plus(read.Delta).RoundedAs(stream!);
        var condition = over.Condition is { } given && given.shape[0] > 1 ? Chosen(given, read.Rows) : over.Condition;
        return norm.Of(input, condition).Normed;
    }

    private Tensor Headed(Tensor x, int layer, int at, (int[] Rows, int[] Readers, Tensor Delta) read, Pass over)
    {
        var block = graph.Stack.At(layer).Weights;
        var linear = at == 0 ? block.Query : at == 1 ? block.Key : block.Value;
        var (width, heads) = (x.shape[3], (int)x.shape[2]);
        var index = Index([.. read.Readers.Select(h => (int)(h * (linear.Outputs / width) / heads))], x.device);
        var weights = linear.Weight.view(-1, width, linear.Inputs).index_select(0, index).transpose(1, 2);  // (n, d, hd)
        var made = Normed(layer, false, read, over).bmm(weights);                                          // (n, T, hd)
        if (linear.Bias is { } bias)
        {
            made = made.Plus(bias.view(-1, width).index_select(0, index).unsqueeze(1));
        }

        var places = Index([.. read.Rows.Zip(read.Readers).Select(e => (e.First * heads) + e.Second)], x.device);
        var (b, t) = (x.shape[0], x.shape[1]);
        return x.transpose(1, 2).reshape(b * heads, t, width).index_copy(0, places, made).view(b, heads, t, width).transpose(1, 2);
    }

    /// <summary>Keys or values of a prefix: groups of its tokens whose edge is cut are those of the other run.</summary>
    private Tensor Prefixed(Tensor x, int layer, int reader, int heads, bool values)
    {
        var (readers, tokens) = (graph.Readers.Count, (int)x.shape[1]);
        var mask = new bool[cut.Count * tokens * heads];
        var any = false;
        for (var row = 0; row < cut.Count; row++)
        {
            for (var t = 0; t < tokens; t++)
            {
                for (var h = 0; groupAt.TryGetValue(t, out var group) && h < heads; h++)
                {
                    var isCut = cut[row][first[pass], ((graph.StreamWriters + group) * readers) + reader + h];
                    mask[(((row * tokens) + t) * heads) + h] = isCut;
                    any |= isCut;
                }
            }
        }

        if (!any)
        {
            return x;
        }

        var other = EdgeGradients.ForEachHead(graph, layer, filling.Prefix(pass, layer, values).RoundedAs(x));
        other = other.shape[0] == 1 ? other : other.index_select(0, Index(pairs, x.device));
        return where(tensor(mask, [cut.Count, tokens, heads, 1], device: x.device), other.expand_as(x), x);
    }

    private static Tensor Chosen(Tensor x, int[] rows) => x.index_select(0, Index(rows, x.device));

    private static Tensor Rows(Tensor x, int[] rows, Tensor made) => x.index_copy(0, Index(rows, x.device), made);

    private static Tensor Index(int[] numbers, Device device) => tensor(numbers.Select(n => (long)n).ToArray(), device: device);
}
