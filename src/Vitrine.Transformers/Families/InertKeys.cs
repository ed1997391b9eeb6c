using System.Text.Json;
using Vitrine.Checkpoints;

namespace Vitrine.Transformers.Families;

/// <summary>Keys of config.json that every family treats alike: those that change no number of a forward pass, and those that always would.</summary>
/// <remarks>Keys that a family reads, or passes over for a reason of its own, stand with the family.</remarks>
internal static class InertKeys
{
    /// <summary>Name of the file.</summary>
    internal const string FileName = "config.json";

    private static readonly CompanionTable Rows = new(FileName);

    /// <summary>What each key does, those of single families included.</summary>
    public static IReadOnlyList<CompanionKey> Table => [.. Shared, .. ConfigKeys.Applied(Rows), .. ConfigKeys.OfFamilies(Rows)];

    private static IReadOnlyList<CompanionKey> Shared { get; } =
    [
        .. Rows.Refused("quantization_config", "weights quantised in files of another kind are not read; save them unquantised, or as GGUF"),
        .. Rows.Refused("is_encoder_decoder", "models of an encoder and a decoder are not computed"),
        .. Rows.Refused("pruned_heads", "heads that were taken out of the weights are not computed"),
        .. Rows.Refused("transformers_weights", "another file of weights would be read"),
        .. Rows.Refused("adapters", "adapters inside the model are not computed"),
        .. Rows.Bookkeeping("describes the file", "torch_dtype", "dtype", "transformers_version", "name_or_path",
            "_commit_hash", "transformers.js_config", "auto_map", "custom_pipelines", "trust_remote_code", "tokenizer_class", "processor_class",
            "unsloth_version", "unsloth_fixed", "_unsloth_version", "task_specific_params", "finetuning_task", "license", "model_name"),
        .. Rows.Bookkeeping("chooses among kernels of one result", "_attn_implementation", "_attn_implementation_autoset", "_attn_implementation_internal",
            "attn_implementation", "use_flash_attention", "use_flash_attention_2", "use_flash_attn", "_flash_attn_2_enabled", "flash_attention", "use_sdpa",
            "use_memory_efficient_attention", "chunk_size_feed_forward", "use_bfloat16", "torchscript", "tf_legacy_loss", "use_cache", "cache_implementation",
            "gradient_checkpointing", "onnx"),
        .. Rows.Bookkeeping("acts in training only", "initializer_range", "initializer_factor", "neftune_noise_alpha", "use_liger_kernel", "z_loss",
            "label_smoothing", "loss_type"),
        .. Rows.Bookkeeping("what a call returns beside its answer", "return_dict", "output_attentions", "output_hidden_states", "output_past",
            "is_composition", "output_scores", "return_dict_in_generate"),
        .. Rows.Bookkeeping("the tokenizer's own files are read", "bos_token_id", "sep_token_id", "cls_token_id", "unk_token_id", "mask_token_id", "prefix",
            "model_max_length", "decoder_start_token_id"),
        .. Rows.Bookkeeping("says what no text model of these families has", "max_sequence_length", "cross_attention_hidden_size", "tie_encoder_decoder"),
        .. Rows.Bookkeeping("dropout acts in training only", "attention_dropout", "hidden_dropout", "hidden_dropout_prob", "attention_probs_dropout_prob",
            "classifier_dropout", "classifier_dropout_prob", "dropout", "attn_pdrop", "embd_pdrop", "resid_pdrop", "qa_dropout", "seq_classif_dropout",
            "drop_path_rate", "embedding_dropout", "layerdrop"),
        .. Rows.Bookkeeping("of generation, and without effect there (see generation_config.json)", "early_stopping", "max_length", "max_new_tokens",
            "num_beam_groups", "diversity_penalty", "length_penalty", "remove_invalid_values"),
    ];

    /// <summary>Keys of some families that stand in the files of others too, saying that there is nothing of the kind.</summary>
    private static readonly string[] OfOthers =
    [
        "sliding_window", "use_sliding_window", "layer_types", "attention_bias", "mlp_bias", "qkv_bias", "use_mrope", "rope_scaling", "rope_parameters",
        "rope_theta", "partial_rotary_factor", "head_dim", "attn_logit_softcapping", "final_logit_softcapping", "use_bidirectional_attention",
    ];

    private static readonly HashSet<string> Common = [.. Shared.Where(k => k.Treatment == KeyTreatment.Bookkeeping).Select(k => k.Key),
        .. ConfigKeys.Elsewhere];

    /// <summary>Refuses every key of a family's configuration that was not read and changes numbers, or might.</summary>
    /// <param name="json">Whose keys the family has read.</param>
    /// <param name="inert">Keys that change no number of this family.</param>
    /// <exception cref="VitrineException">There is one; it is named.</exception>
    public static void RefuseUnread(this ConfigReader json, params IEnumerable<string> inert)
    {
        foreach (var key in Shared.Where(k => k.Treatment == KeyTreatment.Refused))
        {
            json.RefuseUnlessNothing(key);
        }

        json.RefuseOthers(Common, inert, OfOthers.Where(k => !json.WasRead(k) && IsOff(json, k)).ToArray());
    }

    private static bool IsOff(ConfigReader json, string key)
        => json.Root.TryGetProperty(key, out var value) && value.ValueKind is JsonValueKind.Null or JsonValueKind.False;
}
