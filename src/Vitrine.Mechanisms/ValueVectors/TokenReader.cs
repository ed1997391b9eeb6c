using System.Globalization;
using Vitrine.Policies.OpenVla;

namespace Vitrine.Mechanisms.ValueVectors;

/// <summary>Prints a policy's tokens for people: words as they are, action tokens as their values.</summary>
public sealed class TokenReader
{
    private readonly OpenVlaPolicy policy;

    /// <summary>Reads a policy's vocabulary.</summary>
    public TokenReader(OpenVlaPolicy policy)
    {
        ArgumentNullException.ThrowIfNull(policy);
        this.policy = policy;
        Valid = [.. Enumerable.Range(0, policy.Language.Shape.Vocabulary).Where(IsValid)];
    }

    /// <summary>Ids that stand for something: padding rows, placeholders such as <c>&lt;unused7&gt;</c> and the unknown token are left out.</summary>
    public IReadOnlyList<int> Valid { get; }

    /// <summary>Whether an id is an action token.</summary>
    public bool IsAction(int id) => policy.Actions.IsAction(id);

    /// <summary>The normalised action that an action token stands for.</summary>
    public double Action(int id) => policy.Actions.Centre(id);

    /// <summary>The token, an action token as its normalised value in brackets.</summary>
    public string Print(int id) => IsAction(id)
        ? string.Create(CultureInfo.InvariantCulture, $"[{policy.Actions.Centre(id):+0.00;-0.00;0.00}]")
        : policy.Tokenizer.Token(id)?.Replace('\u2581', ' ') ?? $"<{id}>";

    /// <summary>The id of a word, as it stands alone in the vocabulary or with a leading space piece; null where there is none.</summary>
    public int? Id(string word) => policy.Tokenizer.Id(word) ?? policy.Tokenizer.Id("\u2581" + word);

    private bool IsValid(int id)
        => IsAction(id) || (policy.Tokenizer.Token(id) is { } token
            && token != "<unk>"
            && !(token.StartsWith("<unused", StringComparison.Ordinal) && token.EndsWith('>')));
}
