using Vitrine.Mechanisms.Geometry;
using static TorchSharp.torch;

namespace Vitrine.Mechanisms.Probes;

/// <summary>Fits on all folds but one and decides on that one, for each; the examples are decomposed once for any number of labels.</summary>
internal sealed class CrossValidation : IDisposable
{
    private readonly ProbeRecipe recipe;
    private readonly IReadOnlyList<(int[] Inside, int[] Outside, ReducedExamples Fitted, Tensor Held)> splits;

    /// <param name="x">(n,d); stays the caller's.</param>
    /// <param name="folds">Of the n examples.</param>
    /// <param name="recipe">How probes are fitted.</param>
    public CrossValidation(Tensor x, Folds folds, ProbeRecipe recipe)
    {
        this.recipe = recipe;
        using var scope = NewDisposeScope();
        var wide = Matrices.Wide(x, "probe");
        if (folds.Of.Count != wide.shape[0])
        {
            throw new VitrineException($"probe: folds of {folds.Of.Count} examples; there are {wide.shape[0]}.");
        }

        splits =
        [
            .. Enumerable.Range(0, folds.Count).Select(f =>
            {
                int[] outside = [.. Enumerable.Range(0, folds.Of.Count).Where(i => folds.Of[i] == f)];
                int[] inside = [.. Enumerable.Range(0, folds.Of.Count).Where(i => folds.Of[i] != f)];
                return (inside, outside, recipe.Reduce(At(wide, inside)), At(wide, outside).DetachFromDisposeScope());
            }),
        ];
    }

    /// <summary>Decides each example by a probe that has not seen its fold.</summary>
    /// <param name="labels">Class of each example.</param>
    /// <param name="classes">How many.</param>
    /// <returns>The class called for each example; the decisions, or null where a class was missing from what some probe was fitted on.</returns>
    public (int[] Called, double[][]? Decisions) Classify(IReadOnlyList<int> labels, int classes)
    {
        var (called, decisions, isWhole) = (new int[labels.Count], new double[labels.Count][], true);
        foreach (var (inside, outside, fitted, held) in splits)
        {
            int[] present = [.. inside.Select(i => labels[i]).Distinct().Order()];
            isWhole &= present.Length == classes;
            if (present.Length == 1)
            {
                foreach (var i in outside)
                {
                    called[i] = present[0];
                }

                continue;
            }

            var probe = recipe.Fit(fitted, [.. inside.Select(i => Array.IndexOf(present, labels[i]))], [.. present.Select(p => $"{p}")]);
            foreach (var (decision, i) in probe.Decide(held).Zip(outside))
            {
                (called[i], decisions[i]) = (present[LinearProbe.ClassOf(decision)], recipe.Kind == ProbeKind.Logistic && present.Length > 2
                    ? LinearProbe.ProbabilitiesOf(decision)
                    : decision);
            }
        }

        return (called, isWhole ? decisions : null);
    }

    /// <summary>Predicts each example's number by a probe that has not seen its fold.</summary>
    public double[] Predict(IReadOnlyList<double> targets)
    {
        var predicted = new double[targets.Count];
        foreach (var (inside, outside, fitted, held) in splits)
        {
            using var column = tensor(inside.Select(i => targets[i]).ToArray(), [inside.Length, 1]);
            foreach (var (prediction, i) in recipe.FitNumbers(fitted, column, ["target"]).Decide(held).Zip(outside))
            {
                predicted[i] = prediction[0];
            }
        }

        return predicted;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var split in splits)
        {
            split.Fitted.Dispose();
            split.Held.Dispose();
        }
    }

    private static Tensor At(Tensor x, int[] rows) => x.index_select(0, tensor(rows.Select(r => (long)r).ToArray()));
}
