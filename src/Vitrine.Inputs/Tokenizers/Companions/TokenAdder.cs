using Vitrine.Inputs.Tokenizers.Models;

namespace Vitrine.Inputs.Tokenizers.Companions;

/// <summary>Adds the tokens of the files beside a vocabulary to those that it has.</summary>
/// <remarks>
/// tokenizers, added_vocabulary.rs, add_tokens: a token that the vocabulary spells keeps its id, another gets the next one behind the vocabulary and all added
/// tokens; a token that is there already takes over how the new one is looked for, and stays special once it was.
/// </remarks>
internal static class TokenAdder
{
    /// <param name="own">Added tokens of the tokenizer itself.</param>
    /// <param name="vocabulary">Words of the model.</param>
    /// <param name="tokens">What is added.</param>
    /// <exception cref="VitrineException">An id that a file gives is not the one that the token gets.</exception>
    public static IReadOnlyList<AddedToken> Add(IReadOnlyList<AddedToken> own, Vocabulary vocabulary, SpecialTokens tokens)
    {
        var all = own.GroupBy(t => t.Content).ToDictionary(g => g.Key, g => g.Last(), StringComparer.Ordinal);
        var next = Math.Max(vocabulary.Count, all.Values.Select(t => t.Id + 1).DefaultIfEmpty(0).Max());
        foreach (var token in tokens.Declared)
        {
            var id = Id(token);
            if (id != token.Id)
            {
                throw new VitrineException(
                    $"{tokens.DeclaredBy}: gives '{token.Content}' the id {token.Id}; the vocabulary and the tokens before it make it {id}.");
            }

            // What is there in the very same form is not added again; against added_tokens.json, the tokenizer's own form counts.
            if (all.GetValueOrDefault(token.Content) is not { } present || (tokens.AreFromDecoder && present != token))
            {
                Put(token);
            }
        }

        foreach (var token in tokens.Loose.Where(t => !all.ContainsKey(t.Content)))
        {
            Put(token with { Id = Id(token) });
        }

        return [.. all.Values];

        int Id(AddedToken token) => all.GetValueOrDefault(token.Content)?.Id ?? vocabulary.Id(token.Content) ?? next;

        void Put(AddedToken token)
        {
            next = Math.Max(next, token.Id + 1);
            var special = token.Special || tokens.Special.Contains(token.Content) || all.GetValueOrDefault(token.Content)?.Special == true;
            all[token.Content] = token with { Special = special };
        }
    }
}
