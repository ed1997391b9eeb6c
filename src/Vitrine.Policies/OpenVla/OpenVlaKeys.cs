using System.Text.Json;
using Vitrine.Checkpoints;
using Vitrine.Transformers.Families;

namespace Vitrine.Policies.OpenVla;

/// <summary>The keys of an OpenVLA checkpoint's config.json (openvla, configuration_prismatic.py).</summary>
internal static class OpenVlaKeys
{
    /// <summary>What each key does.</summary>
    public static IReadOnlyList<CompanionKey> All { get; } = Table(new CompanionTable(InertKeys.FileName));

    /// <summary>Refuses what is not known, or asks for what is not computed.</summary>
    /// <exception cref="VitrineException">There is such a key; it is named.</exception>
    public static void RefuseOthers(ConfigReader config)
    {
        if (config.Find("timm_override_act_layers") is { } acts
            && !(acts.ValueKind == JsonValueKind.Array && acts.EnumerateArray().All(a => a.ValueKind == JsonValueKind.Null)))
        {
            throw new VitrineException($"{config.Source}: timm_override_act_layers is {PythonJson.Shown(acts)}; {All[0].Effect}.");
        }

        config.RefuseUnread(All.Select(k => k.Key));
    }

    private static IReadOnlyList<CompanionKey> Table(CompanionTable k) =>
    [
        .. k.Refused("timm_override_act_layers", "towers are computed with exact GELU only"),
        .. k.Applied("text_config", "the language model, a Llama"),
        .. k.Applied("norm_stats", "how actions were normalised, where there is no dataset_statistics.json"),
        .. k.Applied("vision_towers", "sizes of the towers, spelled out"),
        .. k.Applied("timm_model_ids", "the towers, by their timm names"),
        .. k.Applied("image_sizes", "pixels on a side, one for each tower"),
        .. k.Applied("use_fused_vision_backbone", "one tower or two, and the projector behind them"),
        .. k.Applied("n_action_bins", "how many ids are actions"),
        .. k.Applied("pad_to_multiple_of", "where they stand in the vocabulary"),
        .. k.Applied("llm_max_length", "longest sequence that is taken"),
        .. k.Bookkeeping("names what the checkpoint was made from", "arch_specifier", "hf_llm_id", "llm_backbone_id", "vision_backbone_id"),
        .. k.Bookkeeping("the picture's recipe stands in preprocessor_config.json", "image_resize_strategy"),
        .. k.Bookkeeping("what a call returns beside its answer", "output_projector_states"),
    ];
}
