using System.Text;
using Vitrine.Inputs.Tokenizers.Decoders;
using Vitrine.Inputs.Tokenizers.Models;
using Vitrine.Inputs.Tokenizers.Normalizers;
using Vitrine.Inputs.Tokenizers.PostProcessors;
using Vitrine.Inputs.Tokenizers.PreTokenizers;

namespace Vitrine.Inputs.Tokenizers;

/// <summary>Text to ids and back, as a Hugging Face <c>tokenizer.json</c>, a SentencePiece <c>.model</c> or the metadata of a GGUF file says.</summary>
/// <remarks>
/// In a folder, the files beside the vocabulary are read as transformers reads them (<see cref="TokenizerOptions"/>). Added tokens are cut out first, the rest
/// is normalised, split, and handed to the model piece by piece; a template puts special tokens around the whole.
/// Safe to use from several threads.
/// </remarks>
public sealed class Tokenizer
{
    private readonly TokenizerParts parts;

    internal Tokenizer(TokenizerParts parts)
    {
        this.parts = parts;
        VocabularySize = Math.Max(parts.Model.Vocabulary.LargestId, parts.Added.LargestId) + 1;
    }

    /// <summary>How words become tokens, in words: byte-pair encoding, Unigram, WordPiece ...</summary>
    public string Kind => parts.Model.Kind;

    /// <summary>Ids of the tokens that steer and are no text, in order.</summary>
    public IReadOnlyList<int> SpecialIds => [.. parts.Added.All.Where(t => t.Special).Select(t => t.Id).Order()];

    /// <summary>The largest id and one more, added tokens included.</summary>
    public int VocabularySize { get; }

    /// <summary>What texts are cut to; null for no limit. Chosen by <see cref="With"/>.</summary>
    public Truncation? Truncation => parts.Truncation;

    /// <summary>What texts are filled up with; null for nothing. Chosen by <see cref="With"/>.</summary>
    public Padding? Padding => parts.Padding;

    /// <summary>The truncation that is saved in <c>tokenizer.json</c>, off unless asked for: <c>With(t.SavedTruncation, t.SavedPadding)</c>.</summary>
    public Truncation? SavedTruncation => parts.SavedTruncation;

    /// <summary>The padding that is saved in <c>tokenizer.json</c>, off unless asked for: <c>With(t.SavedTruncation, t.SavedPadding)</c>.</summary>
    public Padding? SavedPadding => parts.SavedPadding;

    /// <summary>What the files beside the vocabulary say and nothing follows from, a line each, with why.</summary>
    public IReadOnlyList<string> Notes => parts.Notes;

    /// <summary>
    /// Opens a folder's tokenizer with the files beside it (<see cref="TokenizerFiles"/>), or a <c>tokenizer.json</c> or <c>.model</c> alone.
    /// </summary>
    /// <param name="path">The folder, or one file, which is then read without those beside it.</param>
    /// <param name="options">How; <see cref="TokenizerOptions.Default"/> when null.</param>
    /// <exception cref="VitrineException">A file is missing or broken, or holds a component or a key that is not computed; it is named.</exception>
    public static Tokenizer Open(string path, TokenizerOptions? options = null) => TokenizerFile.Open(path, options ?? TokenizerOptions.Default);

    /// <summary>The same tokenizer with other lengths.</summary>
    public Tokenizer With(Truncation? truncation, Padding? padding) => new(parts with { Truncation = truncation, Padding = padding });

    /// <summary>Ids of a text.</summary>
    /// <param name="text">Any text.</param>
    /// <param name="addSpecialTokens">Whether the template's special tokens are put around it.</param>
    public int[] Encode(string text, bool addSpecialTokens = true)
    {
        ArgumentNullException.ThrowIfNull(text);
        return Ids([text], addSpecialTokens);
    }

    /// <summary>Ids of two texts, laid out as the template says.</summary>
    /// <param name="text">The first; any text.</param>
    /// <param name="pair">The second; an empty one is a text too.</param>
    /// <param name="addSpecialTokens">Whether the template's special tokens are put around them.</param>
    public int[] Encode(string text, string pair, bool addSpecialTokens = true)
    {
        ArgumentNullException.ThrowIfNull(text);
        ArgumentNullException.ThrowIfNull(pair);
        return Ids([text, pair], addSpecialTokens);
    }

    /// <summary>Tokens of a text, or of two, with their places, segments and mask.</summary>
    /// <param name="text">Any text.</param>
    /// <param name="pair">A second one; null for none.</param>
    /// <param name="addSpecialTokens">Whether the template's special tokens are put around them.</param>
    public EncodedText EncodeText(string text, string? pair = null, bool addSpecialTokens = true)
    {
        ArgumentNullException.ThrowIfNull(text);
        return EncodeBatch([(text, pair)], addSpecialTokens)[0];
    }

    /// <summary>Tokens of several texts, padded together where <see cref="Padding"/> says so.</summary>
    /// <param name="texts">Any texts.</param>
    /// <param name="addSpecialTokens">Whether the template's special tokens are put around each.</param>
    public IReadOnlyList<EncodedText> EncodeBatch(IEnumerable<string> texts, bool addSpecialTokens = true)
    {
        ArgumentNullException.ThrowIfNull(texts);
        return EncodeBatch(texts.Select(t => (t, (string?)null)), addSpecialTokens);
    }

    /// <summary>Tokens of several texts or pairs of texts, padded together where <see cref="Padding"/> says so.</summary>
    /// <param name="texts">Texts, with a second one or null.</param>
    /// <param name="addSpecialTokens">Whether the template's special tokens are put around each.</param>
    public IReadOnlyList<EncodedText> EncodeBatch(IEnumerable<(string Text, string? Pair)> texts, bool addSpecialTokens = true)
    {
        ArgumentNullException.ThrowIfNull(texts);
        EncodedText[] encoded = [.. texts.Select(t => Public(Run(t.Pair is null ? [t.Text] : [t.Text, t.Pair], addSpecialTokens, track: true)))];
        if (Padding is not { } padding || encoded.Length == 0)
        {
            return encoded;
        }

        var length = padding.Target(encoded.Max(e => e.Ids.Count));
        return [.. encoded.Select(e => padding.Apply(e, length))];
    }

    /// <summary>The text of ids.</summary>
    /// <param name="ids">Those that stand for nothing are passed over.</param>
    /// <param name="skipSpecialTokens">Whether special tokens are left out.</param>
    public string Decode(IEnumerable<int> ids, bool skipSpecialTokens = true)
    {
        ArgumentNullException.ThrowIfNull(ids);
        var text = Raw(ids, skipSpecialTokens);
        return CleansUp ? CleanUp.Of(text) : text;
    }

    /// <summary>Whether spaces before punctuation go from decoded text (clean_up_tokenization_spaces).</summary>
    internal bool CleansUp => parts.CleansUp;

    /// <summary>The text of ids, not cleaned up.</summary>
    internal string Raw(IEnumerable<int> ids, bool skipSpecialTokens)
        => string.Concat(parts.Decoder.Apply([.. ids.Where(i => !(skipSpecialTokens && parts.Added.IsSpecial(i))).Select(Token).OfType<string>()]));

    /// <summary>Decodes ids one by one, as they are generated.</summary>
    /// <param name="skipSpecialTokens">Whether special tokens are left out.</param>
    public StreamingDecoder Stream(bool skipSpecialTokens = true) => new(this, skipSpecialTokens);

    /// <summary>The piece of an id as the vocabulary spells it; null where there is none.</summary>
    public string? Token(int id) => parts.Added.Content(id) ?? parts.Model.Vocabulary.Word(id);

    /// <summary>
    /// One token as people read it: its text with its space; the vocabulary's spelling where it is no text by itself, as a part of a character; the id in angle
    /// brackets where there is none.
    /// </summary>
    public string Shown(int id)
    {
        if (Token(id) is not { } token || token.Contains('\u2581', StringComparison.Ordinal))
        {
            return Token(id)?.Replace('\u2581', ' ') ?? $"<{id}>";
        }

        var text = Raw([id], skipSpecialTokens: false);
        return text.Length == 0 || text.Contains('\uFFFD', StringComparison.Ordinal) ? token : text.ReplaceLineEndings("\\n");
    }

    /// <summary>The id of a piece; null where there is none.</summary>
    public int? Id(string token)
    {
        ArgumentNullException.ThrowIfNull(token);
        return parts.Added.Id(token) ?? parts.Model.Vocabulary.Id(token);
    }

    /// <summary>Whether an id is a special token: one that steers and is no text.</summary>
    public bool IsSpecial(int id) => parts.Added.IsSpecial(id);

    private int[] Ids(string[] texts, bool addSpecialTokens)
    {
        var run = Run(texts, addSpecialTokens, track: false);
        return Padding is { } padding ? [.. padding.Apply(Public(run), padding.Target(run.Count)).Ids] : [.. run.Ids];
    }

    private TokenRun Run(string[] texts, bool addSpecialTokens, bool track)
    {
        var runs = texts.Select((text, i) => Tokens(text, i, track)).ToArray();
        Truncation?.Apply(runs[0], runs.ElementAtOrDefault(1), addSpecialTokens ? parts.PostProcessor.Added(texts.Length > 1) : 0);
        var processed = parts.PostProcessor.Process(runs, addSpecialTokens);
        if (processed.Count == 1)
        {
            return processed[0];
        }

        var whole = new TokenRun();
        foreach (var run in processed)
        {
            whole.Append(run);
        }

        return whole;
    }

    private TokenRun Tokens(string text, int typeId, bool track)
    {
        var run = new TokenRun();
        text = WithoutLoneSurrogates(text);
        var written = AlignedText.Of(text, track || parts.PreTokenizer.NeedsOrigins);
        var tokens = new List<ModelToken>();
        foreach (var (from, to, id) in parts.Added.Cut(text, isNormalized: false))
        {
            if (id is { } known)
            {
                run.Add(known, typeId, track ? (from, to) : (0, 0));
                continue;
            }

            var normal = parts.Normalizer.Normalize(written.Slice(from, to));
            foreach (var (start, end, added) in parts.Added.Cut(normal.Text, isNormalized: true))
            {
                if (added is { } token)
                {
                    run.Add(token, typeId, normal.Origin(start, end));
                }
                else
                {
                    Words(parts.PreTokenizer.Split(Pieces.Whole(normal.Slice(start, end), from == 0 && start == 0)), typeId, tokens, run);
                }
            }
        }

        return run;
    }

    private void Words(Pieces pieces, int typeId, List<ModelToken> tokens, TokenRun run)
    {
        for (var i = 0; i < pieces.Ranges.Count; i++)
        {
            tokens.Clear();
            parts.Model.Encode(pieces[i], tokens);
            var start = pieces.Ranges[i].From;
            foreach (var token in tokens)
            {
                run.Add(token.Id, typeId, pieces.Text.Origin(start + token.From, start + token.To));
            }
        }
    }

    /// <summary>A half of a surrogate pair is no character; it counts as U+FFFD, as it would after UTF-8.</summary>
    private static string WithoutLoneSurrogates(string text)
    {
        if (text.AsSpan().IndexOfAnyInRange('\uD800', '\uDFFF') < 0)
        {
            return text;
        }

        var clean = new StringBuilder(text.Length);
        foreach (var rune in text.EnumerateRunes())
        {
            clean.Append(rune.IsBmp ? ((char)rune.Value).ToString() : rune.ToString());
        }

        return clean.ToString();
    }

    private EncodedText Public(TokenRun run) => new()
    {
        Ids = [.. run.Ids],
        Tokens = [.. run.Ids.Select(i => Token(i) ?? "")],
        Offsets = [.. run.Offsets],
        AttentionMask = [.. Enumerable.Repeat(1, run.Count)],
        TypeIds = [.. run.TypeIds],
        SpecialTokensMask = [.. run.Added.Select(a => a ? 1 : 0)],
    };
}

/// <summary>What a tokenizer is made of.</summary>
internal sealed record TokenizerParts
{
    public required AddedTokens Added { get; init; }

    public required INormalizer Normalizer { get; init; }

    public required IPreTokenizer PreTokenizer { get; init; }

    public required ITokenModel Model { get; init; }

    public required IPostProcessor PostProcessor { get; init; }

    public required IDecoder Decoder { get; init; }

    public Truncation? Truncation { get; init; }

    public Padding? Padding { get; init; }

    public Truncation? SavedTruncation { get; init; }

    public Padding? SavedPadding { get; init; }

    public bool CleansUp { get; init; }

    public IReadOnlyList<string> Notes { get; init; } = [];
}
