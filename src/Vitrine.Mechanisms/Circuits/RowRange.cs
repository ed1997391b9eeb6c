using static TorchSharp.torch;

namespace Vitrine.Mechanisms.Circuits;

/// <summary>Some neighbouring rows of a batch.</summary>
/// <param name="First">The first.</param>
/// <param name="Count">How many.</param>
internal readonly record struct RowRange(int First, int Count)
{
    /// <summary>Parts of all rows.</summary>
    public static IEnumerable<RowRange> Of(int rows, int atOnce)
    {
        for (var first = 0; first < rows; first += atOnce)
        {
            yield return new RowRange(first, Math.Min(atOnce, rows - first));
        }
    }

    /// <summary>A view of these rows; what is one for all rows is what it was.</summary>
    public Tensor Of(Tensor x, int dimension = 0) => x.shape[dimension] == 1 ? x : x.narrow(dimension, First, Count);
}
