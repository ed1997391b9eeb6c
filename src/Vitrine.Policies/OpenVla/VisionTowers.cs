using System.Text.Json;
using Vitrine.Checkpoints;
using Vitrine.Transformers.Families;

namespace Vitrine.Policies.OpenVla;

/// <summary>
/// The image towers of an OpenVLA checkpoint, the pair of DINOv2 and SigLIP or one of them alone: where their tensors stand and what they are.
/// </summary>
internal static class VisionTowers
{
    private static readonly string[] Prefixes = ["vision_backbone.featurizer.", "vision_backbone.fused_featurizer."];
    private static readonly string[] Names = ["dino", "siglip"];

    /// <param name="Name">First part of the addresses.</param>
    /// <param name="Prefix">Of the tensor names.</param>
    /// <param name="Config">Sizes.</param>
    /// <param name="BlocksToRun">The features come from the last of them.</param>
    internal sealed record TowerEntry(string Name, string Prefix, TimmVisionTransformer.Config Config, int BlocksToRun);

    /// <summary>Reads the towers.</summary>
    /// <param name="config">config.json.</param>
    /// <param name="timmArguments">timm's arguments of the two towers, for checkpoints whose sizes are not those of their timm names.</param>
    /// <remarks>
    /// A real checkpoint leaves sizes to its timm names; <c>vision_towers</c>, where it stands, spells them out. The features are those of the
    /// second-to-last block, without the final norm (openvla, modeling_prismatic.py).
    /// </remarks>
    public static IReadOnlyList<TowerEntry> Read(ConfigReader config, IReadOnlyList<JsonElement>? timmArguments)
    {
        var ids = config.Texts("timm_model_ids") ?? [];
        if (config.Objects("vision_towers") is { } spelled)
        {
            return Checked(config, [.. spelled.Select(OfConfig)]);
        }

        if (timmArguments is not null)
        {
            return Checked(config,
                [.. timmArguments.Select((t, i) => Penultimate(TimmVisionTransformer.Read(new ConfigReader(t, $"timm arguments of tower {i}")), i,
                    NameOf(ids, i)))]);
        }

        var sizes = config.Sizes("image_sizes") ?? [224, 224];
        return Checked(config, [.. ids.Select((id, i) => Penultimate(RegistrySizes(config, id, i < sizes.Count ? sizes[i] : 224), i, NameOf(ids, i)))]);
    }

    /// <summary>Refuses weights of towers that are not those of the timm names: no file says how many heads such a tower has.</summary>
    /// <param name="config">config.json.</param>
    /// <param name="towers">As they were read.</param>
    /// <param name="weights">The checkpoint.</param>
    /// <param name="option">What gives the sizes.</param>
    /// <exception cref="VitrineException">A tower has another width.</exception>
    public static void RequireFitting(ConfigReader config, IReadOnlyList<TowerEntry> towers, WeightReader weights, string option)
    {
        foreach (var (i, tower) in towers.Index())
        {
            var name = $"{tower.Prefix}patch_embed.proj.weight";
            if (weights.Has(name) && weights.Shape(name)[0] is var width && width != tower.Config.Spec.Width)
            {
                var named = config.Texts("timm_model_ids") is { } ids && i < ids.Count ? $" by its timm name '{ids[i]}'" : "";
                throw new VitrineException(
                    $"{config.Source}: the tower '{tower.Name}' is {tower.Config.Spec.Width} wide{named}, in the weights {width}; no file says how many heads "
                        + $"that has. Give timm's arguments with {option}.");
            }
        }
    }

    private static TowerEntry[] Checked(ConfigReader config, TowerEntry[] towers)
    {
        var expected = config.Flag("use_fused_vision_backbone", towers.Length == 2) ? 2 : 1;
        return towers.Length == expected
            ? towers
            : throw new VitrineException($"{config.Source}: {towers.Length} vision towers; expected "
                + $"{expected}{(expected == 2 ? ", the fused pair of DINOv2 and SigLIP" : ", as use_fused_vision_backbone is off")}.");
    }

    private static TowerEntry Penultimate(TimmVisionTransformer.Config config, int index, string name) => new(name, Prefixes[index], config, config.Depth - 1);

    /// <remarks>A tower that stands alone has the first place, whichever it is.</remarks>
    private static string NameOf(IReadOnlyList<string> ids, int index)
        => index >= Names.Length ? throw new VitrineException($"tower {index}: this version computes at most the fused pair of DINOv2 and SigLIP.")
            : ids.Count == 1 && ids[0].Contains(Names[1], StringComparison.Ordinal) ? Names[1]
            : Names[index];

    private static TowerEntry OfConfig(ConfigReader tower, int index)
    {
        var width = tower.Size("embed_dim");
        if (tower.Activation("act", "gelu") != Transformers.Engine.Activation.Gelu || !tower.Flag("qkv_bias", true) || tower.Flag("final_norm", false)
            || tower.Flag("attention_pool", false))
        {
            throw new VitrineException($"{tower.Source}: expected exact GELU, biases on q, k and v, no final norm and no attention pool.");
        }

        var config = TimmVisionTransformer.Create(
            width, tower.Size("num_heads"), (int)(width * tower.Number("mlp_ratio", 4)), tower.Size("depth"), tower.Size("img_size"), tower.Size("patch_size"),
            tower.Flag("class_token", false), tower.Count("reg_tokens", 0),
            tower.Flag("pos_embed_on_prefix", false), tower.Flag("layer_scale", false), tower.Number("norm_eps", 1e-6), attentionPool: false);
        var entry = new TowerEntry(tower.Text("kind", Names[index]), tower.Text("prefix", Prefixes[index].TrimEnd('.')) + ".", config,
            tower.Count("output_block", config.Depth - 2) + 1);
        tower.RefuseOthers();
        return entry;
    }

    /// <remarks>Sizes of timm's registry (timm, vision_transformer.py); SigLIP's feed-forward is 3.7362 times as wide.</remarks>
    private static TimmVisionTransformer.Config RegistrySizes(ConfigReader config, string id, int imageSize) => id switch
    {
        "vit_large_patch14_reg4_dinov2.lvd142m"
            => TimmVisionTransformer.Create(1024, 16, 4096, 24, imageSize, 14, classToken: true, registers: 4, positionsOnPrefix: false, layerScale: true, 1e-6,
                attentionPool: false),
        "vit_so400m_patch14_siglip_224"
            => TimmVisionTransformer.Create(1152, 16, 4304, 27, imageSize, 14, classToken: false, registers: 0, positionsOnPrefix: false, layerScale: false,
                1e-6, attentionPool: true),
        _ => throw new VitrineException(
            $"{config.Source}: timm_model_ids names '{id}'; known are vit_large_patch14_reg4_dinov2.lvd142m and vit_so400m_patch14_siglip_224."),
    };
}
