using Vitrine.Mechanisms.Geometry;
using static TorchSharp.torch;

namespace Vitrine.Mechanisms.Probes;

/// <summary>How a probe is to be fitted. Everything is computed in float64.</summary>
/// <remarks>
/// Logistic regression minimises |w|^2 / 2 + C sum of log losses, ridge |y - Xw|^2 + alpha |w|^2, both with unpenalised intercepts: the scales of
/// scikit-learn. Discriminant analysis solves S w = mean by least squares, S the covariance within classes (Fisher 1936); mass-mean is the difference of
/// class means, set to zero in the middle (Marks and Tegmark 2023).
/// </remarks>
public sealed record ProbeRecipe
{
    /// <summary>How.</summary>
    public ProbeKind Kind { get; init; } = ProbeKind.Logistic;

    /// <summary>Weight of a logistic probe's loss against its penalty.</summary>
    public double C { get; init; } = 1;

    /// <summary>Weight of a ridge's penalty.</summary>
    public double Alpha { get; init; } = 1;

    /// <summary>Whether there is an intercept (logistic, ridge, least squares).</summary>
    public bool Intercept { get; init; } = true;

    /// <summary>Whether a logistic probe weighs every class the same, however many examples it has.</summary>
    public bool Balanced { get; init; }

    /// <summary>Whether every coordinate is centred and divided by its deviation first; the probe reads what is not scaled all the same.</summary>
    public bool Scaled { get; init; }

    /// <summary>Whether it fits classes; else numbers.</summary>
    public bool IsOfClasses => Kind is not (ProbeKind.Ridge or ProbeKind.LeastSquares);

    /// <summary>Fits a probe of classes.</summary>
    /// <param name="x">(n,d); stays the caller's.</param>
    /// <param name="labels">Number of each example's class.</param>
    /// <param name="classes">Names of the classes.</param>
    /// <exception cref="VitrineException">
    /// A class has no example, a label is no class, the examples are none, a setting makes no sense, or the fit does not converge.
    /// </exception>
    public LinearProbe Fit(Tensor x, IReadOnlyList<int> labels, IReadOnlyList<string> classes)
    {
        using var reduced = Reduce(x);
        return Fit(reduced, labels, classes);
    }

    /// <summary>Fits a probe of numbers.</summary>
    /// <param name="x">(n,d); stays the caller's.</param>
    /// <param name="targets">(n,k); stays the caller's.</param>
    /// <param name="names">Of the k targets.</param>
    /// <exception cref="VitrineException">The shapes do not fit, or a number is none.</exception>
    public LinearProbe FitNumbers(Tensor x, Tensor targets, IReadOnlyList<string> names)
    {
        using var reduced = Reduce(x);
        return FitNumbers(reduced, targets, names);
    }

    /// <summary>Examples as the fit wants them, once for any number of labels.</summary>
    internal ReducedExamples Reduce(Tensor x)
    {
        if (!(C > 0) || !double.IsFinite(C) || !(Alpha >= 0) || !double.IsFinite(Alpha))
        {
            throw new VitrineException($"probe: C is {C} and alpha {Alpha}; expected C above 0 and alpha of at least 0.");
        }

        using var mode = no_grad();
        return ReducedExamples.Of(x, Intercept || Kind is ProbeKind.Discriminant or ProbeKind.MassMean, Scaled, "probe");
    }

    internal LinearProbe Fit(ReducedExamples x, IReadOnlyList<int> labels, IReadOnlyList<string> classes)
    {
        ArgumentNullException.ThrowIfNull(labels);
        ArgumentNullException.ThrowIfNull(classes);
        RequireLabels((int)x.Z.shape[0], labels, classes);
        using var mode = no_grad();
        using var scope = NewDisposeScope();
        switch (Kind)
        {
            case ProbeKind.Logistic:
                var (w, b) = LogisticFit.Fit(x.Z, labels, classes.Count, C, Intercept, Balanced);
                return x.Probe(Kind, classes, w, b);
            case ProbeKind.RidgeClassifier:
                var y = (LogisticFit.OneHot(labels, classes.Count) * 2) - 1;
                var (ridge, at) = Penalised(x, classes.Count == 2 ? y.narrow(1, 1, 1) : y);
                return x.Probe(Kind, classes, ridge, at);
            case ProbeKind.Discriminant or ProbeKind.MassMean:
                return x.Probe(Kind, classes, ByMeans(x, labels, classes.Count, out var offsets), offsets);
            default:
                throw new VitrineException($"probe: {Kind} predicts numbers; expected a kind that tells classes apart.");
        }
    }

    internal LinearProbe FitNumbers(ReducedExamples x, Tensor targets, IReadOnlyList<string> names)
    {
        ArgumentNullException.ThrowIfNull(names);
        using var mode = no_grad();
        using var scope = NewDisposeScope();
        var y = Matrices.Wide(targets, "probe's targets");
        if (IsOfClasses)
        {
            throw new VitrineException($"probe: {Kind} tells classes apart; expected a kind that predicts numbers.");
        }

        if (y.shape[0] != x.Z.shape[0] || y.shape[1] != names.Count)
        {
            throw new VitrineException($"probe: targets are [{y.shape[0]}, {y.shape[1]}]; expected [{x.Z.shape[0]}, {names.Count}].");
        }

        var (w, b) = Penalised(x, y);
        return x.Probe(Kind, names, w, b);
    }

    /// <summary>w = (S^2 + alpha)^-1 Z^T y in the coordinates where Z^T Z = S^2.</summary>
    private (Tensor Coefficients, Tensor Intercepts) Penalised(ReducedExamples x, Tensor y)
    {
        var mean = Intercept ? y.mean([0]) : zeros(y.shape[1], dtype: float64);
        var alpha = Kind == ProbeKind.LeastSquares ? 0 : Alpha;
        return ((x.Z.t().matmul(y - mean) / ((x.Singular * x.Singular) + alpha).unsqueeze(1)).t(), mean);
    }

    private Tensor ByMeans(ReducedExamples x, IReadOnlyList<int> labels, int classes, out Tensor offsets)
    {
        var centre = x.Centre;                                                                             // (1, r)
        var counts = Enumerable.Range(0, classes).Select(k => (double)labels.Count(l => l == k)).ToArray();
        var means = zeros(classes, x.Z.shape[1], dtype: float64).index_add(0, tensor(labels.Select(l => (long)l).ToArray()), x.Z, 1)
            / tensor(counts).unsqueeze(1);                                                                 // (classes, r), of centred examples
        var (w, b) = (means, -(means * means).sum(1) / 2);
        if (Kind == ProbeKind.Discriminant)
        {
            var within = x.Z - means.index_select(0, tensor(labels.Select(l => (long)l).ToArray()));
            w = linalg.pinv(within.t().matmul(within) / labels.Count, hermitian: true).matmul((means + centre).t()).t();
            b = tensor(counts.Select(c => Math.Log(c / labels.Count)).ToArray()) - ((means + centre) * w).sum(1) / 2 + (centre * w).sum(1);
        }

        offsets = classes == 2 ? (b[1] - b[0]).unsqueeze(0) : b;
        return classes == 2 ? (w[1] - w[0]).unsqueeze(0) : w;
    }

    private static void RequireLabels(int examples, IReadOnlyList<int> labels, IReadOnlyList<string> classes)
    {
        if (labels.Count != examples || classes.Count < 2)
        {
            throw new VitrineException(
                $"probe: {labels.Count} labels of {classes.Count} classes for {examples} examples; expected one each, of two classes or more.");
        }

        if (labels.Index().FirstOrDefault(l => l.Item < 0 || l.Item >= classes.Count, (Index: -1, Item: 0)) is { Index: >= 0 } wrong)
        {
            throw new VitrineException($"probe: label {wrong.Index} (from 0) is {wrong.Item}; expected 0 to {classes.Count - 1}.");
        }

        if (Enumerable.Range(0, classes.Count).FirstOrDefault(k => !labels.Contains(k), -1) is >= 0 and var missing)
        {
            throw new VitrineException($"probe: class '{classes[missing]}' has no example to fit on.");
        }
    }
}
