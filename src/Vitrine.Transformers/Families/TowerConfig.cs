using Vitrine.Checkpoints;
using Vitrine.Transformers.Engine;
using Vitrine.Transformers.Points;

namespace Vitrine.Transformers.Families;

/// <summary>What the image towers of transformers have in common.</summary>
/// <param name="Spec">Around the blocks.</param>
/// <param name="Block">Every block.</param>
/// <param name="Depth">How many.</param>
internal sealed record TowerConfig(TowerSpec Spec, BlockSpec Block, int Depth)
{
    /// <summary>Reads the sizes that all of them spell alike.</summary>
    /// <param name="json">config.json, or the vision_config inside.</param>
    /// <param name="spec">From picture and patch size to what stands around the blocks.</param>
    /// <param name="patchSize">Class default.</param>
    /// <param name="activation">Class default.</param>
    /// <param name="epsilon">Class default.</param>
    /// <param name="neurons">F of a width; null for intermediate_size.</param>
    /// <param name="width">Class default of d.</param>
    /// <param name="heads">Class default of H.</param>
    public static TowerConfig Read(
        ConfigReader json, Func<int, int, TowerSpec> spec, int patchSize, string activation, double epsilon, Func<int, int>? neurons = null, int width = 768,
        int heads = 12)
    {
        (width, heads) = (json.Size("hidden_size", width), json.Size("num_attention_heads", heads));
        if (width % heads != 0)
        {
            throw new VitrineException($"{json.Source}: {heads} heads do not divide width {width}.");
        }

        if (json.Size("num_channels", 3) != 3)
        {
            throw new VitrineException($"{json.Source}: num_channels is not 3; pictures have red, green and blue.");
        }

        var hidden = neurons?.Invoke(width) ?? json.Size("intermediate_size", 3072);
        var block = new BlockSpec(
            width,
            new NormSpec(NormKind.LayerNorm, json.Number("layer_norm_eps", epsilon)),
            new AttentionSpec(heads, heads, width / heads, AttentionMask.Full, Rotary: null) { Bias = json.Flag("qkv_bias", true), OutputBias = true },
            new MlpSpec(hidden, Gated: false, json.Activation("hidden_act", activation)) { Bias = true },
            LayerScale: false);
        return new TowerConfig(
            spec(json.Size("image_size", 224), json.Size("patch_size", patchSize)).Checked(json.Source), block, json.Size("num_hidden_layers", 12));
    }

    /// <summary>Puts the stack together.</summary>
    /// <param name="name">First part of its addresses.</param>
    /// <param name="blocks">With their weights.</param>
    /// <param name="embedding">In front of them.</param>
    /// <param name="entryNorm">Behind the embedding.</param>
    /// <param name="lastNorm">Behind the last block.</param>
    /// <param name="pool">An attention pool behind it; null for none.</param>
    /// <param name="pooler">On the class token, with tanh; null for none.</param>
    public Tower Assemble(
        string name, IReadOnlyList<Block> blocks, PatchEmbedding embedding, Norm? entryNorm, Norm? lastNorm, AttentionPool? pool = null, Linear? pooler = null)
    {
        HashSet<Point> points = [.. Block.PointsInBlock(), Point.Embed, Point.Features];
        points.UnionWith([.. entryNorm is null ? Array.Empty<Point>() : [Point.EntryNormIn], .. lastNorm is null ? Array.Empty<Point>() : [Point.FinalNorm],
            .. pool is not null ? AttentionPool.Points : []]);
        var attention = Block.Attention;
        var shape = new StackShape(
            name, blocks.Count, Block.Width, attention.Heads, attention.KeyValueHeads, attention.HeadWidth, Block.Mlp.Neurons, 0, points);
        return new Tower(shape, blocks, embedding) { EntryNorm = entryNorm, LastNorm = lastNorm, Pool = pool, Pooler = pooler };
    }

    /// <summary>The same for a tower that is read behind one of its blocks; what stands behind that block runs only where a plan reads it.</summary>
    /// <param name="name">First part of its addresses.</param>
    /// <param name="blocks">With their weights.</param>
    /// <param name="embedding">In front of them.</param>
    /// <param name="entryNorm">Behind the embedding.</param>
    /// <param name="after">The block whose output is handed on.</param>
    /// <param name="cut">Tokens in front that are not.</param>
    public Tower Assemble(string name, IReadOnlyList<Block> blocks, PatchEmbedding embedding, Norm? entryNorm, int after, int cut)
    {
        var whole = Assemble(name, blocks, embedding, entryNorm, lastNorm: null);
        return new Tower(whole.Shape, blocks, embedding) { EntryNorm = entryNorm, FeaturesAfter = after, PrefixTokensCut = cut };
    }

    /// <summary>Class token and positions under the names that ViT and DINOv2 share.</summary>
    public PatchEmbedding Embedding(WeightReader weights, string prefix)
    {
        var (width, patch) = (Block.Width, Spec.PatchSize);
        return new PatchEmbedding(
            Spec,
            weights.Take($"{prefix}embeddings.patch_embeddings.projection.weight", width, 3, patch, patch),
            weights.Take($"{prefix}embeddings.patch_embeddings.projection.bias", width),
            weights.Take($"{prefix}embeddings.position_embeddings", 1, Spec.Positions, width),
            weights.Take($"{prefix}embeddings.cls_token", 1, 1, width),
            Spec.Registers > 0 ? weights.Take($"{prefix}embeddings.register_tokens", 1, Spec.Registers, width) : null);
    }
}
