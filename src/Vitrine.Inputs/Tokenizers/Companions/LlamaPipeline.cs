using System.Text;
using Vitrine.Inputs.Tokenizers.Decoders;
using Vitrine.Inputs.Tokenizers.Normalizers;
using Vitrine.Inputs.Tokenizers.Patterns;
using Vitrine.Inputs.Tokenizers.PreTokenizers;
using Vitrine.Inputs.Tokenizers.SentencePiece;

namespace Vitrine.Inputs.Tokenizers.Companions;

/// <summary>The pipeline that transformers builds around Llama's pieces.</summary>
internal sealed record LlamaPipeline(INormalizer Normalizer, IPreTokenizer PreTokenizer, IDecoder Decoder)
{
    private static readonly ITextPattern Space = new LiteralPattern(" ");
    private static readonly ITextPattern VisibleSpace = new LiteralPattern(SentencePieceNormalizer.VisibleSpace);

    /// <summary>Spaces made visible and back, nothing put in front: Gemma's.</summary>
    public static LlamaPipeline Bare { get; } = new(Visible, new PreTokenizerSequence([]), Back(prefix: false));

    private static INormalizer Visible => new ReplaceNormalizer(Space, SentencePieceNormalizer.VisibleSpace);

    /// <summary>Version 5's.</summary>
    /// <param name="prefix">Whether a text gets a space in front.</param>
    /// <param name="legacy">Whether each part behind a special token gets one too.</param>
    /// <remarks>transformers 5, LlamaTokenizer.__init__.</remarks>
    public static LlamaPipeline Of(bool prefix, bool legacy) => new(
        new NormalizerSequence([]),
        new MetaspaceSplit(
            SentencePieceNormalizer.VisibleSpace[0], !prefix ? PrependScheme.Never : legacy ? PrependScheme.Always : PrependScheme.First, split: false),
        Back(prefix));

    /// <summary>Version 4's where legacy is true: the space is put before each part, be there one already.</summary>
    /// <remarks>transformers 4, convert_slow_tokenizer.py, LlamaConverter.</remarks>
    public static LlamaPipeline Former(bool prefix) => new(
        prefix ? new NormalizerSequence([new PrependNormalizer(SentencePieceNormalizer.VisibleSpace), Visible]) : Visible,
        new PreTokenizerSequence([]), Back(prefix));

    private static DecoderSequence Back(bool prefix)
    {
        IDecoder[] steps = [new ReplaceDecoder(VisibleSpace, " "), new ByteFallbackDecoder(), new FuseDecoder()];
        return new DecoderSequence(prefix ? [.. steps, new StripDecoder(new Rune(' '), 1, 0)] : steps);
    }
}
