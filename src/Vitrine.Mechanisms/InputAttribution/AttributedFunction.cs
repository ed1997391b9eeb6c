using static TorchSharp.torch;

namespace Vitrine.Mechanisms.InputAttribution;

/// <summary>A plain function: it passes its inner layers by name, so that they can be read, replaced and differentiated by a rule.</summary>
public sealed class AttributedFunction : Attributed
{
    private readonly Func<Tensor, IReadOnlyList<int>, LayerVisits, Tensor> function;

    /// <param name="inputs">(B,...); stays the caller's.</param>
    /// <param name="function">
    /// From inputs (N,...), the row of the first inputs that each is a variant of, and the visits that inner layers are passed to, to the values (N).
    /// </param>
    public AttributedFunction(Tensor inputs, Func<Tensor, IReadOnlyList<int>, LayerVisits, Tensor> function)
        : this(inputs, [.. Enumerable.Range(0, (int)(inputs ?? throw new ArgumentNullException(nameof(inputs))).shape[0])], function)
    {
    }

    private AttributedFunction(Tensor inputs, IReadOnlyList<int> origins, Func<Tensor, IReadOnlyList<int>, LayerVisits, Tensor> function)
        : base(inputs, origins)
    {
        ArgumentNullException.ThrowIfNull(function);
        this.function = function;
    }

    /// <inheritdoc/>
    public override Attributed With(Tensor inputs, IReadOnlyList<int> rows)
    {
        ArgumentNullException.ThrowIfNull(rows);
        return new AttributedFunction(inputs, [.. rows.Select(r => Origins[r])], function) { RowsPerPass = RowsPerPass, Cancellation = Cancellation };
    }

    private protected override Evaluation Compute(Tensor inputs, IReadOnlyList<int> origins, EvaluationQuery query)
    {
        using var mode = query.NeedsGradients ? enable_grad() : no_grad();
        var x = inputs.detach().clone().requires_grad_(query.NeedsGradients);
        var visits = new LayerVisits(query, origins.Count);
        var all = query.References is null ? x : cat([x, query.References.detach().to(x.dtype, x.device)], 0);
        var values = function(all, query.References is null ? origins : [.. origins, .. origins], visits);
        return values.dim() == 1 && values.shape[0] == all.shape[0]
            ? visits.Answer(values.narrow(0, 0, origins.Count), x)
            : throw new VitrineException(
                $"attribution: the function gave [{string.Join(", ", values.shape)}]; expected one number for each of {all.shape[0]} rows.");
    }
}
