namespace Vitrine.Inputs.Tokenizers.Models;

/// <summary>
/// BERT's model: the longest word of the vocabulary from the left, again and again; a word that does not come out whole is one unknown token.
/// </summary>
internal sealed class WordPieceModel : ITokenModel
{
    private readonly string prefix;
    private readonly int longest;
    private readonly int unknown;

    /// <param name="vocabulary">Words, and continuations with their prefix.</param>
    /// <param name="unknown">Stands for what does not come out.</param>
    /// <param name="prefix">Written before what continues a word.</param>
    /// <param name="longest">Words of more characters are unknown at once.</param>
    /// <param name="source">For messages.</param>
    public WordPieceModel(Vocabulary vocabulary, string unknown, string prefix, int longest, string source)
    {
        (Vocabulary, this.prefix, this.longest) = (vocabulary, prefix, longest);
        this.unknown = vocabulary.Id(unknown) ?? throw new VitrineException($"{source}: unk_token '{unknown}' is not in the vocabulary.");
    }

    public string Kind => "WordPiece";

    public Vocabulary Vocabulary { get; }

    public void Encode(ReadOnlySpan<char> word, List<ModelToken> tokens)
    {
        var before = tokens.Count;
        if (Characters(word) <= longest && Match(word, tokens))
        {
            return;
        }

        tokens.RemoveRange(before, tokens.Count - before);
        tokens.Add(new ModelToken(unknown, 0, word.Length));
    }

    private bool Match(ReadOnlySpan<char> word, List<ModelToken> tokens)
    {
        var spelled = new char[prefix.Length + word.Length];
        prefix.CopyTo(spelled);
        for (var at = 0; at < word.Length;)
        {
            var end = word.Length;
            var lead = at == 0 ? 0 : prefix.Length;
            word[at..].CopyTo(spelled.AsSpan(lead));
            int id;
            while (!Vocabulary.TryId(spelled.AsSpan(0, lead + end - at), out id))
            {
                end -= end - at > 1 && char.IsLowSurrogate(word[end - 1]) && char.IsHighSurrogate(word[end - 2]) ? 2 : 1;
                if (end <= at)
                {
                    return false;
                }
            }

            tokens.Add(new ModelToken(id, at, end));
            prefix.CopyTo(spelled);
            at = end;
        }

        return true;
    }

    private static int Characters(ReadOnlySpan<char> word)
    {
        var count = 0;
        foreach (var _ in word.EnumerateRunes())
        {
            count++;
        }

        return count;
    }
}
