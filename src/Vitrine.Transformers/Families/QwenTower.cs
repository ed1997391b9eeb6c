using Vitrine.Checkpoints;
using Vitrine.Transformers.Engine;
using Vitrine.Transformers.Points;

namespace Vitrine.Transformers.Families;

/// <summary>What the image towers of Qwen2.5-VL and Qwen3-VL have in common.</summary>
/// <param name="Blocks">One spec a block.</param>
/// <param name="PatchSize">Pixels on a side of a patch.</param>
/// <param name="Times">Frames a patch spans.</param>
/// <param name="Layout">How patches follow each other.</param>
/// <param name="Out">Width of the decoder.</param>
internal sealed record QwenTower(IReadOnlyList<BlockSpec> Blocks, int PatchSize, int Times, GridLayout Layout, int Out)
{
    public BlockSpec Spec => Blocks[0];

    public static bool IsUnused(string name) => LlamaLayout.IsUnused(name);

    /// <summary>Numbers of a patch.</summary>
    public int PatchNumbers => 3 * Times * PatchSize * PatchSize;

    /// <summary>Attention of a tower's blocks: turned by row and column, a picture seeing itself alone.</summary>
    /// <param name="json">vision_config.</param>
    /// <param name="width">d.</param>
    /// <param name="heads">H.</param>
    /// <exception cref="VitrineException">The heads do not divide the width into quarters, or the rotation is of another kind.</exception>
    public static AttentionSpec Attention(ConfigReader json, int width, int heads)
    {
        if (width % (4 * heads) != 0)
        {
            throw new VitrineException($"{json.Source}: {heads} heads do not divide width {width} into heads of four equal parts.");
        }

        if (json.Size(json.Has("in_chans") ? "in_chans" : "in_channels", 3) != 3)
        {
            throw new VitrineException($"{json.Source}: in_channels is not 3; pictures have red, green and blue.");
        }

        var quarter = width / heads / 4;
        var theta = 10000.0;
        if (json.Has("rope_parameters"))
        {
            var rope = json.Object("rope_parameters");
            rope.MustBe("rope_type", "axial");
            theta = rope.Number("rope_theta", theta);
            rope.RefuseOthers();
        }

        var rotary = new RotarySpec(theta, 4 * quarter) { Axes = new RotaryAxes([quarter, quarter], AxisOrder.Apart) };
        return new AttentionSpec(heads, heads, width / heads, AttentionMask.OwnPicture, rotary) { Bias = true, OutputBias = true };
    }

    /// <summary>Where the tower's tensors stand.</summary>
    public static string Prefix(WeightReader weights) => weights.Has("visual.patch_embed.proj.weight") ? "visual." : "model.visual.";

    /// <summary>Refuses a decoder of another width.</summary>
    public void Require(ConfigReader json, TextConfig text)
    {
        if (Out != text.Spec.Width)
        {
            throw new VitrineException($"{json.Source}: vision_config.out_hidden_size is {Out}, hidden_size of the text (in text_config, or beside "
                + $"vision_config) {text.Spec.Width}; they must agree.");
        }
    }

    /// <summary>The projection of patches, stored as a convolution that they fill whole.</summary>
    public Linear Patches(WeightReader weights, string prefix, bool bias)
    {
        var kernel = weights.Take($"{prefix}patch_embed.proj.weight", Spec.Width, 3, Times, PatchSize, PatchSize);
        return new Linear(
            weights.View(kernel, Spec.Width, PatchNumbers), bias ? weights.Take($"{prefix}patch_embed.proj.bias", Spec.Width) : null);
    }

    /// <summary>Sizes and points.</summary>
    /// <param name="others">Points besides those of blocks, <c>embed</c> and <c>features</c>.</param>
    public StackShape Shape(params Point[] others)
    {
        var attention = Spec.Attention;
        HashSet<Point> points = [.. Spec.PointsInBlock(), Point.Embed, Point.Features, .. others];
        return new StackShape(
            "vision", Blocks.Count, Spec.Width, attention.Heads, attention.KeyValueHeads, attention.HeadWidth, Spec.Mlp.Neurons, 0, points);
    }

    /// <summary>What stands around the blocks.</summary>
    public TowerSpec Around(int imageSize, PositionResampling resampling)
        => new(imageSize, PatchSize, ClassToken: false, 0, PositionOnClassToken: false, resampling, TowerFeatures.Residual);
}
