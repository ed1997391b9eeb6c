namespace Vitrine.Inputs.Tokenizers.Models;

/// <summary>How a <see cref="BytePairModel"/> spells words; names follow tokenizer.json.</summary>
internal sealed record BytePairOptions
{
    /// <summary>Stands for characters that the vocabulary lacks; without it they are dropped.</summary>
    public string? UnknownToken { get; init; }

    /// <summary>Written before every character but a word's first.</summary>
    public string ContinuingSubwordPrefix { get; init; } = "";

    /// <summary>Written behind a word's last character.</summary>
    public string EndOfWordSuffix { get; init; } = "";

    /// <summary>Whether unknown characters are spelled in byte tokens where all of those exist.</summary>
    public bool ByteFallback { get; init; }

    /// <summary>Whether unknown characters that touch are one token.</summary>
    public bool FuseUnknown { get; init; }

    /// <summary>Whether a word of the vocabulary is taken whole, whatever the merges make of it.</summary>
    public bool IgnoreMerges { get; init; }
}

/// <summary>Byte-pair encoding with a list of merges.</summary>
internal sealed class BytePairModel : ITokenModel
{
    private readonly MergeTable merges;
    private readonly BytePairOptions options;
    private readonly int? unknown;
    private readonly WordCache cache = new();

    public BytePairModel(Vocabulary vocabulary, IReadOnlyList<(string Left, string Right)> pairs, BytePairOptions options, string source)
        : this(vocabulary, options, source) => merges = MergeTable.Of(vocabulary, pairs, options.ContinuingSubwordPrefix, source);

    /// <param name="vocabulary">Must know the parts of all merges and what they make.</param>
    /// <param name="lines">Merges with a space between their two parts; there is no prefix.</param>
    /// <param name="options">How words are spelled.</param>
    /// <param name="source">For messages.</param>
    public BytePairModel(Vocabulary vocabulary, IReadOnlyList<string> lines, BytePairOptions options, string source)
        : this(vocabulary, options, source) => merges = MergeTable.Of(vocabulary, lines, source);

    private BytePairModel(Vocabulary vocabulary, BytePairOptions options, string source)
    {
        (Vocabulary, this.options, merges) = (vocabulary, options, null!);
        unknown = options.UnknownToken is { } token
            ? vocabulary.Id(token) ?? throw new VitrineException($"{source}: unk_token '{token}' is not in the vocabulary.")
            : null;
    }

    public string Kind => "byte-pair encoding";

    public Vocabulary Vocabulary { get; }

    public void Encode(ReadOnlySpan<char> word, List<ModelToken> tokens)
    {
        if (cache.TryGet(word, out var known))
        {
            tokens.AddRange(known!);
            return;
        }

        var before = tokens.Count;
        if (options.IgnoreMerges && Vocabulary.TryId(word, out var whole))
        {
            tokens.Add(new ModelToken(whole, 0, word.Length));
        }
        else
        {
            var symbols = Characters(word);
            symbols.Merge(merges);
            symbols.AddTo(tokens);
        }

        cache.Put(word, tokens, before);
    }

    private SymbolChain Characters(ReadOnlySpan<char> word)
    {
        var symbols = new SymbolChain();
        Span<int> bytes = stackalloc int[4];
        (int From, int To)? pending = null; // Unknown characters; byte tokens behind them come first, a habit of the tokenizers library.
        var at = 0;
        foreach (var rune in word.EnumerateRunes())
        {
            var end = at + rune.Utf16SequenceLength;
            if (Find(word, at, end, out var id))
            {
                Flush(symbols);
                symbols.Add(id, at, end);
            }
            else if (options.ByteFallback && Vocabulary.ByteIds(word[at..end], bytes) is > 0 and var count)
            {
                for (var i = 0; i < count; i++)
                {
                    symbols.Add(bytes[i], at, end);
                }
            }
            else if (unknown is not null)
            {
                if (options.FuseUnknown && pending is { } open)
                {
                    pending = (open.From, end);
                }
                else
                {
                    Flush(symbols);
                    pending = (at, end);
                }
            }

            at = end;
        }

        Flush(symbols);
        return symbols;

        void Flush(SymbolChain chain)
        {
            if (pending is { } range)
            {
                chain.Add(unknown!.Value, range.From, range.To);
                pending = null;
            }
        }
    }

    private bool Find(ReadOnlySpan<char> word, int at, int end, out int id)
    {
        var prefix = at > 0 ? options.ContinuingSubwordPrefix : "";
        var suffix = end == word.Length ? options.EndOfWordSuffix : "";
        return prefix.Length + suffix.Length == 0
            ? Vocabulary.TryId(word[at..end], out id)
            : Vocabulary.TryId($"{prefix}{word[at..end]}{suffix}", out id);
    }
}
