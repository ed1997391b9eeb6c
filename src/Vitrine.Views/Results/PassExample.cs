using Vitrine.Inputs.Pictures;

namespace Vitrine.Views;

/// <summary>One pass of the policy, from a picture and words to an action.</summary>
public sealed record PassExample
{
    /// <summary>The picture that the policy saw.</summary>
    public required Picture Picture { get; init; }

    /// <summary>Rows of the patch grid.</summary>
    public required int PatchRows { get; init; }

    /// <summary>Columns of the patch grid.</summary>
    public required int PatchColumns { get; init; }

    /// <summary>The instruction in plain words.</summary>
    public required string Instruction { get; init; }

    /// <summary>The prompt's tokens in order, without the patches.</summary>
    public required IReadOnlyList<string> PromptTokens { get; init; }

    /// <summary>The action tokens in the order in which they were said.</summary>
    public required IReadOnlyList<ActionToken> ActionTokens { get; init; }

    /// <summary>What each block of the language stack carries; may be empty.</summary>
    public IReadOnlyList<BlockContribution> Contributions { get; init; } = [];

    /// <summary>What <see cref="Contributions"/> are shares of.</summary>
    public string ContributionMeaning { get; init; } = "share of the effect that each part carries";
}

/// <summary>One token that the policy says, and what it stands for.</summary>
public sealed record ActionToken
{
    /// <summary>The dimension of the action, as <c>dx</c> or <c>gripper</c>.</summary>
    public required string Dimension { get; init; }

    /// <summary>The token itself.</summary>
    public required string Token { get; init; }

    /// <summary>The value after un-normalising.</summary>
    public required double Value { get; init; }

    /// <summary>The unit of <see cref="Value"/>; may be empty.</summary>
    public string Unit { get; init; } = "";

    /// <summary>The token's probability, 0 to 1.</summary>
    public required double Probability { get; init; }

    /// <summary>Entropy of the whole distribution, in bits.</summary>
    public required double EntropyBits { get; init; }
}

/// <summary>What one block carries of an effect; shares need not add up to 1.</summary>
/// <param name="Layer">The block, counted from 0.</param>
/// <param name="Attention">Share carried by the attention output.</param>
/// <param name="FeedForward">Share carried by the feed-forward output.</param>
public sealed record BlockContribution(int Layer, double Attention, double FeedForward);
