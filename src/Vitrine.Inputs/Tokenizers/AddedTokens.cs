using System.Text;
using Vitrine.Inputs.Tokenizers.Patterns;

namespace Vitrine.Inputs.Tokenizers;

/// <summary>A token that is cut out of a text before the model sees it; names follow tokenizer.json.</summary>
internal sealed record AddedToken(string Content, int Id)
{
    /// <summary>Whether it is left out of a decoded text on demand.</summary>
    public bool Special { get; init; }

    /// <summary>Whether it counts only where no word character touches it.</summary>
    public bool SingleWord { get; init; }

    /// <summary>Whether it takes the white space before it along.</summary>
    public bool StripsLeft { get; init; }

    /// <summary>Whether it takes the white space behind it along.</summary>
    public bool StripsRight { get; init; }

    /// <summary>Whether it is looked for in the normalised text.</summary>
    public bool Normalized { get; init; }
}

/// <summary>Finds added tokens in a text: from left to right, the longest of those that begin at a place.</summary>
internal sealed class AddedTokens
{
    private readonly Dictionary<string, AddedToken> byContent = new(StringComparer.Ordinal);
    private readonly Dictionary<int, AddedToken> byId = [];
    private readonly bool splitsSpecial;
    private readonly CharacterTrie raw = new();
    private readonly CharacterTrie normalized = new();

    /// <param name="tokens">Those of the file.</param>
    /// <param name="normalize">What the tokenizer does to a text before the model; tokens marked so are spelled through it.</param>
    /// <param name="source">For messages.</param>
    /// <param name="splitsSpecial">Whether special tokens in a text are cut like text.</param>
    public AddedTokens(IEnumerable<AddedToken> tokens, Func<string, string> normalize, string source, bool splitsSpecial = false)
    {
        this.splitsSpecial = splitsSpecial;
        foreach (var token in tokens)
        {
            if (token.Content.Length == 0)
            {
                throw new VitrineException($"{source}: the added token with the id {token.Id} is empty.");
            }

            if (byId.TryGetValue(token.Id, out var other) && other.Content != token.Content)
            {
                throw new VitrineException($"{source}: the id {token.Id} is given to the added tokens '{other.Content}' and '{token.Content}'.");
            }

            byContent[token.Content] = token;
            byId[token.Id] = token;
        }

        foreach (var token in byContent.Values)
        {
            var spelled = token.Normalized ? normalize(token.Content) : token.Content;
            if (spelled.Length > 0)
            {
                (token.Normalized ? normalized : raw).Add(spelled, token.Id);
            }
        }

        LargestId = byId.Count == 0 ? -1 : byId.Keys.Max();
    }

    public int LargestId { get; }

    public string? Content(int id) => byId.GetValueOrDefault(id)?.Content;

    public int? Id(string content) => byContent.GetValueOrDefault(content)?.Id;

    public bool IsSpecial(int id) => byId.GetValueOrDefault(id)?.Special ?? false;

    public IEnumerable<AddedToken> All => byId.Values;

    /// <summary>The parts of a text in order, with the id of those that are tokens.</summary>
    /// <param name="text">As written, or normalised.</param>
    /// <param name="isNormalized">Which of the two.</param>
    public List<(int From, int To, int? Id)> Cut(string text, bool isNormalized)
    {
        var parts = new List<(int, int, int?)>();
        var trie = isNormalized ? normalized : raw;
        var open = 0;
        for (var at = 0; at < text.Length && !trie.IsEmpty;)
        {
            if (!trie.TryLongest(text, at, out var length, out var id))
            {
                at++;
                continue;
            }

            var token = byId[id];
            var (from, to) = (at, at + length);
            at = to;
            if ((splitsSpecial && token.Special) || token.SingleWord && (EndsWithWord(text.AsSpan(0, from)) || BeginsWithWord(text.AsSpan(to))))
            {
                continue;
            }

            while (token.StripsLeft && from > open && char.IsWhiteSpace(text[from - 1]))
            {
                from--;
            }

            while (token.StripsRight && to < text.Length && char.IsWhiteSpace(text[to]))
            {
                to++;
            }

            if (from > open)
            {
                parts.Add((open, from, null));
            }

            parts.Add((Math.Max(from, open), to, id));
            open = to;
        }

        if (open < text.Length)
        {
            parts.Add((open, text.Length, null));
        }

        return parts;
    }

    private static bool EndsWithWord(ReadOnlySpan<char> text)
        => Rune.DecodeLastFromUtf16(text, out var rune, out _) == System.Buffers.OperationStatus.Done && RuneKinds.IsWord(rune);

    private static bool BeginsWithWord(ReadOnlySpan<char> text)
        => Rune.DecodeFromUtf16(text, out var rune, out _) == System.Buffers.OperationStatus.Done && RuneKinds.IsWord(rune);
}
