namespace Vitrine.Tests.Folders;

/// <summary>Class defaults of the reference, as its documentation has them (transformers, configuration_*.py and image_processing_*.py).</summary>
internal static class ReferenceDefaults
{
    /// <summary>Keys whose default is None, so that a null says what is said without them.</summary>
    public static IReadOnlySet<string> NoneIsDefault { get; } = new HashSet<string>
    {
        "rope_scaling", "rope_parameters", "head_dim", "n_inner", "size", "crop_size", "num_key_value_heads", "pad_token_id", "layer_types", "problem_type",
        "hidden_activation", "text_config_dict", "vision_config_dict", "tvf_letterbox_fill", "image_mean", "image_std", "max_image_size", "min_pixels",
        "max_pixels", "crop_pct", "interpolation",
        "id2label", "num_labels",
    };

    /// <summary>Keys whose null says that there is none: no end, no cap, no window.</summary>
    public static IReadOnlySet<string> NoneIsNothing { get; } = new HashSet<string>
    {
        "eos_token_id", "attn_logit_softcapping", "final_logit_softcapping", "sliding_window",
    };

    /// <summary>Keys that are written in two ways: a lone number, or several in a list or by name.</summary>
    public static IReadOnlySet<string> TwoForms { get; } = new HashSet<string> { "eos_token_id", "size", "crop_size" };

    /// <summary>By class and key.</summary>
    public static IReadOnlyDictionary<(string Kind, string Key), string> All { get; } = new Dictionary<(string, string), string>
    {
        [("clip", "size")] = """{"shortest_edge": 224}""",
        [("clip", "crop_size")] = """{"height": 224, "width": 224}""",
        [("clip", "resample")] = "3",
        [("clip", "image_mean")] = "[0.48145466, 0.4578275, 0.40821073]",
        [("clip", "image_std")] = "[0.26862954, 0.26130258, 0.27577711]",
        [("vit, old", "size")] = """{"height": 224, "width": 224}""",
        [("vit, old", "resample")] = "2",
        [("vit, old", "image_mean")] = "[0.5, 0.5, 0.5]",
        [("siglip, newer", "size")] = """{"height": 224, "width": 224}""",
        [("qwen2-vl", "min_pixels")] = "3136",
        [("qwen2-vl", "max_pixels")] = "1003520",
        [("qwen2-vl", "patch_size")] = "14",
        [("qwen2-vl", "merge_size")] = "2",
        [("qwen2-vl", "temporal_patch_size")] = "2",
        [("idefics3", "size")] = """{"longest_edge": 1456}""",
        [("idefics3", "max_image_size")] = """{"longest_edge": 364}""",
        [("idefics3", "resample")] = "1",
        [("idefics3", "do_image_splitting")] = "true",
        [("timm", "crop_pct")] = "0.875",
        [("timm", "interpolation")] = "\"bicubic\"",
        [("gpt2", "eos_token_id")] = "50256",
        [("llama", "eos_token_id")] = "2",
        [("mistral", "eos_token_id")] = "2",
        [("gemma", "eos_token_id")] = "1",
        [("gemma2", "eos_token_id")] = "1",
        [("gpt_neox", "eos_token_id")] = "2",
        [("qwen2", "eos_token_id")] = "null",
        [("qwen3", "eos_token_id")] = "null",
        [("llama", "rope_scaling")] = "null",
        [("llama", "rope_theta")] = "10000",
        [("llama", "rms_norm_eps")] = "1e-6",
        [("llama", "tie_word_embeddings")] = "false",
        [("mistral", "rms_norm_eps")] = "1e-6",
        [("mistral", "rope_theta")] = "10000",
        [("mistral", "sliding_window")] = "4096",
        [("qwen2", "rms_norm_eps")] = "1e-6",
        [("qwen2", "rope_theta")] = "10000",
        [("qwen3", "rms_norm_eps")] = "1e-6",
        [("qwen3", "rope_theta")] = "10000",
        [("gemma", "rms_norm_eps")] = "1e-6",
        [("gemma", "rope_theta")] = "10000",
        [("gemma2", "rms_norm_eps")] = "1e-6",
        [("gemma2", "rope_theta")] = "10000",
        [("gemma2", "sliding_window")] = "4096",
        [("gemma2", "final_logit_softcapping")] = "30.0",
        [("gemma2", "attn_logit_softcapping")] = "50.0",
        [("gemma2", "query_pre_attn_scalar")] = "256",
        [("gpt2", "n_head")] = "12",
        [("gpt2", "layer_norm_epsilon")] = "1e-5",
        [("gpt2", "activation_function")] = "\"gelu_new\"",
        [("gpt_neox", "use_parallel_residual")] = "true",
        [("gpt_neox", "rotary_pct")] = "0.25",
        [("gpt_neox", "rotary_emb_base")] = "10000",
        [("gpt_neox", "layer_norm_eps")] = "1e-5",
        [("gpt_neox", "hidden_act")] = "\"gelu\"",
        [("bert", "layer_norm_eps")] = "1e-12",
        [("bert", "hidden_act")] = "\"gelu\"",
        [("bert", "num_attention_heads")] = "12",
        [("distilbert", "n_heads")] = "12",
        [("distilbert", "activation")] = "\"gelu\"",
        [("vit", "layer_norm_eps")] = "1e-12",
        [("vit", "num_attention_heads")] = "12",
        [("vit", "hidden_act")] = "\"gelu\"",
        [("dinov2", "layer_norm_eps")] = "1e-6",
        [("dinov2", "num_attention_heads")] = "12",
        [("dinov2_with_registers", "layer_norm_eps")] = "1e-6",
        [("dinov2_with_registers", "num_attention_heads")] = "12",
        [("siglip_vision_model", "layer_norm_eps")] = "1e-6",
        [("siglip_vision_model", "num_attention_heads")] = "12",
        [("siglip_vision_model", "hidden_act")] = "\"gelu_pytorch_tanh\"",
        [("clip vision_config", "layer_norm_eps")] = "1e-5",
        [("clip vision_config", "num_attention_heads")] = "12",
        [("clip vision_config", "hidden_act")] = "\"quick_gelu\"",
        [("clip text_config", "layer_norm_eps")] = "1e-5",
        [("clip text_config", "num_attention_heads")] = "8",
        [("clip text_config", "hidden_act")] = "\"quick_gelu\"",
        [("clip text_config", "eos_token_id")] = "49407",
        [("timm", "num_heads")] = "12",
        [("timm", "global_pool")] = "\"token\"",
        [("timm", "init_values")] = "null",
        [("timm", "no_embed_class")] = "false",
        [("openvla text_config", "num_attention_heads")] = "32",
        [("openvla text_config", "rms_norm_eps")] = "1e-6",
        [("bert", "id2label")] = """{"0": "LABEL_0", "1": "LABEL_1"}""",
        [("distilbert", "id2label")] = """{"0": "LABEL_0", "1": "LABEL_1"}""",
        [("llama", "id2label")] = """{"0": "LABEL_0", "1": "LABEL_1"}""",
        [("gpt2", "id2label")] = """{"0": "LABEL_0", "1": "LABEL_1"}""",
        [("vit", "id2label")] = """{"0": "LABEL_0", "1": "LABEL_1"}""",
        [("openvla", "n_action_bins")] = "256",
        [("openvla", "pad_to_multiple_of")] = "64",
    };

    /// <summary>The class of the object that a path lies in.</summary>
    public static string KindOf(CompanionExample example, string path)
        => path.Split('.') is [.., var part, _] && part.EndsWith("_config", StringComparison.Ordinal) ? $"{example.Json["model_type"]} {part}"
            : example.File == "config.json" ? example.Json["model_type"]?.GetValue<string>() ?? "timm"
            : example.Name;
}
