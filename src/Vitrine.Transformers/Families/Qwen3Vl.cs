using Vitrine.Checkpoints;
using Vitrine.Transformers.Engine;

namespace Vitrine.Transformers.Families;

/// <summary>
/// Qwen3-VL: a tower with learned and turned positions whose features also reach the decoder behind its first blocks (DeepStack), merged patches, and Qwen 3
/// turned by time, row and column (transformers, modeling_qwen3_vl.py).
/// </summary>
internal static class Qwen3Vl
{
    private static readonly DecoderDefaults Defaults = new(4096, 22016, 32, 32, 32, 128, 151936, Tied: false)
    {
        Theta = 5000000,
        Axes = new RotaryAxes([24, 20, 20], AxisOrder.Interleaved),
    };

    /// <param name="Tower">What both Qwen towers have.</param>
    /// <param name="Grid">Learned positions on a side.</param>
    /// <param name="DeepStack">Blocks whose features are handed on too.</param>
    private sealed record Seeing(QwenTower Tower, int Grid, IReadOnlyList<int> DeepStack);

    public static Func<WeightReader, VisionLanguageParts> Read(ConfigReader json)
    {
        var seeing = Vision(json.Object("vision_config"));
        var part = json.Object("text_config");
        var bias = part.Flag("attention_bias", false);
        var text = LlamaConfig.Read(part, Defaults, NormKind.Rms, part.Activation("hidden_act", "silu"));
        text = text.Attending((a, _) => a with { Bias = bias, OutputBias = bias, QueryKeyNorm = text.Spec.Norm });
        text = text with { Tied = json.Flag("tie_word_embeddings", false) };
        var image = json.Count("image_token_id", 151655);
        part.RefuseUnread();
        json.RefuseUnread(Qwen25Vl.Inert);
        seeing.Tower.Require(json, text);
        return seeing.DeepStack.Count < text.Layers
            ? weights => Load(weights, seeing, text, image)
            : throw new VitrineException(
                $"{json.Source}: deepstack_visual_indexes names {seeing.DeepStack.Count} blocks; the text has {text.Layers}, and must have more.");
    }

    private static Seeing Vision(ConfigReader json)
    {
        var (width, heads, depth) = (json.Size("hidden_size", 1152), json.Size("num_heads", 16), json.Size("depth", 27));
        var places = json.Size("num_position_embeddings", 2304);
        var (grid, deep) = ((int)Math.Sqrt(places), json.Counts("deepstack_visual_indexes") ?? [8, 16, 24]);
        if (grid * grid != places || deep.Any(b => b >= depth) || !deep.SequenceEqual(deep.Distinct().Order()))
        {
            throw new VitrineException($"{json.Source}: num_position_embeddings is {places}, deepstack_visual_indexes {string.Join(", ", deep)} of {depth} "
                + "blocks; expected a square, and blocks in order.");
        }

        var block = new BlockSpec(
            width, new NormSpec(NormKind.LayerNorm, 1e-6), QwenTower.Attention(json, width, heads),
            new MlpSpec(json.Size("intermediate_size", 4304), Gated: false, json.Activation("hidden_act", "gelu_pytorch_tanh")) { Bias = true },
            LayerScale: false);
        var tower = new QwenTower(
            [.. Enumerable.Repeat(block, depth)], json.Size("patch_size", 16), json.Size("temporal_patch_size", 2),
            new GridLayout(json.Size("spatial_merge_size", 2), 0), json.Size("out_hidden_size", 3584));
        json.RefuseUnread();
        return new Seeing(tower, grid, deep);
    }

    private static VisionLanguageParts Load(WeightReader weights, Seeing seeing, TextConfig text, int image)
    {
        var (vision, at) = (seeing.Tower, QwenTower.Prefix(weights));
        Block[] blocks = [.. vision.Blocks.Select((spec, i) => new Block(spec, Weights(weights, $"{at}blocks.{i}", spec)))];
        var deep = seeing.DeepStack.Select((block, j) => (block, Merger(weights, $"{at}deepstack_merger_list.{j}", vision, ofSquare: true))).ToArray();
        var points = deep.Select((_, j) => PictureSide.DeepStack(j, vision.Out)).ToArray();
        var tower = new GridTower(
            vision.Shape(points), blocks, vision.Around(seeing.Grid * vision.PatchSize, PositionResampling.BilinearCorners),
            vision.Patches(weights, at, bias: true), vision.Layout)
        {
            Learned = weights.Take($"{at}pos_embed.weight", seeing.Grid * seeing.Grid, vision.Spec.Width),
            DeepStack = deep,
        };
        var connector = new MergeConnector(
            Merger(weights, $"{at}merger", vision, ofSquare: false), vision.Layout.Merge * vision.Layout.Merge, inWindowOrder: null);
        var language = LanguagePart.Load(weights, text, points);
        return new VisionLanguageParts(new GridPictures(tower, connector, image, new RepeatedPlacing()), language);
    }

    private static PatchMerger Merger(WeightReader weights, string at, QwenTower vision, bool ofSquare)
    {
        var (width, square) = (vision.Spec.Width, vision.Layout.Merge * vision.Layout.Merge * vision.Spec.Width);
        return new PatchMerger(
            weights.Norm(vision.Spec.Norm, $"{at}.norm", ofSquare ? square : width), ofSquare,
            weights.Linear($"{at}.linear_fc1", square, square, bias: true), weights.Linear($"{at}.linear_fc2", vision.Out, square, bias: true));
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
            Up = weights.Linear($"{at}.mlp.linear_fc1", neurons, width, bias: true),
            Down = weights.Linear($"{at}.mlp.linear_fc2", width, neurons, bias: true),
        };
    }
}
