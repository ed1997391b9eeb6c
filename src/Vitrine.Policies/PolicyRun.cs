using Vitrine.Policies.Actions;
using Vitrine.Transformers;
using Vitrine.Transformers.Engine;
using static TorchSharp.torch;

namespace Vitrine.Policies;

/// <summary>What a policy does for one observation, with what led to it.</summary>
/// <param name="Normalised">[control step][dimension], as the network says it, in [-1, 1] or in deviations.</param>
/// <param name="Chunk">[control step][dimension], in the robot's units.</param>
public sealed record PolicyAction(IReadOnlyList<IReadOnlyList<double>> Normalised, IReadOnlyList<IReadOnlyList<double>> Chunk)
{
    /// <summary>What the robot does next: the first step of the chunk, in its units.</summary>
    public IReadOnlyList<double> Values => Chunk[0];

    /// <summary>The tokens that said it; null for a policy that gives numbers.</summary>
    public TokenReading? Tokens { get; init; }

    /// <summary>Ids of all that it said, up to the end of the chunk, of a policy that says whole chunks; empty for others.</summary>
    public IReadOnlyList<int> Said { get; init; } = [];

    /// <summary>Why the action is not to be trusted as it stands; null where nothing is wrong with how it was said.</summary>
    public string? Problem { get; init; }

    /// <summary>
    /// The next step where it is smooth in what the network computes: the mean under the action tokens' probabilities, or the values themselves.
    /// </summary>
    public IReadOnlyList<double> Expected => Tokens?.Expected ?? Values;

    /// <summary>In words; null where every number is one.</summary>
    internal string? FirstNonFinite(IReadOnlyList<string> names)
    {
        (string What, IReadOnlyList<IReadOnlyList<double>> Numbers)[] parts =
        [
            ("normalised", Normalised), ("in the robot's units", Chunk), ("expected under the tokens' probabilities", Tokens is { } t ? [t.Expected] : []),
        ];
        foreach (var (what, numbers) in parts)
        {
            for (var step = 0; step < numbers.Count; step++)
            {
                for (var d = 0; d < numbers[step].Count; d++)
                {
                    if (!double.IsFinite(numbers[step][d]))
                    {
                        return $"{(d < names.Count ? names[d] : $"{d}")} ({what}{(numbers.Count > 1 ? $", step {step} of the chunk" : "")}) is "
                            + $"{(double.IsNaN(numbers[step][d]) ? "NaN" : "infinite")}";
                    }
                }
            }
        }

        return null;
    }

    /// <summary>Whether another action is the same: token by token, or number by number.</summary>
    public bool IsSameAs(PolicyAction other)
    {
        ArgumentNullException.ThrowIfNull(other);
        return Tokens is { } tokens && other.Tokens is { } others
            ? tokens.TokenIds.SequenceEqual(others.TokenIds)
            : Normalised.Count == other.Normalised.Count && Normalised.Zip(other.Normalised).All(s => s.First.SequenceEqual(s.Second));
    }
}

/// <summary>From a row of a chunk as the network says it to the robot's units; each number on its own, and linear in it.</summary>
/// <param name="observation">Which one, from 0.</param>
/// <param name="normalised">One control step.</param>
public delegate IReadOnlyList<double> ActionUnits(int observation, IReadOnlyList<double> normalised);

/// <summary>What a policy did for a batch of observations.</summary>
public sealed class PolicyRun : IDisposable
{
    private readonly IReadOnlyList<PolicyAction>? actions;

    /// <param name="run">
    /// Activations of row b belong to observation b. Of a policy that speaks in tokens, its logits are (B, tokens, V), those that each token was taken from.
    /// </param>
    /// <param name="layout">Where everything stands in the sequences.</param>
    /// <param name="actions">One per observation; null where the run stopped before its end.</param>
    public PolicyRun(Run run, PromptLayout layout, IReadOnlyList<PolicyAction>? actions) => (Run, Layout, this.actions) = (run, layout, actions);

    /// <summary>The captured run, owned by this.</summary>
    public Run Run { get; }

    /// <summary>Where everything stands in the sequences.</summary>
    public PromptLayout Layout { get; }

    /// <summary>One per observation.</summary>
    /// <exception cref="VitrineException">The run stopped before it came to an action.</exception>
    public IReadOnlyList<PolicyAction> Actions
        => actions ?? throw new VitrineException("act: the run came to no action; its plan stops early, or there are no numbers where it ran.");

    /// <summary>Edits of the plan that touched nothing.</summary>
    public IReadOnlyList<UntouchedEdit> UntouchedEdits => Run.UntouchedEdits;

    /// <summary>B, H and D of the chunks: observations, control steps, dimensions.</summary>
    public (int Rows, int Horizon, int Dimensions) Shape => (Actions.Count, Actions[0].Chunk.Count, Actions[0].Values.Count);

    /// <summary>How its numbers become the robot's; null where the family does not say.</summary>
    public ActionUnits? Units { get; init; }

    /// <summary>The code of actions as tokens, where its logits are those of one token a dimension; null where they are the chunk itself.</summary>
    public ActionTokens? Tokens { get; init; }

    /// <summary>
    /// The actions in the robot's units as one tensor that is smooth in what the network computes: the chunk, or the mean under the probabilities of the action
    /// tokens. Derivatives pass through it where the plan asks for gradients.
    /// </summary>
    /// <returns>(B,H,D), H control steps; owned by the caller's dispose scope.</returns>
    /// <exception cref="VitrineException">The run came to no action, or the family says whole chunks in words, which no number follows smoothly.</exception>
    public Tensor Expected()
    {
        if (Units is null)
        {
            throw new VitrineException("act: this family's actions are no smooth function of its output; ask for a logit or a probability.");
        }

        var (output, (rows, _, width)) = (Run.Logits.Widened(), Shape);
        var normalised = Tokens is not { } code
            ? output.narrow(-1, 0, width)
            : (output.narrow(-1, code.FirstId, code.Count).softmax(-1) * Centres(code, output)).sum(-1).unsqueeze(1);       // (B, H, D)
        var (offsets, slopes) = (new List<float>(), new List<float>());
        for (var row = 0; row < rows; row++)
        {
            var (zero, one) = (Units(row, new double[width]), Units(row, [.. Enumerable.Repeat(1.0, width)]));
            offsets.AddRange(zero.Select(v => (float)v));
            slopes.AddRange(zero.Zip(one, (a, b) => (float)(b - a)));
        }

        return (normalised * Numbers(slopes)).Plus(Numbers(offsets));

        Tensor Numbers(List<float> values) => tensor(values.ToArray(), [rows, 1, width], device: output.device).to(output.dtype);
    }

    /// <summary>The first number of an action that is none; null where all are, or the run came to no action.</summary>
    internal NonFiniteException? FirstNonFinite(IReadOnlyList<string> names)
    {
        foreach (var (row, action) in (actions ?? []).Index())
        {
            if (action.FirstNonFinite(names) is { } what)
            {
                return new NonFiniteException($"act: of the action of observation {row}, {what}", row: row);
            }
        }

        return null;
    }

    /// <inheritdoc/>
    public void Dispose() => Run.Dispose();

    /// <summary>What each action token stands for (N), normalised.</summary>
    private static Tensor Centres(ActionTokens code, Tensor like)
        => tensor(Enumerable.Range(0, code.Count).Select(i => (float)code.Centre(code.FirstId + i)).ToArray(), device: like.device).to(like.dtype);
}
