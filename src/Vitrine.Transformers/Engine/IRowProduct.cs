using static TorchSharp.torch;

namespace Vitrine.Transformers.Engine;

/// <summary>y = x W^T of a single row x, or of few, with the weights as they lie in memory.</summary>
internal unsafe interface IRowProduct
{
    /// <summary>Rows that a piece which is written to memory of its own holds a multiple of, so that it has the places and bits of the whole.</summary>
    int Together { get; }

    /// <summary>Whether x is of so few rows, with nothing to differentiate.</summary>
    bool Fits(Tensor x);

    /// <summary>The product; where the weights are many, on several threads.</summary>
    /// <param name="x">(..., in) that fits.</param>
    /// <returns>(..., out), owned by the caller.</returns>
    Tensor Apply(Tensor x);

    /// <summary>Some outputs of one vector.</summary>
    /// <param name="x">(in).</param>
    /// <param name="y">(out).</param>
    /// <param name="from">First row, as it is stored.</param>
    /// <param name="to">Behind the last.</param>
    void Rows(float* x, float* y, int from, int to);
}

/// <summary>The outputs of one product, shared among threads.</summary>
internal static class OutputShares
{
    /// <summary>Weights for which a second thread pays.</summary>
    private const long WorthThreads = 1 << 18;

    /// <summary>Each thread's outputs, from the first to behind the last; all of them at once where they are few.</summary>
    /// <param name="outputs">How many.</param>
    /// <param name="inputs">Weights of each.</param>
    /// <param name="together">Outputs that a share begins at a multiple of.</param>
    /// <param name="rows">Computes a share.</param>
    public static void Each(int outputs, int inputs, int together, Action<int, int> rows)
    {
        var threads = (long)outputs * inputs >= WorthThreads ? get_num_threads() : 1;
        if (threads == 1)
        {
            rows(0, outputs);
            return;
        }

        var share = (((outputs + threads - 1) / threads) + together - 1) / together * together;
        Parallel.For(0, (outputs + share - 1) / share, new ParallelOptions { MaxDegreeOfParallelism = threads },
            t => rows(t * share, Math.Min(outputs, (t + 1) * share)));
    }
}
