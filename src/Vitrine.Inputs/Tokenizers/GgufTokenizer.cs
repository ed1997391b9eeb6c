using Vitrine.Inputs.Tokenizers.Decoders;
using Vitrine.Inputs.Tokenizers.Models;
using Vitrine.Inputs.Tokenizers.Normalizers;
using Vitrine.Inputs.Tokenizers.Patterns;
using Vitrine.Inputs.Tokenizers.PostProcessors;
using Vitrine.Inputs.Tokenizers.PreTokenizers;
using Vitrine.Inputs.Tokenizers.SentencePiece;

namespace Vitrine.Inputs.Tokenizers;

/// <summary>The tokenizer inside a GGUF file.</summary>
/// <remarks>
/// Keys under <c>tokenizer.ggml</c> (ggml, docs/gguf.md). The split of byte-level models is not in the file, only its name; those known here are llama.cpp's
/// (llama-vocab.cpp).
/// </remarks>
public static class GgufTokenizer
{
    private const string Gpt2 = ByteLevelSplit.Gpt2Pattern;
    private const string Llama3 = @"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
    private const string Qwen2 = @"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

    /// <summary>Makes a tokenizer of a file's metadata.</summary>
    /// <param name="metadata">
    /// Keys and values of the file; texts, whole numbers as long, numbers as double, flags as bool, lists as string[], float[] or int[].
    /// </param>
    /// <param name="source">The file, for messages.</param>
    /// <exception cref="VitrineException">A key is missing or broken, or names what is not computed.</exception>
    public static Tokenizer FromMetadata(IReadOnlyDictionary<string, object> metadata, string source = "GGUF")
    {
        ArgumentNullException.ThrowIfNull(metadata);
        var file = new GgufVocabulary(metadata, source);
        return file.Model switch
        {
            "gpt2" => ByteLevel(file, source),
            "llama" => Scored(file, source),
            var model => throw new VitrineException($"{source}: tokenizer.ggml.model '{model}' is not computed by this version; gpt2 and llama are."),
        };
    }

    private static Tokenizer ByteLevel(GgufVocabulary file, string source)
    {
        var vocabulary = new Vocabulary(file.Tokens.Select((t, i) => (t, i)), source, count: file.Tokens.Count);
        return new Tokenizer(new TokenizerParts
        {
            Added = new AddedTokens(file.Added(), text => text, source),
            Normalizer = new NormalizerSequence([]),
            PreTokenizer = new PreTokenizerSequence(
                [.. Splits(file.Split, source), new ByteLevelSplit(file.Flag("add_space_prefix", otherwise: false), useRegex: false)]),
            Model = new BytePairModel(
                vocabulary, file.Merges, new BytePairOptions { IgnoreMerges = file.Split is "llama3" or "llama-v3" or "llama-bpe" or "falcon3" }, source),
            PostProcessor = Template(file, beginByDefault: file.Split is "llama3" or "llama-v3" or "llama-bpe" or "falcon3"),
            Decoder = new ByteLevelDecoder(),
        });
    }

    private static IEnumerable<IPreTokenizer> Splits(string name, string source)
    {
        string[] patterns = name switch
        {
            "gpt-2" or "gpt2" or "phi-2" or "jina-es" or "jina-de" or "mpt" or "olmo" or "gigachat" => [Gpt2],
            "smollm" or "starcoder" or "refact" or "command-r" or "codeshell" or "exaone" or "minerva-7b" => [@"\p{N}", Gpt2],
            "llama3" or "llama-v3" or "llama-bpe" or "falcon3" or "smaug-bpe" => [Llama3],
            "qwen2" or "deepseek-r1-qwen" or "stablelm2" or "hunyuan" => [Qwen2],
            "default" => [@"[\p{P}\$\+<=>\^~\|]+", @"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)", @"\p{N}+", "[0-9][0-9][0-9]"],
            _ => throw new VitrineException($"{source}: tokenizer.ggml.pre '{name}' is not computed by this version."),
        };
        return patterns.Select(p => new PatternSplit(OnigurumaPattern.Of(p, source), SplitBehavior.Isolated));
    }

    private static Tokenizer Scored(GgufVocabulary file, string source)
    {
        var (scores, types) = (file.Scores, file.Types);
        var pieces = new PieceTable([.. file.Tokens.Select((t, i) => new SentencePiece.SentencePiece(t, scores[i],
            types[i] == PieceType.UserDefined ? PieceType.Normal : types[i]))], byteFallback: true, source);
        var prefix = file.Flag("add_space_prefix", otherwise: true);
        INormalizer visible = new ReplaceNormalizer(new LiteralPattern(" "), SentencePieceNormalizer.VisibleSpace);
        IDecoder[] decoders = [new ReplaceDecoder(new LiteralPattern(SentencePieceNormalizer.VisibleSpace), " "), new ByteFallbackDecoder(), new FuseDecoder()];
        return new Tokenizer(new TokenizerParts
        {
            Added = new AddedTokens(file.Added(), text => text, source),
            Normalizer = prefix ? new NormalizerSequence([new PrependNormalizer(SentencePieceNormalizer.VisibleSpace), visible]) : visible,
            PreTokenizer = new PreTokenizerSequence([]),
            Model = new ScoredMergeModel(pieces),
            PostProcessor = Template(file, beginByDefault: true),
            Decoder = new DecoderSequence(prefix ? [.. decoders, new StripDecoder(new System.Text.Rune(' '), 1, 0)] : decoders),
        });
    }

    private static TemplateProcessor Template(GgufVocabulary file, bool beginByDefault) => TemplateProcessor.Around(
        file.Flag("add_bos_token", beginByDefault) ? [file.Id("bos_token_id")] : [],
        file.Flag("add_eos_token", otherwise: false) ? [file.Id("eos_token_id")] : []);
}
