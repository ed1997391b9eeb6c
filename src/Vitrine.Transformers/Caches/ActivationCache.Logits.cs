using Vitrine.Transformers.Engine;
using static TorchSharp.torch;

namespace Vitrine.Transformers.Caches;

/// <summary>What parts of the residual do to the logits.</summary>
public sealed partial class ActivationCache
{
    /// <summary>
    /// Parts behind a norm that is frozen at the scale which it had in the run; linear, so that parts that sum to the residual sum to the normed one.
    /// </summary>
    /// <param name="parts">Stays the caller's.</param>
    /// <param name="layer">The norm before attention of this block; null for the last norm.</param>
    /// <param name="gain">
    /// Whether the norm's gain is on it. TransformerLens leaves it out, which is right once norms are folded into the unembedding; its bias is in no part.
    /// </param>
    /// <returns>Owned by the caller.</returns>
    /// <exception cref="VitrineException">The model has no such norm.</exception>
    public ComponentStack Normed(ComponentStack parts, int? layer = null, bool gain = false)
    {
        ArgumentNullException.ThrowIfNull(parts);
        using var scope = NewDisposeScope();
        var norm = Until(layer) == Shape.Layers ? stack.LastNorm : stack.At(layer!.Value).Weights.AttentionNorm;
        return norm is null
            ? throw new VitrineException($"activation cache: stack '{Shape.Name}' has no norm there.")
            : parts with { Values = new FrozenNorm(norm, Before(layer), Condition).Apply(parts.Values, gain).DetachFromDisposeScope() };
    }

    /// <summary>Parts behind the model's last norm, computed anew for each as if it were the whole residual (logit lens).</summary>
    /// <returns>Owned by the caller.</returns>
    public ComponentStack Renormed(ComponentStack parts)
    {
        ArgumentNullException.ThrowIfNull(parts);
        using var scope = NewDisposeScope();
        return parts with
        {
            Values = (stack.LastNorm ?? throw new VitrineException($"activation cache: stack '{Shape.Name}' has no last norm.")).Widened().Apply(parts.Values)
                .DetachFromDisposeScope(),
        };
    }

    /// <summary>Normed parts through the head: (C,B,T,V), owned by the caller.</summary>
    /// <exception cref="VitrineException">The model has no vocabulary.</exception>
    public ComponentStack Unembedded(ComponentStack normed)
    {
        ArgumentNullException.ThrowIfNull(normed);
        using var scope = NewDisposeScope();
        return normed with { Values = Head().Widened().Apply(normed.Values).DetachFromDisposeScope() };
    }

    /// <summary>Direct logit attribution: what each part adds to a token's logit, or to the difference of two.</summary>
    /// <param name="parts">Stays the caller's.</param>
    /// <param name="tokens">One for each row, or one for all.</param>
    /// <param name="against">Tokens whose logits are subtracted; none when null.</param>
    /// <param name="layer">The norm that the parts pass through, frozen; null for the last one.</param>
    /// <param name="gain">As in <see cref="Normed"/>.</param>
    /// <returns>(C,B,T), owned by the caller; without the head's bias.</returns>
    /// <exception cref="VitrineException">A token lies outside the vocabulary, or there are tokens for another number of rows.</exception>
    public Tensor LogitAttribution(ComponentStack parts, IReadOnlyList<int> tokens, IReadOnlyList<int>? against = null, int? layer = null, bool gain = false)
    {
        ArgumentNullException.ThrowIfNull(tokens);
        using var scope = NewDisposeScope();
        var unembedding = Head().Weight;                                                                   // (V, d)
        var directions = Directions(unembedding, tokens);                                                  // (B, d)
        directions = against is null ? directions : directions - Directions(unembedding, against);
        return einsum("cbtd,bd->cbt", Normed(parts, layer, gain).Values, directions).MoveToOuterDisposeScope();
    }

    private Tensor Directions(Tensor unembedding, IReadOnlyList<int> tokens)
    {
        var vocabulary = unembedding.shape[0];
        if (tokens.Count != 1 && tokens.Count != ids.Length)
        {
            throw new VitrineException($"logit attribution: {tokens.Count} tokens for {ids.Length} rows; expected one for each, or one for all.");
        }

        foreach (var token in tokens)
        {
            if (token < 0 || token >= vocabulary)
            {
                throw new VitrineException($"logit attribution: token {token} lies outside the vocabulary of {vocabulary}.");
            }
        }

        return unembedding.index_select(0, tensor(tokens.Select(t => (long)t).ToArray(), device: unembedding.device)).expand(ids.Length, -1).Widened();
    }

    private Linear Head() => stack.HeadAsRun() ?? throw new VitrineException($"activation cache: stack '{Shape.Name}' has no vocabulary.");
}
