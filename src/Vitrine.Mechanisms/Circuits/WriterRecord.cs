using Vitrine.Mechanisms.Pictures;
using Vitrine.Transformers.Edits;
using Vitrine.Transformers.Engine;
using Vitrine.Transformers.Points;
using static TorchSharp.torch;

namespace Vitrine.Mechanisms.Circuits;

/// <summary>What every writer of a run wrote, pass by pass, and what the norms read; tensors of the run, none copied.</summary>
/// <param name="graph">Whose.</param>
/// <param name="offset">The first position that the run computes: it starts there, in front of block 0.</param>
internal sealed class WriterRecord(CircuitGraph graph, int offset = 0) : IDisposable
{
    private readonly List<PassRecord> passes = [];

    public CircuitGraph Graph => graph;

    public IReadOnlyList<PassRecord> Passes => passes;

    /// <summary>Records while a run computes.</summary>
    public Edit Edit { get; private set; } = null!;

    public static WriterRecord Of(CircuitGraph graph, int offset = 0)
    {
        var record = new WriterRecord(graph, offset);
        record.Edit = new HookEdit([.. Places(graph).Skip(offset > 0 ? 1 : 0)], record.See);
        return record;
    }

    /// <summary>Where writers are read.</summary>
    public static IReadOnlyList<string> Places(CircuitGraph graph)
    {
        var stack = graph.Stack.Shape;
        return
        [
            new Address(stack.Name, null, Point.Embed).ToString(),
            .. graph.Stack.Specs.Index().SelectMany(layer => (string[])
            [
                graph.At(layer.Index, Point.ResidPre), graph.At(layer.Index, Point.AttnZ), graph.At(layer.Index, Point.AttnOut),
                graph.At(layer.Index, Mlp(graph)),
                .. layer.Item.Parallel ? Array.Empty<string>() : [graph.At(layer.Index, Point.ResidMid)],
                .. PrefixPoints(layer.Item).Select(p => graph.At(layer.Index, p)),
            ]),
        ];
    }

    /// <summary>What the feed-forward adds.</summary>
    public static Point Mlp(CircuitGraph graph) => graph.Stack.Shape.Points.Contains(Point.MlpOutPost) ? Point.MlpOutPost : Point.MlpOut;

    /// <summary>Where a prefix's keys and values are read: as they lie, or behind the block's own projections.</summary>
    public static Point[] PrefixPoints(BlockSpec spec) => spec.Attention.Keys switch
    {
        KeySource.PrefixThenOwn => [Point.AttnPrefixK, Point.AttnPrefixV],
        KeySource.Prefix => [Point.AttnK, Point.AttnV],
        _ => [],
    };

    /// <inheritdoc/>
    public void Dispose()
    {
        passes.ForEach(p => p.Dispose());
        passes.Clear();
    }

    private Tensor See(Tensor x, Pass pass, Address place)
    {
        if (place.Layer is null || (offset > 0 && place is { Layer: 0 } && place.Point == Point.ResidPre))
        {
            if (passes.Count > 0 && passes[^1].Step >= pass.Step)
            {
                Dispose();
            }

            passes.Add(new PassRecord(graph, pass.Step, Kept(x), pass.Condition is { } condition ? Kept(condition) : null) { Offset = offset });
        }

        if (place.Layer is not { } layer)
        {
            return x;
        }

        var own = passes[^1];
        if (place.Point == Point.AttnOut)
        {
            if (own.Block(layer).AttentionWriting.OutputNorm is not null)
            {
                own.Outs[layer] = Kept(Whole(x, own.Length));
            }
        }
        else
        {
            own.Of(place.Point)[layer] = Kept(place.Point == Point.ResidPre ? x : Whole(x, own.Length));
        }

        return x;
    }

    /// <summary>Nothing in front of a last column that is computed alone (<see cref="Vitrine.Transformers.RunPlan.LastColumnAlone"/>).</summary>
    internal static Tensor Whole(Tensor x, int length)
    {
        if (x.shape[1] >= length)
        {
            return x;
        }

        var before = x.shape;
        before[1] = length - x.shape[1];
        return cat([zeros(before, x.dtype, x.device), x], 1);
    }

    private static Tensor Kept(Tensor x) => x.detach().DetachFromDisposeScope();
}

/// <summary>One pass of a record.</summary>
internal sealed class PassRecord(CircuitGraph graph, int step, Tensor embed, Tensor? condition) : IDisposable
{
    public int Step => step;

    /// <summary>The first position.</summary>
    public int Offset { get; init; }

    /// <summary>(B,T,d).</summary>
    public Tensor Embed => embed;

    public Tensor? Condition => condition;

    /// <summary>[layer]: (B,T,H,hd).</summary>
    public Tensor?[] Z { get; } = new Tensor?[graph.Layers];

    /// <summary>[layer]: (B,T,d), what attention computed, where a norm stands behind it.</summary>
    public Tensor?[] Outs { get; } = new Tensor?[graph.Layers];

    /// <summary>[layer]: (B,T,d), what the feed-forward added.</summary>
    public Tensor?[] Mlps { get; } = new Tensor?[graph.Layers];

    /// <summary>[layer]: (B,T,d), the stream in front of the block.</summary>
    public Tensor?[] Pre { get; } = new Tensor?[graph.Layers];

    /// <summary>[layer]: (B,T,d), the stream in front of the feed-forward; null where it is that in front of the block.</summary>
    public Tensor?[] Mid { get; } = new Tensor?[graph.Layers];

    /// <summary>[layer]: (B,Tp,heads,hd), what is read of a prefix.</summary>
    public Tensor?[] PrefixKeys { get; } = new Tensor?[graph.Layers];

    /// <summary>As <see cref="PrefixKeys"/>.</summary>
    public Tensor?[] PrefixValues { get; } = new Tensor?[graph.Layers];

    public int Rows => (int)embed.shape[0];

    public int Length => (int)embed.shape[1];

    private Tensor?[][] Kept => [Z, Outs, Mlps, Pre, Mid, PrefixKeys, PrefixValues];

    public BlockWeights Block(int layer) => graph.Stack.At(layer).Weights;

    /// <summary>Views of some rows, of the caller's scope.</summary>
    public PassRecord Take(RowRange rows)
    {
        var some = new PassRecord(graph, step, rows.Of(embed), condition is null ? null : rows.Of(condition)) { Offset = Offset };
        foreach (var (all, taken) in Kept.Zip(some.Kept))
        {
            for (var layer = 0; layer < all.Length; layer++)
            {
                taken[layer] = all[layer] is { } kept ? rows.Of(kept) : null;
            }
        }

        return some;
    }

    public Tensor?[] Of(Point point) => point == Point.AttnZ ? Z
        : point == Point.ResidPre ? Pre
        : point == Point.ResidMid ? Mid
        : point == Point.AttnPrefixK || point == Point.AttnK ? PrefixKeys
        : point == Point.AttnPrefixV || point == Point.AttnV ? PrefixValues
        : Mlps;

    /// <summary>What the stream's writers wrote (Ws,B,T,d), minus what they wrote in another run; in float32 at least.</summary>
    /// <param name="minus">The other run; null for none.</param>
    /// <param name="centred">Whether each loses its mean over d, which every norm of the stack takes away.</param>
    public Tensor Written(PassRecord? minus = null, bool centred = false)
    {
        using var scope = NewDisposeScope();
        var all = empty([graph.StreamWriters, Rows, Length, embed.shape[2]], embed.dtype.OfSums(), embed.device);
        Put(all, 0, Sources(graph, Whole(r => r.Embed), step, Offset));
        for (var layer = 0; layer < graph.Layers; layer++)
        {
            using var inner = NewDisposeScope();
            Heads(layer, minus, centred, all.narrow(0, graph.HeadsAt(layer), graph.Heads(layer)));
            Put(all, graph.MlpAt(layer), Whole(r => r.Mlps[layer]!).unsqueeze(0));
        }

        return all.MoveToOuterDisposeScope();

        Tensor Whole(Func<PassRecord, Tensor> of)
        {
            var x = of(this).Widened();
            x = minus is null ? x : x.Minus(of(minus).Widened());
            return centred ? WithoutMean(x) : x;
        }
    }

    /// <summary>What comes into the stack, group by group (groups,B,T,d): zeros where a group does not stand.</summary>
    /// <param name="graph">Whose groups.</param>
    /// <param name="embed">(B,T,d).</param>
    /// <param name="step">The pass.</param>
    /// <param name="column">The first position.</param>
    public static Tensor Sources(CircuitGraph graph, Tensor embed, int step, int column = 0)
    {
        if (graph.Sources.Count == 1)
        {
            return embed.unsqueeze(0);
        }

        var length = (int)embed.shape[1];
        var masks = graph.Sources.SelectMany(source => Enumerable.Range(0, length)
            .Select(t => (graph.IsDecoded && step > 0 ? source == graph.Sources[^1] : source.Positions.Contains(t + column)) ? 1f : 0f));
        return embed.unsqueeze(0) * tensor([.. masks], [graph.Sources.Count, 1, length, 1], embed.dtype, embed.device);
    }

    /// <summary>What each head of a layer adds to the stream (H,B,T,d).</summary>
    /// <param name="block">Its weights.</param>
    /// <param name="z">(B,T,H,hd).</param>
    /// <param name="whole">(B,T,d), what attention computed; where a norm stands behind it.</param>
    /// <param name="condition">Of the pass; null for none.</param>
    public static Tensor HeadsWritten(BlockWeights block, Tensor z, Tensor? whole, Tensor? condition)
    {
        var (b, t, heads) = (z.shape[0], z.shape[1], z.shape[2]);
        var written = empty([heads, b, t, block.Output.Weight.shape[0]], z.dtype.OfSums(), z.device);
        Projected(block, z.Widened(), centred: false, written.view(heads, b * t, -1));
        var writing = block.AttentionWriting;
        written = writing.Scale is { } scale ? written * scale.Widened()
            : writing.OutputNorm is { } norm ? new FrozenNorm(norm, whole!).Apply(written, gain: true)
            : written;
        return writing.IsGated && condition is not null ? written * Gate(block.AttentionNorm!, condition) : written;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        embed.Dispose();
        condition?.Dispose();
        foreach (var kept in Kept.SelectMany(k => k))
        {
            kept?.Dispose();
        }
    }

    /// <param name="layer">Whose heads.</param>
    /// <param name="minus">The other run; null for none.</param>
    /// <param name="centred">Whether each loses its mean over d.</param>
    /// <param name="into">(H,B,T,d).</param>
    private void Heads(int layer, PassRecord? minus, bool centred, Tensor into)
    {
        var block = Block(layer);
        if (minus is not null && block.AttentionWriting is { OutputNorm: null, Scale: null, IsGated: false })
        {
            var z = Z[layer]!.Widened().Minus(minus.Z[layer]!.Widened());
            Projected(block, z, centred, into.view(into.shape[0], into.shape[1] * into.shape[2], into.shape[3]));
            return;
        }

        var own = HeadsWritten(block, Z[layer]!, Outs[layer], condition);
        own = minus is null ? own : own.Minus(HeadsWritten(block, minus.Z[layer]!, minus.Outs[layer], minus.Condition));
        into.copy_(centred ? WithoutMean(own) : own).Dispose();
    }

    /// <summary>What heads write through the output projection.</summary>
    /// <param name="block">Its weights.</param>
    /// <param name="z">(B,T,H,hd).</param>
    /// <param name="centred">Whether the projection loses its means over d.</param>
    /// <param name="into">(H,B T,d).</param>
    private static void Projected(BlockWeights block, Tensor z, bool centred, Tensor into)
    {
        var (b, t, heads, width) = (z.shape[0], z.shape[1], z.shape[2], z.shape[3]);
        var output = block.Output.Weight.Widened().view(-1, heads, width).permute(1, 2, 0);                // (H, hd, d)
        z.permute(2, 0, 1, 3).reshape(heads, b * t, width).TimesInto(centred ? WithoutMean(output) : output, into);
    }

    private static Tensor WithoutMean(Tensor x) => x.Minus(x.mean([-1], keepdim: true));

    private static Tensor Gate(Norm norm, Tensor condition)
    {
        var gate = norm.Modulation!.Apply(condition);
        return (gate.dim() == 2 ? gate.unsqueeze(1) : gate).chunk(3, -1)[2].Widened();
    }

    private static void Put(Tensor all, int at, Tensor written)
    {
        using var room = all.narrow(0, at, written.shape[0]);
        room.copy_(written).Dispose();
    }
}
