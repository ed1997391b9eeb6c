namespace Vitrine.Transformers.Families;

/// <summary>Keys of a config.json that change no number of a forward pass.</summary>
internal static class InertKeys
{
    /// <summary>Of every model: bookkeeping, training and generation, as transformers 4 wrote them out for the parts of a larger model.</summary>
    public static IReadOnlySet<string> Common { get; } = new HashSet<string>
    {
        "architectures", "model_type", "torch_dtype", "dtype", "transformers_version", "_name_or_path", "_commit_hash", "_attn_implementation_autoset",
        "transformers.js_config",
        "initializer_range", "initializer_factor", "use_cache", "return_dict", "output_attentions", "output_hidden_states", "gradient_checkpointing",
        "chunk_size_feed_forward",
        "is_encoder_decoder", "bos_token_id", "eos_token_id", "pad_token_id", "sep_token_id", "cls_token_id", "unk_token_id", "task_specific_params",
        "finetuning_task",
        "id2label", "label2id", "num_labels", "problem_type", "cache_implementation", "tie_word_embeddings", "max_position_embeddings", "output_past",
        "torchscript", "tokenizer_class",
        "is_decoder", "add_cross_attention", "cross_attention_hidden_size", "tie_encoder_decoder", "tf_legacy_loss", "use_bfloat16", "prefix",
        "decoder_start_token_id",
        "do_sample", "early_stopping", "max_length", "min_length", "num_beams", "num_beam_groups", "diversity_penalty", "temperature", "top_k", "top_p",
        "typical_p", "repetition_penalty",
        "length_penalty", "no_repeat_ngram_size", "encoder_no_repeat_ngram_size", "bad_words_ids", "num_return_sequences", "output_scores",
        "return_dict_in_generate",
        "forced_bos_token_id", "forced_eos_token_id", "remove_invalid_values", "exponential_decay_length_penalty", "suppress_tokens", "begin_suppress_tokens",
    };

    /// <summary>Dropout acts in training only.</summary>
    public static IReadOnlySet<string> Dropout { get; } = new HashSet<string>
    {
        "attention_dropout", "hidden_dropout", "hidden_dropout_prob", "attention_probs_dropout_prob", "classifier_dropout", "dropout", "attn_pdrop",
        "embd_pdrop", "resid_pdrop",
        "qa_dropout", "seq_classif_dropout", "drop_path_rate",
    };
}
