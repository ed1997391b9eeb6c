using static TorchSharp.torch;

namespace Vitrine.Mechanisms.InputAttribution;

/// <summary>What is asked of an <see cref="Attributed"/> beside its values.</summary>
public sealed record EvaluationQuery
{
    /// <summary>Values alone.</summary>
    public static EvaluationQuery Values { get; } = new();

    /// <summary>Whether the derivative with respect to the inputs is wanted.</summary>
    public bool Gradient { get; init; }

    /// <summary>A layer whose activation is wanted, by name; null for none.</summary>
    public string? Layer { get; init; }

    /// <summary>Whether the derivative with respect to the layer is wanted.</summary>
    public bool LayerGradient { get; init; }

    /// <summary>(N,...): stands in the layer's place; null for what it computes. Stays the caller's.</summary>
    public Tensor? LayerValue { get; init; }

    /// <summary>
    /// One coordinate of the layer behind the rows, e.g. [neuron] or [token, neuron]: the value is then its activation. Null for the function's.
    /// </summary>
    public IReadOnlyList<int>? Neuron { get; init; }

    /// <summary>How non-linear steps are differentiated.</summary>
    public GradientRule Rule { get; init; } = GradientRule.Derivative;

    /// <summary>(N,...): references of <see cref="GradientRule.DeepLift"/>; stays the caller's.</summary>
    public Tensor? References { get; init; }

    internal bool NeedsGradients => Gradient || LayerGradient;

    internal EvaluationQuery Narrowed(long first, long count) => this with
    {
        LayerValue = LayerValue?.narrow(0, first, count),
        References = References?.narrow(0, first, count),
    };
}

/// <summary>What an <see cref="Attributed"/> answered.</summary>
/// <param name="Values">(N).</param>
public sealed record Evaluation(Tensor Values)
{
    /// <summary>(N,...): derivative with respect to the inputs; null where it was not asked.</summary>
    public Tensor? Gradient { get; init; }

    /// <summary>(N,...): of the layer; null where it was not asked.</summary>
    public Tensor? Activation { get; init; }

    /// <summary>(N,...): of the layer at the references; null where there are none.</summary>
    public Tensor? ReferenceActivation { get; init; }

    /// <summary>(N,...): derivative with respect to the layer; null where it was not asked.</summary>
    public Tensor? LayerGradient { get; init; }

    /// <summary>The same out of the current dispose scope, without a graph.</summary>
    internal Evaluation Detached() => Each(t => t.detach().MoveToOuterDisposeScope());

    internal static Evaluation Joined(IReadOnlyList<Evaluation> parts)
    {
        return parts.Count == 1 ? parts[0] : new Evaluation(Of(p => p.Values)!)
        {
            Gradient = Of(p => p.Gradient),
            Activation = Of(p => p.Activation),
            ReferenceActivation = Of(p => p.ReferenceActivation),
            LayerGradient = Of(p => p.LayerGradient),
        };

        Tensor? Of(Func<Evaluation, Tensor?> part) => part(parts[0]) is null ? null : cat([.. parts.Select(p => part(p)!)], 0);
    }

    private Evaluation Each(Func<Tensor, Tensor> of) => new(of(Values))
    {
        Gradient = Gradient is null ? null : of(Gradient),
        Activation = Activation is null ? null : of(Activation),
        ReferenceActivation = ReferenceActivation is null ? null : of(ReferenceActivation),
        LayerGradient = LayerGradient is null ? null : of(LayerGradient),
    };
}
