using TorchSharp;
using Vitrine.Transformers.Engine;
using static TorchSharp.torch;

namespace Vitrine.Worlds.Training;

/// <summary>Sums and means of losses. Numbers live until the native call is over, which operators do not promise (see <see cref="Sums"/>).</summary>
internal static class TrainingMath
{
    public static Tensor Times(this Tensor x, double factor)
    {
        using Scalar scalar = factor;
        return x.mul(scalar);
    }

    /// <summary>sum(w x) / sum(w); 0 where no weight is positive.</summary>
    public static Tensor WeightedMean(Tensor x, Tensor weights)
    {
        using Scalar least = 1e-12;
        return (x * weights).sum() / weights.sum().clamp_min(least);
    }

    /// <summary>Mean over the last axis of the squared difference.</summary>
    public static Tensor SquaredError(Tensor found, Tensor expected)
    {
        var away = found - expected;
        return (away * away).mean([-1]);
    }

    /// <summary>Cross-entropy of each row (N,C) towards one class (N).</summary>
    public static Tensor CrossEntropy(Tensor logits, Tensor classes)
        => nn.functional.cross_entropy(logits, classes, reduction: nn.Reduction.None);

    /// <summary>x over its root mean square along the last axis.</summary>
    public static Tensor RootMeanSquareNormed(Tensor x)
    {
        using Scalar epsilon = 1e-6;
        using Scalar one = 1;
        return x * (x * x).mean([-1], keepdim: true).add(epsilon, one).rsqrt();
    }

    /// <summary>Entries [i, j] of the first two axes.</summary>
    public static Tensor At(this Tensor x, IEnumerable<int> rows, IEnumerable<int> columns)
        => x.index(TensorIndex.Tensor(tensor([.. rows.Select(r => (long)r)])), TensorIndex.Tensor(tensor([.. columns.Select(c => (long)c)])));

    public static Tensor Numbers(IEnumerable<double> values, params long[] shape) => tensor([.. values.Select(v => (float)v)], shape);

    public static Tensor Classes(IEnumerable<int> values, params long[] shape) => tensor([.. values.Select(v => (long)v)], shape);

    public static double Value(this Tensor scalar) => scalar.detach().to(float64).item<double>();
}
