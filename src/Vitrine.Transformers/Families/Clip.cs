using Vitrine.Checkpoints;
using Vitrine.Transformers.Engine;
using Vitrine.Transformers.Points;

namespace Vitrine.Transformers.Families;

/// <summary>CLIP: an image tower and a text tower that meet in one space (transformers, modeling_clip.py; Radford et al. 2021).</summary>
internal static class Clip
{
    internal static readonly string[] Inert = ["logit_scale_init_value"];

    /// <summary>What the configuration says of the text tower.</summary>
    private sealed record TextPart(TextConfig Config, int EndToken);

    public static Func<WeightReader, VisionParts> Read(ConfigReader json)
    {
        var isWhole = json.Text("model_type") == "clip";
        var shared = json.Size("projection_dim", 512);
        var tower = ReadVision(isWhole ? json.Object("vision_config") : json);
        var text = isWhole ? ReadText(json.Object("text_config")) : null;
        if (isWhole)
        {
            MustAgree(json, "vision_config_dict", other => ReadVision(other) == tower);
            MustAgree(
                json, "text_config_dict", other => ReadText(other) is var t && t.EndToken == text!.EndToken && t.Config.Vocabulary == text.Config.Vocabulary
                && t.Config.Positions == text.Config.Positions && t.Config.Blocks.SequenceEqual(text.Config.Blocks));
        }

        json.RefuseUnread([.. Inert, .. isWhole ? (string[])["vision_config", "text_config"] : []]);
        return weights => Load(weights, tower, text, shared);
    }

    /// <remarks>
    /// Old files hold each part's settings twice; where they do, the reference takes these, class defaults for what they lack (configuration_clip.py).
    /// </remarks>
    private static void MustAgree(ConfigReader json, string key, Predicate<ConfigReader> agrees)
    {
        if (json.Has(key) && !agrees(json.Object(key)))
        {
            throw new VitrineException(
                $"{json.Source}: {key} and {key[..^"_dict".Length]} describe different towers; the reference takes the first. Delete the one "
                + "that is not meant.");
        }
    }

    public static bool IsUnused(string name) => name.EndsWith("embeddings.position_ids", StringComparison.Ordinal);

    public static TowerConfig ReadVision(ConfigReader json)
    {
        var tower = TowerConfig.Read(
            json, (size, patch)
                => new TowerSpec(size, patch, ClassToken: true, 0, PositionOnClassToken: true, PositionResampling.Bicubic,
                    TowerFeatures.Residual), 32, "quick_gelu", 1e-5);
        json.RefuseUnread(["projection_dim"]);
        return tower;
    }

    private static TextPart ReadText(ConfigReader json)
    {
        var (width, heads) = (json.Size("hidden_size", 512), json.Size("num_attention_heads", 8));
        if (width % heads != 0)
        {
            throw new VitrineException($"{json.Source}: {heads} heads do not divide width {width}.");
        }

        var spec = new BlockSpec(
            width,
            new NormSpec(NormKind.LayerNorm, json.Number("layer_norm_eps", 1e-5)),
            new AttentionSpec(heads, heads, width / heads, AttentionMask.Causal, Rotary: null) { Bias = true, OutputBias = true },
            new MlpSpec(json.Size("intermediate_size", 2048), Gated: false, json.Activation("hidden_act", "quick_gelu")) { Bias = true },
            LayerScale: false);
        BlockSpec[] blocks = [.. Enumerable.Repeat(spec, json.Size("num_hidden_layers", 12))];
        var config = new TextConfig(blocks, json.Size("vocab_size", 49408)) { Positions = json.Size("max_position_embeddings", 77) };
        var end = json.Count("eos_token_id", 49407);
        json.RefuseUnread(["projection_dim"]);
        return new TextPart(config, end);
    }

    /// <remarks>
    /// The norm in front is spelled pre_layrnorm; patches have no bias; only the class token passes post_layernorm. A tower saved alone may lack the
    /// <c>vision_model.</c>
    /// </remarks>
    private static VisionParts Load(WeightReader weights, TowerConfig tower, TextPart? text, int shared)
    {
        var at = weights.Has("post_layernorm.weight") ? "" : "vision_model.";
        var (blocks, embedding, entry) = Parts(weights, at, tower);
        var last = weights.Norm(tower.Block.Norm, $"{at}post_layernorm", tower.Block.Width);
        return new VisionParts(tower.Assemble("vision", blocks, embedding, entry, last))
        {
            Head = text is not null || weights.Has("visual_projection.weight")
                ? weights.Linear("visual_projection", shared, tower.Block.Width, bias: false)
                : null,
            Text = text is null ? null : LoadText(weights, text, shared),
        };
    }

    /// <summary>The image tower inside a larger model, read behind one of its blocks.</summary>
    /// <param name="weights">The checkpoint.</param>
    /// <param name="at">What stands before <c>embeddings.</c>, with its dot.</param>
    /// <param name="tower">Sizes.</param>
    /// <param name="after">The block whose output is handed on.</param>
    /// <param name="cut">Tokens in front that are not.</param>
    public static Tower LoadTower(WeightReader weights, string at, TowerConfig tower, int after, int cut)
    {
        var (blocks, embedding, entry) = Parts(weights, at, tower);
        return tower.Assemble("vision", blocks, embedding, entry, after, cut);
    }

    private static (Block[] Blocks, PatchEmbedding Embedding, Norm Entry) Parts(WeightReader weights, string at, TowerConfig tower)
    {
        var (spec, width, patch) = (tower.Block, tower.Block.Width, tower.Spec.PatchSize);
        Block[] blocks = [.. Enumerable.Range(0, tower.Depth).Select(i => new Block(spec, ClipLayout.Weights(weights, $"{at}encoder.layers.{i}", spec)))];
        var embedding = new PatchEmbedding(
            tower.Spec,
            weights.Take($"{at}embeddings.patch_embedding.weight", width, 3, patch, patch),
            Bias: null,
            weights.View(weights.Take($"{at}embeddings.position_embedding.weight", tower.Spec.Positions, width), 1, tower.Spec.Positions, width),
            weights.View(weights.Take($"{at}embeddings.class_embedding", width), 1, 1, width),
            Registers: null);
        return (blocks, embedding, weights.Norm(spec.Norm, $"{at}pre_layrnorm", width));
    }

    private static TextSide LoadText(WeightReader weights, TextPart text, int shared)
    {
        const string At = "text_model.";
        var (config, spec, width) = (text.Config, text.Config.Spec, text.Config.Spec.Width);
        var embedding = weights.Words($"{At}embeddings.token_embedding.weight", config.Vocabulary, width) with
        {
            StoredPositions = weights.Stored($"{At}embeddings.position_embedding.weight", config.Positions, width),
        };
        Block[] blocks = [.. config.Blocks.Select((_, i) => new Block(spec, ClipLayout.Weights(weights, $"{At}encoder.layers.{i}", spec)))];
        var stack = config.Assemble(
            "text", blocks, embedding, entryNorm: null, weights.Norm(spec.Norm, $"{At}final_layer_norm", width), head: null, Point.Features);
        return new TextSide(stack, weights.Linear("text_projection", shared, width, bias: false), text.EndToken, weights.Take("logit_scale"));
    }
}
