using Vitrine.Mechanisms.Pictures;
using static TorchSharp.torch;

namespace Vitrine.Mechanisms.InputAttribution;

/// <summary>
/// A number as a differentiable function of its inputs, row by row, with inner layers by name: what every method of attribution to inputs asks. A plain
/// function (<see cref="AttributedFunction"/>), or a metric of any model (<see cref="AttributedSubject"/>).
/// </summary>
/// <remarks>Inputs stay the caller's and must outlive it. What methods return is owned by the caller's dispose scope.</remarks>
public abstract class Attributed
{
    private protected Attributed(Tensor inputs, IReadOnlyList<int> origins)
    {
        ArgumentNullException.ThrowIfNull(inputs);
        ArgumentNullException.ThrowIfNull(origins);
        (Inputs, Origins) = (inputs, origins);
    }

    /// <summary>(B,...): what is attributed to.</summary>
    public Tensor Inputs { get; }

    /// <summary>[row]: which row of the inputs as they were given first it is a variant of, for what differs between rows (a target, a mask).</summary>
    public IReadOnlyList<int> Origins { get; }

    /// <summary>How many rows there are.</summary>
    public int Rows => Origins.Count;

    /// <summary>Rows that run together.</summary>
    public int RowsPerPass { get; init; } = 32;

    /// <summary>Stops between passes.</summary>
    public CancellationToken Cancellation { get; init; }

    /// <summary>The same function of other inputs.</summary>
    /// <param name="inputs">(N,...); stays the caller's.</param>
    /// <param name="rows">[n]: the row of this that it is a variant of.</param>
    public abstract Attributed With(Tensor inputs, IReadOnlyList<int> rows);

    /// <summary>The function at some inputs.</summary>
    /// <param name="inputs">(N,...); stays the caller's.</param>
    /// <param name="rows">[n]: the row of <see cref="Inputs"/> that it is a variant of.</param>
    /// <param name="query">What is asked beside the values; nothing when null.</param>
    /// <returns>Owned by the caller's dispose scope.</returns>
    /// <exception cref="VitrineException">A layer does not exist, or a rule of differentiation does not apply; it is named.</exception>
    public Evaluation Evaluate(Tensor inputs, IReadOnlyList<int> rows, EvaluationQuery? query = null)
    {
        ArgumentNullException.ThrowIfNull(inputs);
        ArgumentNullException.ThrowIfNull(rows);
        query ??= EvaluationQuery.Values;
        if (inputs.shape[0] != rows.Count || rows.Any(r => r < 0 || r >= Rows))
        {
            throw new VitrineException($"attribution: {inputs.shape[0]} inputs for rows {string.Join(", ", rows)} of {Rows}.");
        }

        var parts = new List<Evaluation>();
        for (var first = 0; first < rows.Count; first += RowsPerPass)
        {
            Cancellation.ThrowIfCancellationRequested();
            var count = Math.Min(RowsPerPass, rows.Count - first);
            using var scope = NewDisposeScope();
            int[] origins = [.. rows.Skip(first).Take(count).Select(r => Origins[r])];
            var part = Compute(inputs.narrow(0, first, count), origins, query.Narrowed(first, count));
            parts.Add(part.Detached());
        }

        return Evaluation.Joined(parts);
    }

    /// <summary>The number at some inputs (N).</summary>
    /// <param name="inputs">(N,...).</param>
    /// <param name="rows">[n]: the row of <see cref="Inputs"/> that it is a variant of.</param>
    public Tensor Values(Tensor inputs, IReadOnlyList<int> rows) => Evaluate(inputs, rows).Values;

    /// <summary>The number at the inputs themselves (B).</summary>
    public Tensor Values() => Values(Inputs, AllRows);

    /// <summary>Its derivative with respect to the inputs (N,...).</summary>
    /// <param name="inputs">(N,...).</param>
    /// <param name="rows">[n]: the row of <see cref="Inputs"/> that it is a variant of.</param>
    /// <param name="rule">How non-linear steps are differentiated.</param>
    public Tensor Gradient(Tensor inputs, IReadOnlyList<int> rows, GradientRule? rule = null)
        => Evaluate(inputs, rows, new EvaluationQuery { Gradient = true, Rule = rule ?? GradientRule.Derivative }).Gradient!;

    /// <summary>What is left to explain: sum of the scores of a row - (f(inputs) - f(baseline)), (B). 0 where the scores are complete.</summary>
    /// <param name="scores">(B,...), of the inputs or of a layer.</param>
    /// <param name="baseline">As the inputs, or broadcasting to them.</param>
    public Tensor Delta(Tensor scores, Tensor baseline)
    {
        ArgumentNullException.ThrowIfNull(scores);
        return scores.flatten(1).sum(-1).Minus(Values().Minus(Values(Spread(baseline), AllRows)));
    }

    /// <summary>Every row once.</summary>
    internal IReadOnlyList<int> AllRows => [.. Enumerable.Range(0, Rows)];

    /// <summary>A baseline in the inputs' shape.</summary>
    internal Tensor Spread(Tensor baseline)
    {
        ArgumentNullException.ThrowIfNull(baseline);
        try
        {
            return baseline.to(Inputs.dtype, Inputs.device).expand(Inputs.shape);
        }
        catch (System.Runtime.InteropServices.ExternalException)
        {
            throw new VitrineException(
                $"baseline: is [{string.Join(", ", baseline.shape)}]; the inputs are [{string.Join(", ", Inputs.shape)}].");
        }
    }

    /// <summary>One pass.</summary>
    /// <param name="inputs">(N,...).</param>
    /// <param name="origins">[n]: row of the inputs as they were given first.</param>
    /// <param name="query">What is asked.</param>
    private protected abstract Evaluation Compute(Tensor inputs, IReadOnlyList<int> origins, EvaluationQuery query);
}
