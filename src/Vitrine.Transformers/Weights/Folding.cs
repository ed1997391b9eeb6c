using Vitrine.Transformers.Engine;

namespace Vitrine.Transformers.Weights;

/// <summary>Rewritings of a model's weights that leave its answers as they are and make its parts comparable. Each stands on its own.</summary>
/// <remarks>The four of TransformerLens (fold_ln, center_writing_weights, center_unembed, fold_value_biases), done in that order.</remarks>
public sealed record Folding
{
    /// <summary>
    /// Gains and biases of the norms go into the weights that read behind them; what reads behind a LayerNorm reads nothing of the mean any more.
    /// </summary>
    public bool Norms { get; init; }

    /// <summary>What is written into the residual has mean 0, so that a LayerNorm has nothing to subtract. Not with RMS norms, which read the mean.</summary>
    public bool CentreWriting { get; init; }

    /// <summary>Every coordinate's unembedding has mean 0 over the tokens: logits move by a number that is the same for all.</summary>
    public bool CentreUnembedding { get; init; }

    /// <summary>Value biases go into the output bias of attention, since the weights of a pattern sum to 1.</summary>
    public bool ValueBiases { get; init; }

    /// <summary>Nothing is rewritten.</summary>
    public static Folding None { get; } = new();

    /// <summary>Everything that a stack admits.</summary>
    /// <exception cref="VitrineException">It admits none: its norms stand behind the sums.</exception>
    public static Folding All(Stack stack)
    {
        ArgumentNullException.ThrowIfNull(stack);
        var folding = new Folding
        {
            Norms = true,
            CentreWriting = CentresWriting(stack),
            CentreUnembedding = stack is { Head: not null, LogitCap: null },
            ValueBiases = true,
        };
        folding.Check(stack);
        return folding;
    }

    /// <exception cref="VitrineException">A rewriting would change the model's answers; it is named with the reason.</exception>
    internal void Check(Stack stack)
    {
        var name = stack.Shape.Name;
        if (stack.Spec.Norms == NormPlaces.PostNorm)
        {
            throw new VitrineException($"folding of '{name}': its norms stand behind the sums, so nothing can be folded.");
        }

        if (CentreWriting && !CentresWriting(stack))
        {
            throw new VitrineException(
                $"folding of '{name}': writing weights are centred only where every reader is a LayerNorm and nothing rescales what is written.");
        }

        if (CentreUnembedding && stack.LogitCap is not null)
        {
            throw new VitrineException($"folding of '{name}': the unembedding cannot be centred, the soft cap of the logits would not allow for it.");
        }

        if (stack.Head is null && (Norms || CentreUnembedding))
        {
            throw new VitrineException($"folding of '{name}': the stack has no unembedding to fold the last norm into.");
        }
    }

    private static bool CentresWriting(Stack stack) => stack.Spec is { Norm.Kind: NormKind.LayerNorm, Norms: NormPlaces.PreNorm, LayerScale: false };
}
