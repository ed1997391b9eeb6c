using Vitrine.Transformers.Engine;
using static TorchSharp.torch;

namespace Vitrine.Mechanisms.Heads;

/// <summary>Through which of its inputs a head may read what an earlier one wrote.</summary>
public enum CompositionKind
{
    /// <summary>Its queries.</summary>
    Query,

    /// <summary>Its keys.</summary>
    Key,

    /// <summary>Its values.</summary>
    Value,
}

/// <summary>How much of what a head writes another reads, by their weights.</summary>
/// <param name="FromLayer">Of the head that writes.</param>
/// <param name="FromHead">The head that writes.</param>
/// <param name="ToLayer">Of the head that reads.</param>
/// <param name="ToHead">The head that reads.</param>
/// <param name="Score">||OV_1 M_2|| / (||OV_1|| ||M_2||), Frobenius; M is QK, its transpose, or OV.</param>
public sealed record Composition(int FromLayer, int FromHead, int ToLayer, int ToHead, double Score);

/// <summary>Composition scores of all pairs of heads (Elhage et al. 2021).</summary>
public static class CompositionScores
{
    /// <summary>Every pair of which the first lies in an earlier layer.</summary>
    /// <param name="stack">Whose heads.</param>
    /// <param name="kind">Through which input.</param>
    /// <param name="progress">From 0 to 1.</param>
    /// <param name="cancellation">Stops between heads.</param>
    /// <remarks>Random matrices of this rank score about sqrt(1/d): <see cref="Chance"/>. A score of weights says what can be read, not what is.</remarks>
    public static IReadOnlyList<Composition> Of(
        Stack stack, CompositionKind kind, IProgress<double>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(stack);
        var (layers, heads) = (stack.Shape.Layers, stack.Shape.Heads);
        using var scope = NewDisposeScope();
        using var mode = no_grad();
        FactoredMatrix[] writers = [.. Every(stack, (l, h) => HeadCircuits.Ov(stack, l, h))];
        FactoredMatrix[] readers = kind == CompositionKind.Value ? writers : [.. Every(stack, (l, h) =>
        {
            var qk = HeadCircuits.Qk(stack, l, h);
            return kind == CompositionKind.Query ? qk : qk.Transposed();
        })];
        var (gram, outer) = (Upon(writers.Select(w => Square(w.Left.t()))), Upon(readers.Select(r => Square(r.Right))));     // (N, r, r)
        var (right, left) = (Upon(writers.Select(w => w.Right.to(float64))), Upon(readers.Select(r => r.Left.to(float64))));
        double[] written = [.. writers.Select(w => w.Norm())], read = [.. readers.Select(r => r.Norm())];
        var scores = new List<Composition>();
        for (var one = 0; one < heads * (layers - 1); one++)
        {
            cancellation.ThrowIfCancellationRequested();
            using var inner = NewDisposeScope();
            var first = ((one / heads) + 1) * heads;
            var behind = left.narrow(0, first, left.shape[0] - first);
            var middle = right[one].matmul(behind);                                                        // (n, r, r)
            var squares = (gram[one].matmul(middle).matmul(outer.narrow(0, first, behind.shape[0])) * middle).sum([1, 2]).cpu().data<double>().ToArray();
            scores.AddRange(squares.Select((square, i) => new Composition(
                one / heads, one % heads, (first + i) / heads, (first + i) % heads,
                Math.Sqrt(Math.Max(0, square)) / Math.Max(written[one] * read[first + i], double.Epsilon))));
            progress?.Report((one + 1.0) / (heads * (layers - 1)));
        }

        return scores;
    }

    /// <summary>What random heads score on average, about: 1 / sqrt(d).</summary>
    public static double Chance(Stack stack)
    {
        ArgumentNullException.ThrowIfNull(stack);
        return 1 / Math.Sqrt(stack.Shape.Width);
    }

    private static IEnumerable<FactoredMatrix> Every(Stack stack, Func<int, int, FactoredMatrix> make)
        => Enumerable.Range(0, stack.Shape.Layers).SelectMany(l => Enumerable.Range(0, stack.Shape.Heads).Select(h => make(l, h)));

    private static Tensor Square(Tensor a) => a.to(float64).matmul(a.to(float64).t());

    private static Tensor Upon(IEnumerable<Tensor> parts) => cat([.. parts.Select(p => p.unsqueeze(0))], 0);

}
