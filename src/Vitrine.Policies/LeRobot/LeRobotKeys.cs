using Vitrine.Checkpoints;

namespace Vitrine.Policies.LeRobot;

/// <summary>
/// The keys of a LeRobot policy's config.json, and of one that was converted from openpi; which of those that act a family reads is the family's.
/// </summary>
internal static class LeRobotKeys
{
    /// <summary>Keys of training and bookkeeping that every family passes over.</summary>
    public static IReadOnlyCollection<string> Inert { get; } =
    [
        "device", "use_amp", "push_to_hub", "repo_id", "private", "tags", "license", "pretrained_path", "pretrained_revision", "dropout", "dtype",
        "compile_model", "compile_mode", "gradient_checkpointing", "freeze_vision_encoder", "train_expert_only", "train_state_proj",
        "time_sampling_beta_alpha", "time_sampling_beta_beta", "time_sampling_scale", "time_sampling_offset", "time_sampling_s", "rtc_training_max_delay",
    ];

    /// <summary>Those of SmolVLA: of loading and padding, which masks make invisible.</summary>
    public static IReadOnlyCollection<string> InertSmolVla { get; } = ["use_cache", "load_vlm_weights", "prefix_length", "pad_language_to", "empty_cameras"];

    /// <summary>Those of pi0 and its kin.</summary>
    public static IReadOnlyCollection<string> InertPi { get; } = ["empty_cameras", "relative_exclude_joints"];

    /// <summary>Those of pi0.5: of a memory that is off.</summary>
    public static IReadOnlyCollection<string> InertPi05 { get; } = ["memory_frames", "memory_stride", "memory_temporal_attention_every"];

    /// <summary>Those of pi0-FAST alone.</summary>
    public static IReadOnlyCollection<string> InertPi0Fast { get; } = ["text_tokenizer_name", "max_action_tokens", "use_kv_cache"];

    /// <summary>Those of ACT: of the encoder that is trained with it.</summary>
    public static IReadOnlyCollection<string> InertAct { get; } = ["pretrained_backbone_weights", "use_vae", "n_vae_encoder_layers", "kl_weight"];

    /// <summary>What each key does.</summary>
    public static IReadOnlyList<CompanionKey> All { get; } = Table(new CompanionTable("config.json"));

    /// <summary>Whether a key is one of the optimiser's or its schedule's, by its first word.</summary>
    public static bool IsOfTraining(string key)
        => key.StartsWith("optimizer_", StringComparison.Ordinal) || key.StartsWith("scheduler_", StringComparison.Ordinal);

    private static IReadOnlyList<CompanionKey> Table(CompanionTable k) =>
    [
        .. k.Applied("type", "LeRobot: the family"),
        .. k.Applied("input_features", "LeRobot: cameras in their order, with their sizes, and the state"),
        .. k.Applied("output_features", "LeRobot: the action"),
        .. k.Applied("normalization_mapping", "LeRobot: how features are normalised, in folders without pipelines"),
        .. Applied(k, "LeRobot: control steps of a chunk, and how many of them are carried out", "chunk_size", "n_action_steps"),
        .. Applied(k, "LeRobot: must be as this version computes it", "n_obs_steps", "use_peft", "rtc_config"),
        .. Applied(k, "flow policies: Euler steps", "num_steps", "num_inference_steps"),
        .. Applied(k, "flow policies: numbers of action and state in the network", "max_action_dim", "max_state_dim"),
        .. Applied(k, "flow policies: periods of the waves that say the flow time", "min_period", "max_period"),
        .. k.Applied("vlm_model_name", "SmolVLA: the model around which it was built, and its words"),
        .. Applied(k, "SmolVLA: layers of the language stack and of the expert, its width, and which layers see the chunk", "num_vlm_layers",
            "num_expert_layers", "self_attn_every_n_layers", "expert_width_multiplier"),
        .. Applied(k, "size that pictures are fitted into", "resize_imgs_with_padding", "image_resolution"),
        .. k.Applied("tokenizer_max_length", "longest prompt, in folders without pipelines"),
        .. Applied(k, "SmolVLA: must be as this version computes it", "adapt_to_pi_aloha", "use_delta_joint_actions_aloha", "add_image_special_tokens",
            "attention_mode"),
        .. Applied(k, "pi0 and its kin: must be a variant that is computed; sizes are read off the weights", "paligemma_variant", "action_expert_variant"),
        .. k.Applied("use_relative_actions", "pi0 and its kin: must be off in folders without pipelines, which say how"),
        .. k.Applied("action_feature_names", "names of the action's numbers"),
        .. Applied(k, "pi0.5: must be off", "use_visual_memory", "use_proprioceptive_memory"),
        .. k.Applied("temperature", "pi0-FAST: must be 0"),
        .. Applied(k, "pi0-FAST: the tokens of a chunk", "action_tokenizer_name", "fast_skip_tokens", "max_decoding_steps", "validate_action_token_prefix"),
        .. Applied(k, "ACT: sizes", "dim_model", "n_heads", "dim_feedforward", "n_encoder_layers", "n_decoder_layers", "latent_dim"),
        .. k.Applied("vision_backbone", "ACT: the image network"),
        .. k.Applied("feedforward_activation", "ACT: the non-linearity"),
        .. Applied(k, "ACT: must be as this version computes it", "pre_norm", "replace_final_stride_with_dilation", "temporal_ensemble_coeff"),
        .. Applied(k, "openpi: numbers of a row, rows of a chunk", "action_dim", "action_horizon"),
        .. k.Applied("precision", "openpi: what its training computed in; a text"),
        .. k.Bookkeeping("LeRobot: where it computes, whether it is compiled, where it is kept, and training", Inert),
        .. k.Bookkeeping("LeRobot: how it was trained; and every other key of these first words", "optimizer_lr", "scheduler_decay_lr"),
        .. k.Bookkeeping("SmolVLA: of loading and of padding, which masks make invisible", InertSmolVla),
        .. k.Bookkeeping("pi0 and its kin: said again in the pipeline that does it, or masked", InertPi),
        .. k.Bookkeeping("pi0.5: of a memory that is off", InertPi05),
        .. k.Bookkeeping("pi0-FAST: said again in the pipeline that does it, or without effect on numbers", InertPi0Fast),
        .. k.Bookkeeping("ACT: of the encoder that is trained with it", InertAct),
    ];

    private static IEnumerable<CompanionKey> Applied(CompanionTable k, string effect, params IEnumerable<string> keys)
        => keys.SelectMany(key => k.Applied(key, effect));
}
