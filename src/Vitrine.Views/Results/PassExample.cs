using Vitrine.Inputs.Pictures;
using Vitrine.Mechanisms.Pictures;
using Vitrine.Mechanisms.ValueVectors;
using Vitrine.Policies;

namespace Vitrine.Views;

/// <summary>One pass of the policy, from a picture and words to an action.</summary>
public sealed record PassExample
{
    /// <summary>The picture that the policy saw; null where it reads none.</summary>
    public Picture? Picture { get; init; }

    /// <summary>Rows of the patch grid; 0 without a picture.</summary>
    public int PatchRows { get; init; }

    /// <summary>Columns of the patch grid; 0 without a picture.</summary>
    public int PatchColumns { get; init; }

    /// <summary>The instruction in plain words.</summary>
    public required string Instruction { get; init; }

    /// <summary>The prompt's tokens in order, without the patches.</summary>
    public required IReadOnlyList<string> PromptTokens { get; init; }

    /// <summary>The action tokens in the order in which they were said; none of a policy that gives numbers.</summary>
    public required IReadOnlyList<ActionToken> ActionTokens { get; init; }

    /// <summary>How many tokens an action token is chosen from; 0 where it is not known. The largest entropy is its logarithm.</summary>
    public int Choices { get; init; }

    /// <summary>What each block of the language stack carries; may be empty.</summary>
    public IReadOnlyList<BlockContribution> Contributions { get; init; } = [];

    /// <summary>What <see cref="Contributions"/> are shares of.</summary>
    public string ContributionMeaning { get; init; } = "share of the effect that each part carries";

    /// <summary>One pass of any policy. The first of several pictures is shown.</summary>
    /// <param name="policy">Who acted.</param>
    /// <param name="seen">What it saw.</param>
    /// <param name="action">What it did.</param>
    public static PassExample Of(Policy policy, Observation seen, PolicyAction action)
    {
        ArgumentNullException.ThrowIfNull(policy);
        ArgumentNullException.ThrowIfNull(seen);
        ArgumentNullException.ThrowIfNull(action);
        var (row, tokens) = (policy.Layout([seen]).Rows[0], TokenReader.Of(policy));
        var (camera, patches) = row.Pictures.FirstOrDefault();
        return new PassExample
        {
            Picture = camera is null ? null : seen.Cameras.GetValueOrDefault(camera) ?? seen.Picture,
            PatchRows = patches.Rows,
            PatchColumns = patches.Columns,
            Instruction = seen.Instruction,
            Choices = tokens.Valid.Count(tokens.IsAction),
            PromptTokens = [.. row.Words.Select(w => PromptAttention.WordOf(policy, w))],
            ActionTokens = action.Tokens is not { } said ? [] :
            [
                .. action.Values.Select((value, d) => new ActionToken
                {
                    Dimension = policy.ActionNames[d],
                    Token = tokens.Print(said.TokenIds[d]),
                    Value = value,
                    Probability = said.Probability[d],
                    Entropy = said.Entropy[d],
                }),
            ],
        };
    }
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

    /// <summary>Entropy of the distribution over the action tokens, in nats.</summary>
    public required double Entropy { get; init; }
}

/// <summary>What one block carries of an effect; shares need not add up to 1.</summary>
/// <param name="Layer">The block, counted from 0.</param>
/// <param name="Attention">Share carried by the attention output.</param>
/// <param name="FeedForward">Share carried by the feed-forward output.</param>
public sealed record BlockContribution(int Layer, double Attention, double FeedForward);
