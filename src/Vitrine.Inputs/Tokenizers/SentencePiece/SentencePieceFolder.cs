using System.Globalization;
using Vitrine.Inputs.Tokenizers.Companions;
using Vitrine.Inputs.Tokenizers.Decoders;
using Vitrine.Inputs.Tokenizers.Models;
using Vitrine.Inputs.Tokenizers.Normalizers;
using Vitrine.Inputs.Tokenizers.PostProcessors;
using Vitrine.Inputs.Tokenizers.PreTokenizers;

namespace Vitrine.Inputs.Tokenizers.SentencePiece;

/// <summary>A tokenizer made of a SentencePiece file and the files beside it, as transformers converts it where no tokenizer.json lies beside.</summary>
/// <remarks>
/// transformers, convert_slow_tokenizer.py. A model that lies alone is read as SentencePiece reads it (<see cref="SentencePieceTokenizer"/>).
/// </remarks>
internal sealed class SentencePieceFolder
{
    private readonly SentencePieceFile file;
    private readonly string source;
    private readonly FolderFiles files;
    private readonly TokenizerSwitches switches;

    private SentencePieceFolder(SentencePieceFile file, string source, FolderFiles files)
        => (this.file, this.source, this.files, switches) = (file, source, files, TokenizerSwitches.Read(files, hasPipeline: false));

    public static Tokenizer Of(SentencePieceFile file, string source, FolderFiles files)
        => files is { Config: null, Map: null, Ids: null }
            ? SentencePieceTokenizer.Of(file, source)
            : new Tokenizer(new SentencePieceFolder(file, source, files).Parts());

    private TokenizerParts Parts() => files.Class.Name switch
    {
        "LlamaTokenizer" => Merged(Llama()),
        "GemmaTokenizer" => Merged(LlamaPipeline.Bare),
        "T5Tokenizer" => T5(),
        var name => throw new VitrineException(
            $"{source}: is opened by {name} (tokenizer_class of {files.ConfigName}), whose conversion without a tokenizer.json is not computed by this "
            + "version; LlamaTokenizer's, GemmaTokenizer's and T5Tokenizer's are."),
    };

    private LlamaPipeline Llama()
    {
        var (prefix, legacy) = (switches.PrefixSpace ?? true, switches.Legacy ?? !files.IsNewer);
        return legacy && !files.IsNewer ? LlamaPipeline.Former(prefix) : LlamaPipeline.Of(prefix, legacy);
    }

    /// <summary>Llama's and Gemma's: byte-pair encoding with byte fallback.</summary>
    private TokenizerParts Merged(LlamaPipeline pipeline)
    {
        if (file.ModelType != 2)
        {
            throw new VitrineException($"{source}: is no byte-pair encoding; {files.Class.Name} (tokenizer_class of {files.ConfigName}) reads no other.");
        }

        // User-defined pieces are cut out as added tokens; where a file names other ones, transformers 5 knows them as plain pieces.
        var model = new ScoredMergeModel(new PieceTable(
            [.. file.Pieces.Select(p => p.Type == PieceType.UserDefined ? p with { Type = PieceType.Normal } : p)], byteFallback: true, source));
        var (tokens, added) = Added(model.Vocabulary, pipeline.Normalizer);
        return Parts(model, added, pipeline.Normalizer) with
        {
            PreTokenizer = pipeline.PreTokenizer,
            PostProcessor = new TextEnds(files, switches, tokens, added, model.Vocabulary).OfFlags(begin: !files.IsNewer && files.Class.Ends.Begin),
            Decoder = pipeline.Decoder,
            CleansUp = switches.CleansUp && switches.CleansUpBytePairs,
        };
    }

    private TokenizerParts T5()
    {
        if (file.ModelType != 1)
        {
            throw new VitrineException($"{source}: is no unigram model; {files.Class.Name} (tokenizer_class of {files.ConfigName}) reads no other.");
        }

        var sentinels = files.Config?.Count("extra_ids", files.Class.ExtraIds) ?? files.Class.ExtraIds;
        (string, double)[] pieces =
        [
            .. file.Pieces.Select(p => (p.Text, (double)p.Score)),
            .. Enumerable.Range(0, sentinels).Select(i => (string.Create(CultureInfo.InvariantCulture, $"<extra_id_{sentinels - 1 - i}>"), 0.0)),
        ];
        var unknown = file.Pieces.FindIndex(p => p.Type == PieceType.Unknown);
        var model = new UnigramModel(pieces, unknown < 0 ? null : unknown, byteFallback: false, source);
        IEnumerable<INormalizer> map = file.CharacterMap.Length > 0 ? [new PrecompiledNormalizer(new CharacterMap(file.CharacterMap, source))] : [];
        var normalizer = new NormalizerSequence([.. map, .. files.IsNewer ? [] : Trimmed()]);
        var (tokens, added) = Added(model.Vocabulary, normalizer);
        var scheme = files.IsNewer || (switches.Legacy ?? true) ? PrependScheme.Always : PrependScheme.First;
        var space = new MetaspaceSplit(SentencePieceNormalizer.VisibleSpace[0], scheme, split: true);
        int[] end = tokens.Text("eos_token") is { } text && (added.Id(text) ?? model.Vocabulary.Id(text)) is { } id
            ? [id]
            : throw new VitrineException($"{files.ConfigName}: eos_token is null; {files.Class.Name} puts it behind a text.");
        TemplatePart[] single = [new(0, [], 0), new(null, end, 0)];
        return Parts(model, added, normalizer) with
        {
            PreTokenizer = files.IsNewer
                ? new PreTokenizerSequence([new PatternSplit(new Patterns.RunePattern(System.Text.Rune.IsWhiteSpace), SplitBehavior.Removed), space])
                : space,
            PostProcessor = new TemplateProcessor(single, [.. single, new(1, [], 0), new(null, end, 0)]),
            Decoder = new MetaspaceDecoder(SentencePieceNormalizer.VisibleSpace[0], Prepended: true),
            CleansUp = switches.CleansUp,
        };
    }

    /// <remarks>transformers 4, SpmConverter.normalizer.</remarks>
    private INormalizer[] Trimmed()
        =>
        [
            new StripNormalizer(Left: false, Right: true),
            new ReplaceNormalizer(Patterns.OnigurumaPattern.Of(" {2,}", source), SentencePieceNormalizer.VisibleSpace),
        ];

    private TokenizerParts Parts(ITokenModel model, AddedTokens added, INormalizer normalizer) => new()
    {
        Added = added,
        Normalizer = normalizer,
        PreTokenizer = new PreTokenizerSequence([]),
        Model = model,
        PostProcessor = new PlainProcessor(),
        Decoder = new SpacesBetween(),
        Notes = files.Notes,
    };

    private (SpecialTokens Tokens, AddedTokens Added) Added(Vocabulary vocabulary, INormalizer normalizer)
    {
        var tokens = SpecialTokens.Read(
            files, [.. file.Pieces.Where(p => p.Type is PieceType.Control or PieceType.UserDefined)
                .Select(p => new AddedToken(p.Text, TokenReader.NoId) { Special = p.Type == PieceType.Control })]);
        return (tokens, new AddedTokens(TokenAdder.Add([], vocabulary, tokens), text => normalizer.Normalize(AlignedText.Of(text, track: false)).Text, source,
            switches.SplitsSpecial));
    }
}
