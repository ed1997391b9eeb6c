using Vitrine.Checkpoints;
using Vitrine.Transformers.Engine;

namespace Vitrine.Transformers.Families;

/// <summary>
/// Qwen2.5-VL: a tower of RMS norms and gated feed-forwards whose blocks look through windows but for a few, merged patches, and Qwen 2 turned by time, row and
/// column (transformers, modeling_qwen2_5_vl.py).
/// </summary>
internal static class Qwen25Vl
{
    private static readonly DecoderDefaults Defaults = new(8192, 29568, 80, 64, 8, null, 152064, Tied: false)
    {
        Epsilon = 1e-5,
        Theta = 1000000,
        Axes = new RotaryAxes([16, 24, 24], AxisOrder.Chunked),
    };

    /// <summary>Ids around pictures, which the prompt itself has, and of videos, which are not read.</summary>
    internal static readonly string[] Inert = ["video_token_id", "vision_start_token_id", "vision_end_token_id", "vision_token_id"];

    /// <summary>Keys of vision_config that only videos need.</summary>
    internal static readonly string[] OfVideos = ["tokens_per_second"];

    /// <remarks>The first files have the text's keys beside vision_config; later ones in a text_config.</remarks>
    public static Func<WeightReader, VisionLanguageParts> Read(ConfigReader json)
    {
        var vision = Vision(json.Object("vision_config"));
        var image = json.Count("image_token_id", 151655);
        var isNested = json.Has("text_config");
        var part = isNested ? json.Object("text_config") : json;
        var text = Text(part);
        var tied = json.Flag("tie_word_embeddings", false);
        json.RefuseUnread(Inert);
        if (isNested)
        {
            part.RefuseUnread(Inert);
        }

        vision.Require(json, text);
        return weights => Load(weights, vision, text with { Tied = tied }, image);
    }

    private static TextConfig Text(ConfigReader json)
    {
        var config = LlamaConfig.Read(json, Defaults, NormKind.Rms, json.Activation("hidden_act", "silu"));
        return Qwen2.Windowed(config.Attending((a, _) => a with { Bias = true }), json, firstWindowed: 80);
    }

    private static QwenTower Vision(ConfigReader json)
    {
        var (width, heads, depth) = (json.Size("hidden_size", 3584), json.Size("num_heads", 16), json.Size("depth", 32));
        var (patch, merge, window) = (json.Size("patch_size", 14), json.Size("spatial_merge_size", 2), json.Size("window_size", 112));
        var whole = json.Counts("fullatt_block_indexes") ?? [7, 15, 23, 31];
        var blocksOfWindow = window / merge / patch;
        if (blocksOfWindow == 0 || json.Size("spatial_patch_size", patch) != patch || whole.Any(b => b >= depth))
        {
            throw new VitrineException($"{json.Source}: windows of {window} pixels hold {blocksOfWindow} blocks of {merge} patches of {patch}, and blocks "
                + $"{string.Join(", ", whole)} of {depth} look at whole pictures; expected at least one block, and blocks that there are.");
        }

        var attention = QwenTower.Attention(json, width, heads);
        var block = new BlockSpec(
            width, new NormSpec(NormKind.Rms, 1e-6), attention,
            new MlpSpec(json.Size("intermediate_size", 3420), Gated: true, json.Activation("hidden_act", "silu")) { Bias = true }, LayerScale: false);
        var windowed = block with { Attention = attention with { Mask = AttentionMask.OwnWindow } };
        var tower = new QwenTower(
            [.. Enumerable.Range(0, depth).Select(i => whole.Contains(i) ? block : windowed)], patch, json.Size("temporal_patch_size", 2),
            new GridLayout(merge, blocksOfWindow), json.Size("out_hidden_size", 3584));
        json.RefuseUnread(OfVideos);
        return tower;
    }

    private static VisionLanguageParts Load(WeightReader weights, QwenTower vision, TextConfig text, int image)
    {
        var (at, width, square) = (QwenTower.Prefix(weights), vision.Spec.Width, vision.Layout.Merge * vision.Layout.Merge);
        Block[] blocks = [.. vision.Blocks.Select((spec, i) => new Block(spec, Weights(weights, $"{at}blocks.{i}", spec)))];
        var tower = new GridTower(
            vision.Shape(), blocks, vision.Around(0, PositionResampling.Turned), vision.Patches(weights, at, bias: false), vision.Layout);
        var merger = new PatchMerger(
            weights.Norm(vision.Spec.Norm, $"{at}merger.ln_q", width), OfSquare: false,
            weights.Linear($"{at}merger.mlp.0", square * width, square * width, bias: true),
            weights.Linear($"{at}merger.mlp.2", vision.Out, square * width, bias: true));
        var connector = new MergeConnector(merger, square, MergeConnector.WindowOrder(vision.Out));
        return new VisionLanguageParts(new GridPictures(tower, connector, image, new RepeatedPlacing()), LanguagePart.Load(weights, text));
    }

    private static BlockWeights Weights(WeightReader weights, string at, BlockSpec spec)
    {
        var (width, neurons) = (spec.Width, spec.Mlp.Neurons);
        var (query, key, value) = weights.ThreeLinears($"{at}.attn.qkv", width, width, bias: true);
        return new BlockWeights
        {
            AttentionNorm = weights.Norm(spec.Norm, $"{at}.norm1", width),
            MlpNorm = weights.Norm(spec.Norm, $"{at}.norm2", width),
            Query = query,
            Key = key,
            Value = value,
            Output = weights.Linear($"{at}.attn.proj", width, width, bias: true),
            Gate = weights.Linear($"{at}.mlp.gate_proj", neurons, width, bias: true),
            Up = weights.Linear($"{at}.mlp.up_proj", neurons, width, bias: true),
            Down = weights.Linear($"{at}.mlp.down_proj", width, neurons, bias: true),
        };
    }
}
