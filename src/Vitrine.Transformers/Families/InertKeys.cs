namespace Vitrine.Transformers.Families;

/// <summary>Keys of a config.json that change no number of a forward pass.</summary>
internal static class InertKeys
{
    /// <summary>Of every model: bookkeeping, training and generation.</summary>
    public static IReadOnlySet<string> Common { get; } = new HashSet<string>
    {
        "architectures", "model_type", "torch_dtype", "dtype", "transformers_version", "_name_or_path", "_commit_hash", "_attn_implementation_autoset", "transformers.js_config",
        "initializer_range", "initializer_factor", "use_cache", "return_dict", "output_attentions", "output_hidden_states", "gradient_checkpointing", "chunk_size_feed_forward",
        "is_encoder_decoder", "bos_token_id", "eos_token_id", "pad_token_id", "sep_token_id", "cls_token_id", "unk_token_id", "task_specific_params", "finetuning_task",
        "id2label", "label2id", "num_labels", "problem_type", "cache_implementation", "tie_word_embeddings", "max_position_embeddings",
    };

    /// <summary>Dropout acts in training only.</summary>
    public static IReadOnlySet<string> Dropout { get; } = new HashSet<string>
    {
        "attention_dropout", "hidden_dropout", "hidden_dropout_prob", "attention_probs_dropout_prob", "classifier_dropout", "dropout", "attn_pdrop", "embd_pdrop", "resid_pdrop",
        "qa_dropout", "seq_classif_dropout", "drop_path_rate",
    };
}
