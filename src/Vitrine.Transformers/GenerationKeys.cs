using System.Text.Json;
using Vitrine.Checkpoints;

namespace Vitrine.Transformers;

/// <summary>The keys of <c>generation_config.json</c> (transformers, generation/configuration_utils.py).</summary>
internal static class GenerationKeys
{
    /// <summary>What each key does.</summary>
    public static IReadOnlyList<CompanionKey> All { get; } = Table(new CompanionTable("generation_config.json"));

    /// <summary>Whether a refused key has a value that changes nothing: null, false, nothing inside, or the reference's default.</summary>
    public static bool SaysNothing(string key, JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Null or JsonValueKind.False => true,
        JsonValueKind.Array => value.GetArrayLength() == 0,
        JsonValueKind.Object => value.GetPropertyCount() == 0,
        JsonValueKind.Number
            => value.GetDouble() == (key is "penalty_alpha" ? 0 : key is "num_beams" or "num_return_sequences" or "guidance_scale" ? 1 : double.NaN),
        _ => false,
    };

    private static IReadOnlyList<CompanionKey> Table(CompanionTable k) =>
    [
        .. k.Applied("eos_token_id", "one end or several; config.json's does not count beside it"),
        .. k.Applied("stop_strings", "texts that end a generation"),
        .. k.Applied("repetition_penalty", "divides positive, multiplies negative logits of tokens in the row"),
        .. k.Applied("encoder_repetition_penalty", "the inverse for tokens of the prompt"),
        .. k.Applied("no_repeat_ngram_size", "runs of so many tokens occur once"),
        .. k.Applied("encoder_no_repeat_ngram_size", "runs of the prompt are not written"),
        .. k.Applied("sequence_bias", "numbers added to logits of sequences"),
        .. k.Applied("bad_words_ids", "sequences that are never finished"),
        .. k.Applied("min_length", "no end before so many tokens, the prompt's included"),
        .. k.Applied("min_new_tokens", "no end before so many new tokens; goes before min_length"),
        .. k.Applied("forced_bos_token_id", "the token behind a prompt of one token"),
        .. k.Applied("forced_eos_token_id", "the last token where nothing ended before"),
        .. k.Applied("exponential_decay_length_penalty", "ends grow likelier behind so many tokens"),
        .. k.Applied("suppress_tokens", "tokens that are never taken"),
        .. k.Applied("begin_suppress_tokens", "tokens that are not taken first"),
        .. k.Applied("do_sample", "told on stderr; the largest logit is taken unless --sample, or an option that draws, is given"),
        .. k.Applied("temperature", "with --sample: divides the logits"),
        .. k.Applied("top_k", "with --sample: the k likeliest, 50 where the key is missing"),
        .. k.Applied("top_p", "with --sample: the likeliest that hold this share"),
        .. k.Applied("min_p", "with --sample: those at least this share as likely as the likeliest"),
        .. k.Applied("typical_p", "with --sample: those nearest to the entropy"),
        .. k.Applied("epsilon_cutoff", "with --sample: those of at least this probability"),
        .. k.Applied("eta_cutoff", "with --sample: those of at least a probability that follows the entropy"),
        .. k.Refused("top_h", "top-h sampling is not computed"),
        .. k.Refused("num_beams", "beam search is not computed"),
        .. k.Refused("num_return_sequences", "one text is written for each prompt"),
        .. k.Refused("penalty_alpha", "contrastive search is not computed"),
        .. k.Refused("dola_layers", "DoLa decoding is not computed"),
        .. k.Refused("constraints", "constrained beam search is not computed"),
        .. k.Refused("force_words_ids", "constrained beam search is not computed"),
        .. k.Refused("forced_decoder_ids", "it is of transformers before 4.46 and not computed"),
        .. k.Refused("guidance_scale", "classifier-free guidance is not computed"),
        .. k.Refused("watermarking_config", "watermarks are not written"),
        .. k.Refused("token_healing", "prompts are not healed"),
        .. k.Refused("max_time", "generations are not timed"),
        .. k.Refused("generation_kwargs", "what it hands on is not known"),
        .. k.Bookkeeping("acts on beams, and num_beams above 1 is refused", "num_beam_groups", "diversity_penalty", "length_penalty", "early_stopping",
            "low_memory"),
        .. k.Bookkeeping("how long a text becomes is the caller's word (-n)", "max_length", "max_new_tokens"),
        .. k.Bookkeeping("acts on logits that are no numbers, which are an error here", "remove_invalid_values"),
        .. k.Bookkeeping("shifts all logits alike", "renormalize_logits"),
        .. k.Bookkeeping("no prompt begins by itself, and no padding is shown", "bos_token_id", "pad_token_id", "decoder_start_token_id"),
        .. k.Bookkeeping("how fast it is, not what is written", "use_cache", "cache_implementation", "cache_config", "return_legacy_cache",
            "prefill_chunk_size",
            "compile_config", "disable_compile", "is_assistant", "num_assistant_tokens", "num_assistant_tokens_schedule", "assistant_confidence_threshold",
            "assistant_early_exit", "assistant_lookbehind", "target_lookbehind", "prompt_lookup_num_tokens", "max_matching_ngram_size"),
        .. k.Bookkeeping("what generate returns beside the text", "output_attentions", "output_hidden_states", "output_scores", "output_logits",
            "return_dict_in_generate"),
        .. k.Bookkeeping("describes the file", "transformers_version", "_from_model_config", "_commit_hash", "_original_object_hash", "unsloth_fixed",
            "unsloth_version", "trust_remote_code", "chat_format", "max_window_size", "torch_dtype", "dtype", "attn_implementation"),
    ];
}
