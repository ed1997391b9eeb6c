namespace Vitrine.Inputs.Tokenizers.Companions;

/// <summary>How a class treats <c>add_prefix_space</c>.</summary>
internal enum PrefixSpace
{
    /// <summary>It does not read it.</summary>
    None,

    /// <summary>It gives it to the ByteLevel pre-tokenizer, false where the key is missing.</summary>
    ByteLevel,

    /// <summary>The same, and null is false.</summary>
    ByteLevelOrNull,

    /// <summary>It says whether a text gets Llama's space in front; null is as the file has it.</summary>
    Llama,
}

/// <summary>What a tokenizer class of transformers reads besides what every class does; versions 4 and 5 agree but where it is said.</summary>
/// <remarks>transformers, models/*/tokenization_*.py and models/auto/tokenization_auto.py.</remarks>
internal sealed record TokenizerClass(string Name)
{
    private const string EndOfText = "<|endoftext|>";

    /// <summary>Model types that version 5 opens with its plain class, whatever tokenizer_config.json names.</summary>
    private static readonly HashSet<string> PlainTypes =
    [
        "arctic", "chameleon", "chatlm", "deepseek_v2", "deepseek_v3", "deepseek_v32", "deepseek_v4", "deepseek_vl", "deepseek_vl_hybrid", "deepseek_vl_v2",
        "deepseek_ocr", "deepseek_ocr2", "ernie4_5", "ernie4_5_moe", "fuyu", "h2ovl_chat", "hyperclovax", "hyperclovax_vlm", "internlm2", "jamba", "janus",
        "llava", "llava_next", "minicpm3", "minicpmv", "minimax_m2", "ministral", "ministral3", "mistral", "mistral3", "mixtral", "modernbert", "molmo",
        "molmo2", "nemotron", "nvfp4", "opencua", "openvla", "paddleocr_vl", "phi3", "phi3_v", "phimoe", "pixtral", "smolvlm", "step3p5", "step3_vl",
        "vipllava", "voxtral",
    ];

    private static readonly Dictionary<string, string> ClassOfType = new(StringComparer.Ordinal)
    {
        ["bert"] = "BertTokenizer",
        ["distilbert"] = "BertTokenizer",
        ["gpt2"] = "GPT2Tokenizer",
        ["gpt_neox"] = "GPTNeoXTokenizer",
        ["gemma"] = "GemmaTokenizer",
        ["gemma2"] = "GemmaTokenizer",
        ["qwen2"] = "Qwen2Tokenizer",
        ["qwen3"] = "Qwen2Tokenizer",
        ["clip"] = "CLIPTokenizer",
        ["roberta"] = "RobertaTokenizer",
        ["t5"] = "T5Tokenizer",
    };

    private static readonly TokenizerClass Plain = new("PreTrainedTokenizerFast");
    private static readonly Dictionary<string, TokenizerClass> Classes = Listed().ToDictionary(c => c.Name, StringComparer.Ordinal);

    /// <summary>Whether it is listed here; what another class reads is not known, so a key that it might read is held against tokenizer.json.</summary>
    public bool IsKnown { get; init; } = true;

    /// <summary>Tokens that it has where no file names them, by their keys.</summary>
    public IReadOnlyDictionary<string, string> Tokens { get; init; } = new Dictionary<string, string>();

    /// <summary>The same, in version 5 only.</summary>
    public IReadOnlyDictionary<string, string> NewerTokens { get; init; } = new Dictionary<string, string>();

    /// <summary>
    /// Whether do_lower_case, strip_accents and tokenize_chinese_chars decide the normalizer, and cls_token and sep_token, in version 5, the template.
    /// </summary>
    public bool IsBert { get; init; }

    /// <summary>Whether trim_offsets and add_prefix_space go to the post-processor, and cls_token and sep_token, in version 5, too.</summary>
    public bool IsRoberta { get; init; }

    /// <summary>What add_prefix_space does.</summary>
    public PrefixSpace PrefixSpace { get; init; }

    /// <summary>Whether version 4 builds the template from add_bos_token and add_eos_token, and add_bos_token where the key is missing.</summary>
    public (bool FromFlags, bool Begin) Ends { get; init; }

    /// <summary>Numbers of the tokens <c>&lt;extra_id_n&gt;</c> that it adds; 0 for none.</summary>
    public int ExtraIds { get; init; }

    /// <summary>The class that opens a folder.</summary>
    /// <param name="named">tokenizer_class of tokenizer_config.json or, without it, of config.json.</param>
    /// <param name="modelType">model_type of config.json.</param>
    /// <param name="reference">Version 4 or 5.</param>
    public static TokenizerClass Of(string? named, string? modelType, TokenizerReference reference)
    {
        var name = named is null ? null : Bare(named);
        if (reference == TokenizerReference.Transformers5)
        {
            // Version 5 believes its own list for Qwen 2, and the file for the others; the plain class takes whatever the file says.
            name = modelType is not null && PlainTypes.Contains(modelType) ? Plain.Name : modelType == "qwen2" ? "Qwen2Tokenizer" : name;
        }

        name ??= modelType is null ? null
            : ClassOfType.GetValueOrDefault(modelType)
                ?? (reference == TokenizerReference.Transformers4 && modelType is "llama" or "mistral" ? "LlamaTokenizer" : null);
        return name is null or "PreTrainedTokenizer" or "PreTrainedTokenizerFast" or "TokenizersBackend" or "PythonBackend"
            ? Plain
            : Classes.GetValueOrDefault(name) ?? new TokenizerClass(name) { IsKnown = false };
    }

    private static string Bare(string name) => name.EndsWith("Fast", StringComparison.Ordinal) ? name[..^4] : name;

    private static IEnumerable<TokenizerClass> Listed()
    {
        var llama = new TokenizerClass("LlamaTokenizer")
        {
            Tokens = Named(bos: "<s>", eos: "</s>", unk: "<unk>"),
            PrefixSpace = PrefixSpace.Llama,
            Ends = (true, true),
        };
        var bert = new TokenizerClass("BertTokenizer")
        {
            Tokens = Named(unk: "[UNK]", sep: "[SEP]", pad: "[PAD]", cls: "[CLS]", mask: "[MASK]"),
            IsBert = true,
        };
        var roberta = new TokenizerClass("RobertaTokenizer")
        {
            Tokens = Named("<s>", "</s>", "<unk>", "</s>", "<pad>", "<s>", "<mask>"),
            IsRoberta = true,
            PrefixSpace = PrefixSpace.ByteLevel,
        };
        return
        [
            llama,
            llama with { Name = "CodeLlamaTokenizer" },
            .. ((string[])["Bert", "DistilBert", "Electra", "MobileBert", "ConvBert", "SqueezeBert", "Lxmert", "LayoutLM"]).Select(n
                => bert with { Name = $"{n}Tokenizer" }),
            .. ((string[])["Roberta", "Bart", "Longformer", "LED"]).Select(n => roberta with { Name = $"{n}Tokenizer" }),
            new("GemmaTokenizer")
            {
                Tokens = Named(bos: "<bos>", eos: "<eos>", unk: "<unk>", pad: "<pad>"),
                NewerTokens = Named(mask: "<mask>"),
                Ends = (true, true),
            },
            new("GPT2Tokenizer") { Tokens = Named(EndOfText, EndOfText, EndOfText), PrefixSpace = PrefixSpace.ByteLevel },
            new("GPTNeoXTokenizer")
            {
                Tokens = Named(EndOfText, EndOfText, EndOfText),
                NewerTokens = Named(pad: "<|padding|>"),
                PrefixSpace = PrefixSpace.ByteLevel,
                Ends = (true, false),
            },
            new("Qwen2Tokenizer") { Tokens = Named(eos: EndOfText, unk: EndOfText, pad: EndOfText), PrefixSpace = PrefixSpace.ByteLevelOrNull },
            new("CLIPTokenizer") { Tokens = Named("<|startoftext|>", EndOfText, EndOfText, pad: EndOfText) },
            new("T5Tokenizer") { Tokens = Named(eos: "</s>", unk: "<unk>", pad: "<pad>"), ExtraIds = 100 },
        ];
    }

    private static Dictionary<string, string> Named(
        string? bos = null, string? eos = null, string? unk = null, string? sep = null, string? pad = null, string? cls = null, string? mask = null)
    {
        (string Key, string? Token)[] tokens =
            [("bos_token", bos), ("eos_token", eos), ("unk_token", unk), ("sep_token", sep), ("pad_token", pad), ("cls_token", cls), ("mask_token", mask)];
        return tokens.Where(t => t.Token is not null).ToDictionary(t => t.Key, t => t.Token!);
    }
}
