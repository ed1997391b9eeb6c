using System.Text.Json;
using Vitrine.Checkpoints;
using Vitrine.Transformers.Families;

namespace Vitrine.Policies.OpenVla;

/// <summary>The keys of an OpenVLA checkpoint's config.json (openvla, configuration_prismatic.py).</summary>
internal static class OpenVlaKeys
{
    private static readonly string[] TowerKeys =
    [
        "kind", "prefix", "img_size", "patch_size", "embed_dim", "depth", "num_heads", "mlp_ratio", "class_token", "reg_tokens", "pos_embed_on_prefix",
        "layer_scale", "act", "norm_eps", "qkv_bias", "output_block", "final_norm", "attention_pool",
    ];

    /// <summary>What each key does.</summary>
    public static IReadOnlyList<CompanionKey> All { get; } = Table(new CompanionTable(InertKeys.FileName));

    /// <summary>Refuses what is not known, or asks for what is not computed.</summary>
    /// <exception cref="VitrineException">There is such a key; it is named.</exception>
    public static void RefuseOthers(ConfigReader config)
    {
        if (config.Find("timm_override_act_layers") is { } acts
            && !(acts.ValueKind == JsonValueKind.Array && acts.EnumerateArray().All(a => a.ValueKind == JsonValueKind.Null)))
        {
            throw new VitrineException($"{config.Source}: timm_override_act_layers is {PythonJson.Shown(acts)}; towers are computed with exact GELU only.");
        }

        config.RefuseUnread(All.Select(k => k.Key));
    }

    private static IReadOnlyList<CompanionKey> Table(CompanionTable k) =>
    [
        .. k.Refused("timm_override_act_layers", "OpenVLA: towers are computed with exact GELU only"),
        .. k.Applied("_name_or_path", "OpenVLA: an openvla-v01 gets the older prompt"),
        .. k.Applied("text_config", "OpenVLA: the language model, a Llama"),
        .. k.Applied("norm_stats", "OpenVLA: how actions were normalised, where there is no dataset_statistics.json"),
        .. k.Applied("vision_towers", "OpenVLA: sizes of the towers, spelled out"),
        .. k.Applied("timm_model_ids", "OpenVLA: the towers, by their timm names"),
        .. k.Applied("image_sizes", "OpenVLA: pixels on a side, one for each tower"),
        .. k.Applied("use_fused_vision_backbone", "OpenVLA: one tower or two, and the projector behind them"),
        .. k.Applied("n_action_bins", "OpenVLA: how many ids are actions"),
        .. k.Applied("pad_to_multiple_of", "OpenVLA: where they stand in the vocabulary"),
        .. k.Applied("llm_max_length", "OpenVLA: longest sequence that is taken"),
        .. TowerKeys.SelectMany(t => k.Applied($"vision_towers.{t}", "OpenVLA: sizes and forms of a tower, in a list of them")),
        .. k.Bookkeeping("OpenVLA: names what the checkpoint was made from", "arch_specifier", "hf_llm_id", "llm_backbone_id", "vision_backbone_id"),
        .. k.Bookkeeping("OpenVLA: the picture's recipe stands in preprocessor_config.json", "image_resize_strategy"),
        .. k.Bookkeeping("OpenVLA: what a call returns beside its answer", "output_projector_states"),
    ];
}
