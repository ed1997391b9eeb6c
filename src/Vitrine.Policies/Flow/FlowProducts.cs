using Vitrine.Transformers.Engine;
using static TorchSharp.torch;

namespace Vitrine.Policies.Flow;

/// <summary>The matrix products that an act needs, alone: what no way of computing it can do without.</summary>
/// <remarks>
/// Every projection with the model's own weights over as many rows, and attention's two products over as many keys; no norms, activations, additions or masks.
/// What nobody reads is left out (the last language layer behind its keys and values), and a prefix's keys and values that a block projects are made once.
/// Patch embedding, connector and the projections of chunk and time are left out too.
/// </remarks>
internal static class FlowProducts
{
    /// <summary>Of pictures.</summary>
    public static void Pictures(Tower tower, int pictures)
    {
        foreach (var block in pictures == 0 ? [] : tower.Blocks)
        {
            using var scope = NewDisposeScope();
            long[] rows = [pictures, tower.Grid * tower.Grid];
            Projected(block, rows);
            Attended(block.Spec.Attention, pictures, rows[1], rows[1]);
        }
    }

    /// <summary>Of a prompt with its pictures.</summary>
    public static void Prefix(Decoder language, int rows, int tokens)
    {
        foreach (var (layer, block) in language.Blocks.Index())
        {
            using var scope = NewDisposeScope();
            if (layer == language.Blocks.Count - 1)
            {
                var x = zeros([rows, tokens, block.Weights.Key.Inputs], block.Weights.Key.Dtype, language.Device);
                _ = block.Weights.Key.Apply(x);
                _ = block.Weights.Value.Apply(x);
                continue;
            }

            Projected(block, [rows, tokens]);
            Attended(block.Spec.Attention, rows, tokens, tokens);
        }
    }

    /// <summary>Of one flow step.</summary>
    /// <param name="expert">Which.</param>
    /// <param name="rows">Of the batch.</param>
    /// <param name="tokens">Of the chunk, with the state's.</param>
    /// <param name="prefix">Tokens that were read.</param>
    /// <param name="projectsPrefix">Whether keys and values of the prefix are projected in this step.</param>
    /// <param name="prefixRows">Rows of the prefix: one may serve all.</param>
    public static void Step(Decoder expert, int rows, int tokens, int prefix, bool projectsPrefix, int prefixRows)
    {
        foreach (var block in expert.Blocks)
        {
            using var scope = NewDisposeScope();
            var (attention, weights) = (block.Spec.Attention, block.Weights);
            var isOfPrefix = attention.Keys == KeySource.Prefix;
            Projected(block, [rows, tokens], isOfPrefix);
            if (isOfPrefix && projectsPrefix)
            {
                var read = zeros([prefixRows, prefix, weights.Key.Inputs], weights.Key.Dtype, expert.Device);
                _ = weights.Key.Apply(read);
                _ = weights.Value.Apply(read);
            }

            Attended(attention, rows, tokens, isOfPrefix ? prefix : prefix + tokens);
        }
    }

    private static void Projected(Block block, long[] rows, bool withoutKeys = false)
    {
        var w = block.Weights;
        Linear?[] all = [w.Query, withoutKeys ? null : w.Key, withoutKeys ? null : w.Value, w.Output, w.Gate, w.Up, w.Down];
        foreach (var same in all.OfType<Linear>().GroupBy(l => l.Inputs))
        {
            var x = zeros([.. rows, same.Key], same.First().Dtype, same.First().Stored.device);
            foreach (var linear in same)
            {
                linear.Apply(x).Dispose();
            }
        }
    }

    private static void Attended(AttentionSpec attention, long rows, long queries, long keys)
    {
        var q = zeros([rows, attention.Heads, queries, attention.HeadWidth]);
        var k = zeros([rows, attention.Heads, attention.HeadWidth, keys]);
        var pattern = q.matmul(k);
        _ = pattern.matmul(k.transpose(2, 3));
    }
}
