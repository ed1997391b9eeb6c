using TorchSharp;
using Vitrine.Transformers.Engine;
using static TorchSharp.torch;

namespace Vitrine.Mechanisms.Pictures;

/// <summary>What a query saw of the picture through all layers up to one, were attention all that moves information.</summary>
/// <param name="Layer">From 0; everything up to and including it is counted.</param>
/// <param name="Map">Share of each patch.</param>
/// <param name="OnPrefix">Share of each token in front of the patches.</param>
public sealed record RolloutLayer(int Layer, PatchMap Map, IReadOnlyList<float> OnPrefix);

/// <summary>Attention rollout: R_l = ((1 - a) mean over heads of A_l + a I) R_(l-1), with R_(-1) = I and a the share of the residual stream.</summary>
/// <remarks>
/// Abnar and Zuidema 2020, section 3, with a = 1/2. Rows of R sum to 1. It ignores values, feed-forwards and the sizes of what is added: it is a map of
/// where information could come from, not of what was used.
/// </remarks>
public sealed class AttentionRollout : IDisposable
{
    private readonly Scalar attention;
    private readonly Scalar residual;
    private Tensor? product;

    /// <param name="residual">Share of the residual stream, 0 to below 1.</param>
    public AttentionRollout(double residual = .5)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(residual);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(residual, 1);
        (attention, this.residual) = (1 - residual, residual);
    }

    /// <summary>(T,T): row t says what token t holds of every token that entered block 0; owned by this.</summary>
    /// <exception cref="InvalidOperationException">No layer was added.</exception>
    public Tensor Matrix => product ?? throw new InvalidOperationException("no layer was added");

    /// <summary>Adds the next layer.</summary>
    /// <param name="pattern">(H,T,T), rows summing to 1.</param>
    public void Add(Tensor pattern)
    {
        ArgumentNullException.ThrowIfNull(pattern);
        using var scope = NewDisposeScope();
        var mean = pattern.Widened().mean([0]);                                                                      // (T, T)
        var step = (mean * attention).add(eye(mean.shape[0], dtype: mean.dtype), residual);
        var next = (product is null ? step : step.matmul(product)).MoveToOuterDisposeScope();
        product?.Dispose();
        product = next.DetachFromDisposeScope();
    }

    /// <summary>The rollout of a query as it stands; several tokens are averaged.</summary>
    /// <param name="layer">The layer added last.</param>
    /// <param name="query">Who looks.</param>
    /// <param name="tokens">Of the picture.</param>
    public RolloutLayer Of(int layer, PictureQuery query, PictureTokens tokens)
    {
        ArgumentNullException.ThrowIfNull(query);
        ArgumentNullException.ThrowIfNull(tokens);
        using var scope = NewDisposeScope();
        var row = Matrix.index_select(0, tensor([.. query.Tokens.Select(t => (long)t)], device: Matrix.device)).mean([0]).Flat();
        return new RolloutLayer(layer, tokens.MapOf(row), row[..tokens.Prefix.Count]);
    }

    /// <inheritdoc/>
    public void Dispose() => product?.Dispose();
}
