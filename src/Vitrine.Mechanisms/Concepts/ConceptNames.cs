using Vitrine.Mechanisms.ValueVectors;
using static TorchSharp.torch;

namespace Vitrine.Mechanisms.Concepts;

/// <summary>Which concept a word means.</summary>
public static class ConceptNames
{
    /// <summary>The list of a name, whatever its case; null where there is none.</summary>
    public static WordList? Find(string name, IReadOnlyList<WordList> lists)
        => lists.FirstOrDefault(l => l.Name == name) ?? lists.FirstOrDefault(l => l.Name.Equals(name, StringComparison.OrdinalIgnoreCase));

    /// <summary>The list that a word is nearest to, with why, for errors.</summary>
    /// <param name="word">What the user wrote.</param>
    /// <param name="lists">To choose from.</param>
    /// <param name="tokens">The vocabulary, in which a word that is in no list may still have a meaning.</param>
    /// <returns>
    /// The list that holds the word; else, for a word of the vocabulary, the list whose words' rows of the unembedding are nearest to its own (cosine of the
    /// mean, the vocabulary's mean taken away); else the list with a name or a word that the word may be a slip of, else the name with the most alike
    /// letters. Null where there are no lists.
    /// </returns>
    public static (WordList List, string Why)? Nearest(string word, IReadOnlyList<WordList> lists, TokenReader tokens)
    {
        ArgumentNullException.ThrowIfNull(word);
        ArgumentNullException.ThrowIfNull(lists);
        ArgumentNullException.ThrowIfNull(tokens);
        if (lists.FirstOrDefault(l => l.Words.Contains(word, StringComparer.OrdinalIgnoreCase)) is { } holding)
        {
            return (holding, $"'{word}' is one of its words");
        }

        if (tokens.IdOfAnyCase(word) is { } id && ByMeaning(id, lists, tokens) is { } meant)
        {
            return (meant, "nearest by meaning");
        }

        string[] known = [.. lists.Select(l => l.Name).Concat(lists.SelectMany(l => l.Words)).Select(w => w.ToUpperInvariant())];
        var nearest = Vitrine.Nearest.Close(word.ToUpperInvariant(), known);
        return lists.FirstOrDefault(l => l.Words.Append(l.Name).Contains(nearest, StringComparer.OrdinalIgnoreCase)) is { } alike
            ? (alike, $"spelled like '{nearest!.ToLowerInvariant()}'")
            : lists.FirstOrDefault(l => l.Name == Vitrine.Nearest.Of(word, lists.Select(n => n.Name))) is { } any ? (any, "by its letters")
            : null;
    }

    private static WordList? ByMeaning(int id, IReadOnlyList<WordList> lists, TokenReader tokens)
    {
        using var mode = no_grad();
        using var scope = NewDisposeScope();
        using var source = new StackValueVectors(tokens.Language, fingerprint: "");
        var unembedding = source.Unembedding();
        var mean = RowsOf(tokens.Valid).mean([0]);
        var own = RowsOf([id])[0] - mean;
        return lists.Select(l => (List: l, Ids: l.Ids(tokens))).Where(l => l.Ids.Count > 0)
            .Select(l => (l.List, Cosine: nn.functional.cosine_similarity(own, RowsOf([.. l.Ids]).mean([0]) - mean, 0).item<float>()))
            .OrderByDescending(l => l.Cosine).Select(l => l.List).FirstOrDefault();

        Tensor RowsOf(IReadOnlyCollection<int> ids) => unembedding.index_select(0, tensor(ids.Select(i => (long)i).ToArray())).to(float32);
    }
}
