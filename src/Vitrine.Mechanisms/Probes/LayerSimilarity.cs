using Vitrine.Mechanisms.Geometry;
using Vitrine.Mechanisms.Statistics;
using static TorchSharp.torch;

namespace Vitrine.Mechanisms.Probes;

/// <summary>Every layer of one reading beside every layer of another, on the same examples.</summary>
/// <param name="Rows">Places of the one.</param>
/// <param name="Columns">Places of the other.</param>
/// <param name="Cka">[row][column]: linear CKA (<see cref="Similarity.LinearCka"/>).</param>
/// <param name="Unbiased">[row][column]: <see cref="Similarity.UnbiasedCka"/>.</param>
/// <param name="Shuffled">[row][column]: the mean linear CKA where the other's examples are shuffled: what width and number of examples give alone.</param>
/// <param name="Matches">One a row: the next layer, where a reading stands beside itself; else the column of the largest unbiased CKA.</param>
public sealed record LayerSimilarity(
    IReadOnlyList<string> Rows, IReadOnlyList<string> Columns, IReadOnlyList<IReadOnlyList<double>> Cka, IReadOnlyList<IReadOnlyList<double>> Unbiased,
    IReadOnlyList<IReadOnlyList<double>> Shuffled, IReadOnlyList<LayerMatch> Matches)
{
    /// <summary>Compares readings.</summary>
    /// <param name="one">(n,d) of each layer, n of at least 4; they stay the caller's.</param>
    /// <param name="other">(n,e) of each layer of the other; the one itself where null.</param>
    /// <param name="shuffles">How often examples are shuffled.</param>
    /// <param name="seed">Of the shuffles.</param>
    /// <param name="progress">Share that is done.</param>
    /// <param name="cancellation">Stops between shuffles and fits.</param>
    /// <remarks>All pairs come of products of the layers' Gram matrices, n x n each in float64, which are kept while it runs.</remarks>
    /// <exception cref="VitrineException">The examples are too few or not the same, or a layer is the same in all of them.</exception>
    public static LayerSimilarity Of(
        IReadOnlyList<ProbedLayer> one, IReadOnlyList<ProbedLayer>? other = null, int shuffles = 20, ulong seed = 0, IProgress<double>? progress = null,
        CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(one);
        var beside = other ?? one;
        var n = one.Count == 0 ? 0 : one[0].Activations.shape[0];
        if (n < 4 || shuffles < 1 || one.Concat(beside).FirstOrDefault(l => l.Activations.shape[0] != n) is not null)
        {
            throw new VitrineException($"CKA: {n} examples and {shuffles} shuffles; expected the same examples in every layer, at least 4, and 1.");
        }

        using var mode = no_grad();
        using var scope = NewDisposeScope();
        foreach (var layer in one.Concat(other ?? []))
        {
            LayerGeometry.RequireDifferent(layer);
        }

        var (a, b) = (Grams(one), Grams(beside));
        var random = new RandomStream($"similarity/{seed}");
        long[][] orders = [.. Enumerable.Range(0, shuffles).Select(_ => random.Shuffled([.. Enumerable.Range(0, (int)n).Select(i => (long)i)]))];
        var shuffled = zeros(a.shape[0], b.shape[0], dtype: float64);
        foreach (var (index, order) in orders.Index())
        {
            cancellation.ThrowIfCancellationRequested();
            using var inner = NewDisposeScope();
            var at = tensor(order);
            shuffled.add_(Linear(a, b.index_select(1, at).index_select(2, at)) / shuffles);
            progress?.Report(.5 * (index + 1) / shuffles);
        }

        var (cka, unbiased) = (Linear(a, b).Rows(), Independence(a, b).Rows());
        int?[] next = [.. one.Select((_, row) => other is not null ? Array.IndexOf(unbiased[row], unbiased[row].Max())
            : row + 1 < one.Count ? row + 1 : (int?)null)];
        var matches = new List<LayerMatch>();
        foreach (var (row, column) in next.Index().Where(m => m.Item is not null).Select(m => (m.Index, m.Item!.Value)))
        {
            cancellation.ThrowIfCancellationRequested();
            var (left, control) = Rotated(one[row].Activations, beside[column].Activations, orders);
            matches.Add(new(
                one[row].Place, beside[column].Place, cka[row][column], unbiased[row][column], shuffled[row, column].item<double>(), left, control));
            progress?.Report(.5 + (.5 * (row + 1) / one.Count));
        }

        return new([.. one.Select(l => l.Place)], [.. beside.Select(l => l.Place)], cka, unbiased, shuffled.Rows(), matches);
    }

    /// <summary>Gram matrices of centred examples (layers, n, n).</summary>
    private static Tensor Grams(IReadOnlyList<ProbedLayer> layers) => stack([.. layers.Select(layer =>
    {
        using var scope = NewDisposeScope();
        var wide = Matrices.Wide(layer.Activations, layer.Place);
        var centred = wide - wide.mean([0]);
        return centred.matmul(centred.t()).MoveToOuterDisposeScope();
    })]);

    /// <remarks>|X^T Y|^2 is the sum of the products of XX^T's and YY^T's entries.</remarks>
    private static Tensor Linear(Tensor a, Tensor b)
        => a.flatten(1).matmul(b.flatten(1).t()) / (a.flatten(1).norm(1).unsqueeze(1) * b.flatten(1).norm(1));

    private static Tensor Independence(Tensor a, Tensor b)
    {
        var n = (double)a.shape[1];
        var (k, l) = (Hollow(a), Hollow(b));
        return Hsic(k, l) / (Own(k).unsqueeze(1) * Own(l)).sqrt();

        static Tensor Hollow(Tensor grams) => grams - grams.diagonal(0, 1, 2).diag_embed();

        Tensor Hsic(Tensor k, Tensor l)
        {
            var (rows, others) = (k.sum(2), l.sum(2));
            return k.flatten(1).matmul(l.flatten(1).t()) + (rows.sum(1).unsqueeze(1) * others.sum(1) / ((n - 1) * (n - 2)))
                - (rows.matmul(others.t()) * (2 / (n - 2)));
        }

        Tensor Own(Tensor k) => stack([.. Enumerable.Range(0, (int)k.shape[0]).Select(i => Hsic(k[i].unsqueeze(0), k[i].unsqueeze(0))[0, 0])]);
    }

    /// <summary>What is left after the best rotation, and the mean of the same where examples are shuffled; null where widths differ.</summary>
    private static (double? Left, double? Control) Rotated(Tensor x, Tensor y, long[][] orders)
    {
        if (x.shape[1] != y.shape[1])
        {
            return (null, null);
        }

        using var scope = NewDisposeScope();
        return (Procrustes.DisparityOf(x, y), orders.Average(order => Procrustes.DisparityOf(x, y.index_select(0, tensor(order)))));
    }
}

/// <summary>Two layers side by side.</summary>
/// <param name="Place">Of the one.</param>
/// <param name="Beside">Of the other.</param>
/// <param name="Cka">Linear.</param>
/// <param name="Unbiased">About 0 for unrelated ones.</param>
/// <param name="Shuffled">Mean linear CKA of shuffled examples.</param>
/// <param name="Disparity">What is left after the best rotation (<see cref="Procrustes"/>); null where widths differ.</param>
/// <param name="ShuffledDisparity">The mean of the same where examples are shuffled.</param>
public sealed record LayerMatch(string Place, string Beside, double Cka, double Unbiased, double Shuffled, double? Disparity, double? ShuffledDisparity);
