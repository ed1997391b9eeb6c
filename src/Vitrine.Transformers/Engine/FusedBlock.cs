namespace Vitrine.Transformers.Engine;

/// <summary>One block over the buffers of a <see cref="FusedRow"/>: the lines of <see cref="Block.Forward"/> without its points.</summary>
internal sealed unsafe class FusedBlock
{
    private readonly BlockSpec spec;
    private readonly BlockWeights weights;
    private readonly Turning? turning;
    private readonly ProductWork read, output, open, down;
    private readonly AttendWork attend;

    public FusedBlock(Block block, OneRowLinear[] layers, FusedBuffers buffers, Turning? turning, nint[] scratch)
    {
        (spec, weights, this.turning) = (block.Spec, block.Weights, turning);
        read = new ProductWork(
            [layers[0], layers[1], layers[2]], [(nint)buffers.Queries, (nint)buffers.Keys, (nint)buffers.Values], (nint)buffers.Normed, scratch);
        attend = new AttendWork(spec.Attention, (nint)buffers.Queries, (nint)buffers.Z, scratch);
        output = new ProductWork([layers[3]], [(nint)buffers.Attended], (nint)buffers.Z, scratch);
        open = weights.Gate is null
            ? new ProductWork([layers[4]], [(nint)buffers.Neurons], (nint)buffers.Normed, scratch)
            : new ProductWork([layers[6], layers[4]], [(nint)buffers.Gate, (nint)buffers.Neurons], (nint)buffers.Normed, scratch);
        down = new ProductWork([layers[5]], [(nint)buffers.Fed], (nint)buffers.Neurons, scratch);
    }

    /// <summary>Whether a block is made of what stands here and no more.</summary>
    public static bool Takes(Block block)
        => block.Spec is { Cross: null, Attention: { Keys: KeySource.Own, AddsPositions: false, Mask: AttentionMask.Causal or AttentionMask.Prefix } attention }
            && attention.Rotary?.CountsOwnTokens != true && block.Weights.Cross is null
            && (block.Weights.QueryNorm is null) == (block.Weights.KeyNorm is null)
            && FusedRow.Numbers([.. block.Weights.Norms()])
            && block.Weights.AttentionScale?.is_contiguous() != false && block.Weights.MlpScale?.is_contiguous() != false;

    /// <summary>Query, key, value, output, up, down and, where there is one, gate.</summary>
    public static Linear[] LinearsOf(BlockWeights w) => [w.Query, w.Key, w.Value, w.Output, w.Up, w.Down, .. w.Gate is { } gate ? new[] { gate } : []];

    /// <param name="b">The residual is read and written there.</param>
    /// <param name="room">The cache's place for this token's keys and values.</param>
    /// <param name="position">Of the token; so many stand before it in the cache.</param>
    /// <param name="team">Null for one thread.</param>
    public void Forward(FusedBuffers b, CacheRoom room, int position, CoreTeam? team)
    {
        var width = b.Width;
        b.Norm(weights.AttentionNorm, b.Residual, b.Normed);
        read.Run(team);
        Attend(b, room, position, team);
        output.Run(team);
        Arrive(b, weights.AttentionWriting, b.Attended, width);
        if (!spec.Parallel)
        {
            RowMath.Add(b.Residual, b.Attended, width);
            Settle(b, weights.AttentionPostNorm);
        }

        b.Norm(weights.MlpNorm, b.Residual, b.Normed);
        open.Run(team);
        if (weights.Gate is null)
        {
            RowMath.Activate(spec.Mlp.Activation, b.Neurons, spec.Mlp.Neurons);
        }
        else
        {
            RowMath.Activate(spec.Mlp.Activation, b.Gate, spec.Mlp.Neurons);
            RowMath.Multiply(b.Neurons, b.Gate, spec.Mlp.Neurons);
        }

        down.Run(team);
        Arrive(b, weights.MlpWriting, b.Fed, width);
        if (spec.Parallel)
        {
            RowMath.Add(b.Residual, b.Attended, width);
        }

        RowMath.Add(b.Residual, b.Fed, width);
        Settle(b, weights.MlpPostNorm);
    }

    private void Attend(FusedBuffers b, CacheRoom room, int position, CoreTeam? team)
    {
        var (heads, shared, width) = (spec.Attention.Heads, spec.Attention.KeyValueHeads, spec.Attention.HeadWidth);
        if (weights.QueryNorm is { } queryNorm && weights.KeyNorm is { } keyNorm)
        {
            b.Norm(queryNorm, b.Queries, b.Queries, heads, width);
            b.Norm(keyNorm, b.Keys, b.Keys, shared, width);
        }

        if (turning is not null)
        {
            RowMath.Turn(b.Queries, heads, width, turning.Cos, turning.Sin, turning.Width);
            RowMath.Turn(b.Keys, shared, width, turning.Cos, turning.Sin, turning.Width);
        }

        float* keys = (float*)room.Keys, values = (float*)room.Values;
        for (var head = 0; head < shared; head++)
        {
            var at = (head * room.HeadStride) + ((long)position * width);
            new Span<float>(b.Keys + (head * width), width).CopyTo(new Span<float>(keys + at, width));
            new Span<float>(b.Values + (head * width), width).CopyTo(new Span<float>(values + at, width));
        }

        var first = Math.Max(0, position + 1 - (spec.Attention.Window ?? (position + 1)));
        var skipped = (long)first * width * sizeof(float);
        attend.Run(room with { Keys = (nint)(room.Keys + skipped), Values = (nint)(room.Values + skipped) }, position + 1 - first, team);
    }

    /// <summary>What a part computed, through what stands between it and the residual.</summary>
    private static void Arrive(FusedBuffers b, Writing writing, float* x, int width)
    {
        if (writing.Scale is { } scale)
        {
            RowMath.Multiply(x, b.At(scale), width);
        }
        else if (writing.OutputNorm is { } norm)
        {
            b.Norm(norm, x, x);
        }
    }

    private static void Settle(FusedBuffers b, Norm? norm)
    {
        if (norm is not null)
        {
            b.Norm(norm, b.Residual, b.Residual);
        }
    }
}
