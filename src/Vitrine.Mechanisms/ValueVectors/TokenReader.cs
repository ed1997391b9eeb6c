using System.Globalization;
using Vitrine.Inputs.Tokenizers;
using Vitrine.Policies.OpenVla;
using Vitrine.Transformers;

namespace Vitrine.Mechanisms.ValueVectors;

/// <summary>Prints a model's tokens for people: words as they are, a policy's action tokens as their values.</summary>
public sealed class TokenReader
{
    /// <summary>How SentencePiece and byte-level vocabularies spell the space in front of a word.</summary>
    private const char Piece = '\u2581', ByteLevel = '\u0120';

    private readonly Tokenizer tokenizer;
    private readonly ActionTokens? actions;

    /// <summary>Reads a policy's vocabulary.</summary>
    public TokenReader(OpenVlaPolicy policy)
    {
        ArgumentNullException.ThrowIfNull(policy);
        (tokenizer, actions) = (policy.Tokenizer, policy.Actions);
        Valid = [.. Enumerable.Range(0, policy.Language.Shape.Vocabulary).Where(IsValid)];
    }

    /// <summary>Reads a text model's vocabulary, which has no action tokens.</summary>
    public TokenReader(LanguageModel model)
    {
        ArgumentNullException.ThrowIfNull(model);
        tokenizer = model.Tokenizer;
        Valid = [.. Enumerable.Range(0, model.Model.Language.Shape.Vocabulary).Where(IsValid)];
    }

    /// <summary>Ids that stand for something: padding rows, placeholders such as <c>&lt;unused7&gt;</c> and the unknown token are left out.</summary>
    public IReadOnlyList<int> Valid { get; }

    /// <summary>Whether an id is an action token.</summary>
    public bool IsAction(int id) => actions?.IsAction(id) ?? false;

    /// <summary>The normalised action that an action token stands for.</summary>
    /// <exception cref="VitrineException">The model has none.</exception>
    public double Action(int id) => actions is null ? throw new VitrineException($"token {id}: a text model has no action tokens.") : actions.Centre(id);

    /// <summary>The token, an action token as its normalised value in brackets.</summary>
    public string Print(int id) => IsAction(id)
        ? string.Create(CultureInfo.InvariantCulture, $"[{Action(id):+0.00;-0.00;0.00}]")
        : tokenizer.Token(id) is not { } token ? $"<{id}>"
        : actions is not null || token.Contains(Piece, StringComparison.Ordinal) ? token.Replace(Piece, ' ')
        : tokenizer.Decode([id], skipSpecialTokens: false).ReplaceLineEndings("\\n");

    /// <summary>The id of a word, as it stands alone in the vocabulary or with a leading space; null where there is none.</summary>
    /// <remarks>In the vocabulary of a text model a word begins with its space; without it the token is the end or the middle of other words. A policy's words stand alone first.</remarks>
    public int? Id(string word) => actions is null
        ? tokenizer.Id(ByteLevel + word) ?? tokenizer.Id(Piece + word) ?? tokenizer.Id(word)
        : tokenizer.Id(word) ?? tokenizer.Id(Piece + word);

    private bool IsValid(int id)
        => IsAction(id) || (tokenizer.Token(id) is { } token
            && token != "<unk>"
            && !(token.StartsWith("<unused", StringComparison.Ordinal) && token.EndsWith('>')));
}
