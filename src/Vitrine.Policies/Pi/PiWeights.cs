using Vitrine.Transformers;
using Vitrine.Transformers.Engine;
using Vitrine.Transformers.Families;

namespace Vitrine.Policies.Pi;

/// <summary>The parts that pi0, pi0.5 and pi0-FAST share: PaliGemma, whose sizes are read off the shapes of its weights.</summary>
/// <param name="weights">Of the whole checkpoint.</param>
/// <remarks>
/// LeRobot puts <c>model.</c> in front of every name, openpi nothing; torch.compile leaves <c>_orig_mod.</c> behind. Gemma's heads share one key and value
/// head, so that the widths of its projections tell the number of heads.
/// </remarks>
internal sealed class PiWeights(WeightReader weights)
{
    private const string Inner = "paligemma_with_expert.paligemma.", ExpertLayers = "paligemma_with_expert.gemma_expert.model.";
    private const int So400mWidth = 1152, So400mHeads = 16;

    private static readonly string[] Prefixes = ["model.", "", "model._orig_mod.", "_orig_mod.model.", "_orig_mod."];

    /// <summary>The checkpoint under the names that stand behind the writers' prefixes.</summary>
    public WeightReader Plain { get; } = Prefixes.Select(weights.Under).FirstOrDefault(w => w.HasUnder(Inner))
        ?? throw new VitrineException($"{weights.Source}: the weights have no tensor '{Inner}...'; is this another policy?");

    private WeightReader PaliGemma => Plain.Under(Inner);

    /// <summary>Pixels on a side of the pictures that the image tower sees.</summary>
    public int PictureSide
    {
        get
        {
            var at = $"{TowerPart.Prefix(PaliGemma)}embeddings.";
            var patches = PaliGemma.Shape($"{at}position_embedding.weight")[0];
            return (int)PaliGemma.Shape($"{at}patch_embedding.weight")[2] * (int)Math.Sqrt(patches);
        }
    }

    /// <summary>SigLIP.</summary>
    /// <param name="options">Which may say the heads.</param>
    /// <param name="height">Rows of its pictures.</param>
    /// <param name="width">Columns.</param>
    /// <exception cref="VitrineException">Nothing says how many heads it has, or pictures have another size.</exception>
    public Tower Vision(ModelOptions options, int height, int width)
    {
        var prefix = TowerPart.Prefix(PaliGemma);
        var patches = PaliGemma.Shape($"{prefix}embeddings.patch_embedding.weight");
        var (d, patch, side) = ((int)patches[0], (int)patches[2], PictureSide);
        if ((height, width) != (side, side))
        {
            throw new VitrineException($"{weights.Source}: image_resolution is {height} x {width}; the image tower of the weights sees {side} x {side}.");
        }

        var heads = (options as PiOptions)?.VisionHeads ?? (d == So400mWidth ? So400mHeads : throw new VitrineException(
            $"{weights.Source}: its image tower is {d} wide, and no file says how many heads it has; give them with "
                + $"{nameof(PiOptions)}.{nameof(PiOptions.VisionHeads)}."));
        if (heads <= 0 || d % heads != 0)
        {
            throw new VitrineException($"{weights.Source}: {heads} heads do not divide the image tower's width of {d}.");
        }

        var block = new BlockSpec(
            d,
            new NormSpec(NormKind.LayerNorm, 1e-6),
            new AttentionSpec(heads, heads, d / heads, AttentionMask.Full, Rotary: null) { Bias = true, OutputBias = true },
            new MlpSpec((int)PaliGemma.Shape($"{prefix}encoder.layers.0.mlp.fc1.weight")[0], Gated: false, Activation.GeluTanh) { Bias = true },
            LayerScale: false);
        var spec = new TowerSpec(side, patch, ClassToken: false, 0, PositionOnClassToken: false, PositionResampling.None, TowerFeatures.Normed);
        var depth = Depth(PaliGemma, $"{prefix}encoder.layers.", "layer_norm1.weight");
        return SigLip.Load(PaliGemma, prefix, new SigLip.Config(new TowerConfig(spec, block, depth), Head: false), "vision");
    }

    /// <summary>One matrix from what the tower saw to tokens.</summary>
    public Connector Connector(int width, int visionWidth) => new LinearConnector(
        [PaliGemma.Linear($"{TowerPart.Outer(PaliGemma)}multi_modal_projector.linear", width, visionWidth, bias: true)], Activation.Gelu);

    /// <summary>Gemma, which reads pictures and words.</summary>
    /// <param name="mask">What its tokens see.</param>
    public Decoder Language(AttentionMask mask)
    {
        var (blocks, head) = PaliGemma.Has("language_model.model.norm.weight")
            ? ("language_model.model.", "language_model.lm_head")
            : ("model.language_model.", "lm_head");
        var table = PaliGemma.Shape(PaliGemma.Has($"{head}.weight") ? $"{head}.weight" : $"{blocks}embed_tokens.weight");
        var spec = Block(PaliGemma, $"{blocks}layers.0", (int)table[1], new NormSpec(NormKind.RmsFromOne, 1e-6), mask, KeySource.Own);
        var text = new TextConfig([.. Enumerable.Repeat(spec, Depth(PaliGemma, $"{blocks}layers."))], (int)table[0])
        {
            Tied = true,
            EmbeddingScale = Math.Sqrt(spec.Width),
        };
        return LlamaLayout.Load(PaliGemma, blocks, head, text).Decoder;
    }

    /// <summary>The Gemma that denoises.</summary>
    /// <param name="norm">How its norms scale.</param>
    /// <param name="mask">What the chunk's tokens see of each other.</param>
    /// <param name="others">Points in front of it.</param>
    public Decoder Expert(NormKind norm, AttentionMask mask, params Transformers.Points.Point[] others)
    {
        var width = (int)Plain.Shape("action_in_proj.weight")[0];
        var spec = Block(Plain, $"{ExpertLayers}layers.0", width, new NormSpec(norm, 1e-6), mask, KeySource.PrefixThenOwn);
        var layers = Enumerable.Repeat(spec, Depth(Plain, $"{ExpertLayers}layers.", "self_attn.q_proj.weight"));
        return LlamaLayout.LoadExpert(Plain, ExpertLayers, "expert", [.. layers], "language", others);
    }

    /// <summary>Tensors that nobody reads: the expert's unembedding, which was never trained, tables of words that stand twice, buffers.</summary>
    public static bool IsUnused(string name)
        => name.Contains("gemma_expert.lm_head.", StringComparison.Ordinal) || name.Contains("gemma_expert.model.embed_tokens.", StringComparison.Ordinal)
            || LlamaLayout.IsUnused(name) || name.EndsWith("embeddings.position_ids", StringComparison.Ordinal);

    private static BlockSpec Block(WeightReader weights, string at, int width, NormSpec norm, AttentionMask mask, KeySource keys)
    {
        var (queries, head) = ((int)weights.Shape($"{at}.self_attn.q_proj.weight")[0], (int)weights.Shape($"{at}.self_attn.k_proj.weight")[0]);
        return new BlockSpec(
            width,
            norm,
            new AttentionSpec(queries / head, 1, head, mask, new RotarySpec(10000, head)) { Keys = keys },
            new MlpSpec((int)weights.Shape($"{at}.mlp.gate_proj.weight")[0], Gated: true, Activation.GeluTanh),
            LayerScale: false);
    }

    private static int Depth(WeightReader weights, string layers, string tensor = "input_layernorm.weight")
    {
        var depth = 0;
        while (weights.Has($"{layers}{depth}.{tensor}"))
        {
            depth++;
        }

        return depth;
    }
}
