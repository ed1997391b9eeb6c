using Vitrine.Checkpoints;

namespace Vitrine.Inputs.Tokenizers;

/// <summary>What lies beside a vocabulary: the files of a tokenizer's folder, and what each key of them does.</summary>
/// <remarks>A key that stands in none of these rows is refused by its file and name; of a key that ends in <c>_token</c>, the row is <c>*_token</c>.</remarks>
public static class TokenizerFiles
{
    /// <summary>Settings of the tokenizer's class.</summary>
    public const string Config = "tokenizer_config.json";

    /// <summary>Named tokens, as older folders have them.</summary>
    public const string SpecialTokensMap = "special_tokens_map.json";

    /// <summary>Added tokens and their ids, as older folders have them.</summary>
    public const string AddedTokens = "added_tokens.json";

    /// <summary>A chat template, as processors save it.</summary>
    public const string ChatTemplate = "chat_template.json";

    private const string Since = "Unreleased";
    private const string Anything = "*_token";

    /// <summary>Every key that these files may have.</summary>
    public static IReadOnlyList<CompanionKey> Keys { get; } =
    [
        .. Rows(Config, KeyTreatment.Applied, [
            ("tokenizer_class", "names the class whose reading of the other keys counts; without it config.json does (tokenizer_class, model_type)"),
            ("added_tokens_decoder", "tokens by id; those that tokenizer.json lacks are added, and where it stands, added_tokens.json and "
                + "special_tokens_map.json are not read"),
            ("additional_special_tokens", "special tokens without an id; those that the vocabulary lacks go behind it"),
            ("extra_special_tokens", "the same, or an object of named ones"),
            ("model_specific_special_tokens", "an object of named special tokens, as transformers 5 writes it; transformers 4 does not read it"),
            .. Named,
            (Anything, "a named special token, e.g. image_token; transformers 4 does not read it"),
            ("add_bos_token", "beside a tokenizer.json: the template of Llama's, Gemma's and GPT-NeoX's classes in transformers 4, nothing in 5; beside a "
                + ".model: the token in front"),
            ("add_eos_token", "the same, for the token behind"),
            ("do_lower_case", "letters become small (BERT's classes; true without the key)"),
            ("strip_accents", "accents go (BERT's classes; null: as do_lower_case says)"),
            ("tokenize_chinese_chars", "ideographs stand apart (BERT's classes; true without the key)"),
            ("add_prefix_space", "a space in front (GPT-2's, GPT-NeoX's, Qwen's, RoBERTa's and Llama's classes)"),
            ("trim_offsets", "offsets leave the spaces of a token out (RoBERTa's classes)"),
            ("clean_up_tokenization_spaces", "decoded text loses the spaces before punctuation; transformers 5 leaves byte-pair encodings alone"),
            (CleanUpBpe, "the same for byte-pair encodings"),
            ("split_special_tokens", "special tokens in a text are cut like text"),
            ("legacy", "beside a .model: whether each part behind a special token begins with a space, or the text alone; beside a tokenizer.json its pipeline "
                + "says it"),
            ("extra_ids", "T5's sentinel tokens"),
            ("chat_template", "how a conversation becomes a prompt, where no chat_template.jinja lies beside")]),
        .. Rows(Config, KeyTreatment.Refused,
            ("keep_accents", "held against the normalizer of tokenizer.json; refused where they disagree"),
            ("from_slow", "transformers 4 converts the vocabulary anew; transformers 5 does not read it"),
            ("fix_mistral_regex", "another split of the text; refused where it is true"),
            ("fast_tokenizer_files", "other tokenizer.json files for other versions; refused where it names one"),
            ("init_inputs", "arguments of the class without their names; refused unless empty"),
            ("sp_model_kwargs", "how SentencePiece draws pieces; refused unless empty")),
        .. Rows(Config, KeyTreatment.Bookkeeping, [.. OnlyLengths.Select(k => (k, "padding and truncation are off unless asked for"))]),
        .. Rows(Config, KeyTreatment.Bookkeeping, [.. OnlySlow.Select(k => (k, "read by the Python tokenizers of transformers 4 alone"))]),
        .. Rows(Config, KeyTreatment.Bookkeeping, [.. OnlyNames.Select(k => (k, "says where the files came from or what opened them"))]),
        .. Rows(Config, KeyTreatment.Bookkeeping, [.. OnlyOthers.Select(k => (k, "is for another part than the tokenizer, or for training"))]),
        .. Rows(SpecialTokensMap, KeyTreatment.Applied, [.. Named,
            ("additional_special_tokens", "special tokens without an id; those that the vocabulary lacks go behind it"),
            ("extra_special_tokens", "the same, or an object of named ones"),
            (Anything, "a named special token, e.g. image_token; transformers 4 does not read it")]),
        .. Rows(AddedTokens, KeyTreatment.Applied, ("*", "each key is a token, its value the id")),
        .. Rows(ChatTemplate, KeyTreatment.Applied, ("chat_template", "how a conversation becomes a prompt, where no chat_template.jinja lies beside")),
        .. Rows("tokenizer.json", KeyTreatment.Applied,
            ("padding", "off unless asked for (Tokenizer.SavedPadding)"),
            ("truncation", "off unless asked for (Tokenizer.SavedTruncation)")),
    ];

    /// <summary>Whether a key stands in a row of its file.</summary>
    internal static bool Knows(string file, string key)
        => Keys.Any(k => k.File == file && (k.Key == key || k.Key == Anything && key.EndsWith(Anything[1..], StringComparison.Ordinal)));

    internal const string CleanUpBpe = "clean_up_tokenization_spaces_for_bpe_even_though_it_will_corrupt_output";

    private static (string, string)[] Named
        =>
        [
            ("bos_token", "a special token, and what add_bos_token and chat templates mean"),
            ("eos_token", "a special token, and what add_eos_token and chat templates mean"),
            ("unk_token", "a special token"),
            ("sep_token", "a special token, and the one behind each text in BERT's and RoBERTa's templates (transformers 5)"),
            ("pad_token", "a special token"),
            ("cls_token", "a special token, and the one in front in BERT's and RoBERTa's templates (transformers 5)"),
            ("mask_token", "a special token"),
        ];

    private static string[] OnlyLengths
        =>
        [
            "model_max_length", "max_len", "max_length", "padding", "padding_side", "pad_to_multiple_of", "pad_token_type_id", "stride", "truncation",
            "truncation_side", "truncation_strategy", "max_seq_length",
        ];

    private static string[] OnlySlow
        => ["do_basic_tokenize", "never_split", "errors", "spaces_between_special_tokens", "remove_space", "wordpieces_prefix", "use_fast"];

    private static string[] OnlyNames
        =>
        [
            "auto_map", "backend", "files_loaded", "full_tokenizer_file", "is_local", "local_files_only", "merges_file", "model_type", "name_or_path",
            "processor_class", "special_tokens_map_file", "tokenizer_file", "tokenizer_type", "transformers_version", "trust_remote_code",
            "unsloth_version", "vocab_file", "vocab_size", "_commit_hash", "_from_auto",
        ];

    private static string[] OnlyOthers
        =>
        [
            "bos_token_id", "cls_token_box", "device_map", "eos_token_id", "image_seq_len", "image_seq_length", "model_input_names", "only_label_first_subword",
            "pad_token_box", "pad_token_id", "pad_token_label", "response_schema", "response_template", "return_attention_mask", "return_tensors",
            "return_token_type_ids", "sep_token_box", "torch_dtype", "tool_parser_type", "unk_token_id", "use_default_system_prompt", "use_source_tokenizer",
            "verbose",
        ];

    private static IEnumerable<CompanionKey> Rows(string file, KeyTreatment treatment, params (string Key, string Effect)[] rows)
        => rows.Select(r => new CompanionKey(file, r.Key, treatment, r.Effect, Since));
}
