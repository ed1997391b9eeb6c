using Vitrine.Inputs.Tokenizers.Normalizers;
using Vitrine.Inputs.Tokenizers.PostProcessors;
using Vitrine.Inputs.Tokenizers.PreTokenizers;

namespace Vitrine.Inputs.Tokenizers.SentencePiece;

/// <summary>
/// A tokenizer made of a SentencePiece file. Its special tokens are the sign for the beginning, in front; the file says nothing of one behind.
/// </summary>
internal static class SentencePieceTokenizer
{
    public static Tokenizer Of(SentencePieceFile file, string source)
    {
        if (file.WhitespaceAsSuffix || file.Denormalizer.Length > 0)
        {
            throw new VitrineException(
                $"{source}: {(file.WhitespaceAsSuffix ? "treat_whitespace_as_suffix" : "a denormalizer")} is not computed by this version.");
        }

        var pieces = new PieceTable(file.Pieces, file.ByteFallback, source);
        int[] begin = pieces.Vocabulary.Id(file.BeginPiece) is { } id && pieces[id].Type == PieceType.Control ? [id] : [];
        return new Tokenizer(new TokenizerParts
        {
            Added = new AddedTokens([], text => text, source),
            Normalizer = new SentencePieceNormalizer(
                file.CharacterMap.Length > 0
                    ? new CharacterMap(file.CharacterMap, source)
                    : null, pieces.UserDefined, file.AddDummyPrefix, file.RemoveExtraWhitespaces, file.EscapeWhitespaces),
            PreTokenizer = new PreTokenizerSequence([]),
            Model = file.ModelType switch
            {
                1 => new SentencePieceUnigram(pieces),
                2 => new ScoredMergeModel(pieces),
                var type
                    => throw new VitrineException($"{source}: the model type {type} ({(type == 3 ? "words" : type == 4 ? "characters" : "unknown")}) is not "
                        + "computed by this version; unigram and BPE are."),
            },
            PostProcessor = TemplateProcessor.Around(begin, []),
            Decoder = new SentencePieceDecoder(pieces, file.UnknownSurface, file.AddDummyPrefix || file.RemoveExtraWhitespaces, file.RemoveExtraWhitespaces),
        });
    }
}
