using Vitrine.Checkpoints;

namespace Vitrine.Transformers.Families;

/// <summary>Keys of config.json that act: which of them a family reads, it says itself; one that it does not read is refused.</summary>
internal static class ConfigKeys
{
    /// <summary>Keys that other readers than the family's own look at, where there is something to read: generation, class heads, tokenizers.</summary>
    public static IReadOnlyList<string> Elsewhere { get; } =
    [
        "architectures", "model_type", "_name_or_path", "id2label", "label2id", "num_labels", "problem_type", "eos_token_id", "pad_token_id",
        "tie_word_embeddings", "max_position_embeddings", "is_decoder", "add_cross_attention",
        .. Generation(KeyTreatment.Applied), .. Generation(KeyTreatment.Refused),
    ];

    /// <summary>Their rows.</summary>
    public static IEnumerable<CompanionKey> Applied(CompanionTable rows) =>
    [
        .. rows.Applied("model_type", "the family"),
        .. rows.Applied("architectures", "a *ForSequenceClassification or *ForImageClassification has a class head"),
        .. All(rows, "class head: the names and number of its classes", "id2label", "num_labels"),
        .. rows.Applied("problem_type", "class head: softmax, each class for itself, or a quantity"),
        .. rows.Applied("pad_token_id", "class head of a decoder: the token that it skips"),
        .. rows.Applied("eos_token_id", "where a text ends, if there is no generation_config.json; where CLIP reads a text"),
        .. All(rows, "sizes", "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads", "head_dim", "vocab_size",
            "max_position_embeddings", "type_vocab_size", "n_embd", "n_head", "n_layer", "n_inner", "n_positions", "dim", "n_heads", "hidden_dim", "n_layers",
            "mlp_ratio", "image_size", "patch_size", "num_channels", "num_register_tokens", "projection_dim", "pooler_output_size"),
        .. All(rows, "the non-linearity", "hidden_act", "hidden_activation", "activation_function", "activation", "pooler_act"),
        .. All(rows, "epsilon of the norms", "rms_norm_eps", "layer_norm_eps", "layer_norm_epsilon"),
        .. All(rows, "rotary positions: default and llama3, others are refused", "rope_theta", "rope_scaling", "rope_parameters", "rotary_emb_base",
            "rotary_pct",
            "partial_rotary_factor"),
        .. All(rows, "biases", "attention_bias", "mlp_bias", "qkv_bias"),
        .. All(rows, "which layers look through a window", "sliding_window", "use_sliding_window", "max_window_layers", "layer_types"),
        .. All(rows, "scale and soft caps of Gemma 2", "query_pre_attn_scalar", "attn_logit_softcapping", "final_logit_softcapping"),
        .. rows.Applied("tie_word_embeddings", "whether the embedding is the unembedding"),
        .. rows.Applied("use_parallel_residual", "attention and feed-forward side by side, or one behind the other"),
        .. rows.Applied("vision_use_head", "whether an attention pool stands behind the final norm"),
        .. All(rows, "the parts of a model of two", "vision_config", "text_config"),
        .. All(rows, "must be as the family computes it", "position_embedding_type", "scale_attn_weights", "scale_attn_by_inverse_layer_idx",
            "add_cross_attention",
            "is_decoder", "rope_interleaved", "use_mrope", "use_bidirectional_attention", "use_swiglu_ffn"),
        .. All(rows, "as in generation_config.json, where there is none", Generation(KeyTreatment.Applied).Where(k => k != "eos_token_id")),
        .. All(rows, "timm: arguments of the model, the picture's recipe, and no class head", "model_args", "pretrained_cfg", "num_classes"),
        .. All(rows, "timm: the model's name", "architecture"),
    ];

    /// <summary>Rows of keys that one family passes over.</summary>
    public static IEnumerable<CompanionKey> OfFamilies(CompanionTable rows) =>
    [
        .. rows.Bookkeeping("Llama: cuts matrices without changing the result, or says what the file is", Llama.Inert),
        .. rows.Bookkeeping("GPT-2: of heads that are not here, and of rounding in half precision", Gpt2.Inert),
        .. rows.Bookkeeping("Gemma 2: an early spelling beside the one that is read", Gemma2.Inert),
        .. rows.Bookkeeping("BERT: of poolers that are not here", Bert.Inert),
        .. rows.Bookkeeping("DistilBERT: the positions stand in the file", DistilBert.Inert),
        .. rows.Bookkeeping("CLIP: where its training began", Clip.Inert),
        .. rows.Bookkeeping("SigLIP: of the model around the tower", SigLip.Inert),
        .. rows.Bookkeeping("ViT: of pre-training", Vit.Inert),
        .. rows.Bookkeeping("DINOv2: where its training began, and what a backbone class would hand on", DinoV2.Inert),
        .. All(rows, "CLIP: must describe the same towers as vision_config and text_config", "vision_config_dict", "text_config_dict"),
        .. rows.Bookkeeping("timm does not read it", TimmVisionTransformer.Inert),
        .. All(rows, "timm: sizes and forms", Inside("model_args", "embed_dim", "num_heads", "mlp_ratio", "depth", "img_size", "patch_size", "class_token",
            "reg_tokens", "no_embed_class", "global_pool", "num_classes")),
        .. rows.Applied("model_args.init_values", "timm: whether there is a LayerScale"),
        .. All(rows, "timm: the picture's recipe", Inside("pretrained_cfg", "input_size", "interpolation", "crop_pct", "mean", "std")),
        .. rows.Applied("pretrained_cfg.crop_mode", "timm: must be center"),
        .. rows.Bookkeeping("timm: where the weights came from, and sizes for other uses", Inside("pretrained_cfg", PictureRecipes.Inert)),
    ];

    private static IEnumerable<string> Inside(string part, params IEnumerable<string> keys) => keys.Select(k => $"{part}.{k}");

    private static IEnumerable<CompanionKey> All(CompanionTable rows, string effect, params IEnumerable<string> keys)
        => keys.SelectMany(k => rows.Applied(k, effect));

    private static IEnumerable<string> Generation(KeyTreatment treatment) => GenerationKeys.All.Where(k => k.Treatment == treatment).Select(k => k.Key);
}
