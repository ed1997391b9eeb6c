using System.Globalization;
using Vitrine.Inputs.Tokenizers;
using Vitrine.Policies;
using Vitrine.Policies.Actions;
using Vitrine.Transformers;
using Vitrine.Transformers.Engine;

namespace Vitrine.Mechanisms.ValueVectors;

/// <summary>Prints a model's tokens for people: words as they are, a policy's action tokens as their values.</summary>
public sealed class TokenReader
{
    /// <summary>How SentencePiece and byte-level vocabularies spell the space in front of a word.</summary>
    private const char Piece = '\u2581', ByteLevel = '\u0120';

    private readonly Tokenizer tokenizer;
    private readonly ActionTokens? actions;

    private TokenReader(Decoder language, Tokenizer tokenizer, ActionTokens? actions)
    {
        (Language, this.tokenizer, this.actions) = (language, tokenizer, actions);
        Valid = [.. Enumerable.Range(0, language.Shape.Vocabulary).Where(IsValid)];
    }

    /// <summary>The stack that speaks the vocabulary.</summary>
    public Decoder Language { get; }

    /// <summary>The code of actions as tokens; null for a model that says none.</summary>
    public ActionTokens? Actions => actions;

    /// <summary>Reads the vocabulary of a text model or of a policy.</summary>
    /// <exception cref="VitrineException">The model has none, or no tokenizer.</exception>
    public static TokenReader Of(Model model) => model switch
    {
        Policy policy when policy.Language.Shape.Vocabulary > 0 => new TokenReader(policy.Language, policy.Tokenizer, policy.Actions),
        Policy policy => throw new VitrineException(
            $"{policy.Name}: stack '{policy.Language.Shape.Name}' of this policy has no vocabulary; its value vectors cannot be read in words."),
        TextModel text when text.Language.Shape.Vocabulary > 0 => new TokenReader(text.Language, text.Tokenizer, null),
        TextModel text => throw new VitrineException(
            $"{text.Name}: this {text.Family} model has no head over a vocabulary; its value vectors cannot be read in words."),
        _ => throw new VitrineException($"{model?.Name}: is an image encoder, which has no vocabulary; expected a text model or a policy."),
    };

    /// <summary>Ids that stand for something: padding rows, placeholders such as <c>&lt;unused7&gt;</c> and the unknown token are left out.</summary>
    public IReadOnlyList<int> Valid { get; }

    /// <summary>Whether an id is an action token.</summary>
    public bool IsAction(int id) => actions?.IsAction(id) ?? false;

    /// <summary>The normalised action that an action token stands for.</summary>
    /// <exception cref="VitrineException">The model has none.</exception>
    public double Action(int id) => actions is null ? throw new VitrineException($"token {id}: the model has no action tokens.") : actions.Centre(id);

    /// <summary>The token, an action token as its normalised value in brackets.</summary>
    public string Print(int id) => IsAction(id)
        ? string.Create(CultureInfo.InvariantCulture, $"[{Action(id):+0.00;-0.00;0.00}]")
        : tokenizer.Token(id) is not { } token ? $"<{id}>"
        : actions is not null ? token.Replace(Piece, ' ')
        : tokenizer.Shown(id);

    /// <summary>Tokens as people read them, one behind the other.</summary>
    /// <param name="ids">Of the vocabulary.</param>
    /// <param name="count">How many of them.</param>
    public string Print(IEnumerable<int> ids, int count = 10) => string.Join(' ', ids.Take(count).Select(id => Print(id)));

    /// <summary>The id of a word, as it stands alone in the vocabulary or with a leading space; null where there is none.</summary>
    /// <remarks>
    /// In the vocabulary of a text model a word begins with its space; without it the token is the end or the middle of other words. A policy's words stand
    /// alone first.
    /// </remarks>
    public int? Id(string word) => actions is null
        ? tokenizer.Id(ByteLevel + word) ?? tokenizer.Id(Piece + word) ?? tokenizer.Id(word)
        : tokenizer.Id(word) ?? tokenizer.Id(Piece + word);

    /// <summary>The same, in another case where the vocabulary lacks the word as it is written: in small letters, else with a capital.</summary>
    public int? IdOfAnyCase(string word)
    {
        ArgumentNullException.ThrowIfNull(word);
#pragma warning disable CA1308 // The vocabulary is asked for its small letters.
        var small = word.ToLowerInvariant();
#pragma warning restore CA1308
        return Id(word) ?? Id(small) ?? (small.Length > 0 ? Id(char.ToUpperInvariant(small[0]) + small[1..]) : null);
    }

    private bool IsValid(int id)
        => IsAction(id) || (tokenizer.Token(id) is { } token
            && token != "<unk>"
            && !(token.StartsWith("<unused", StringComparison.Ordinal) && token.EndsWith('>')));
}
