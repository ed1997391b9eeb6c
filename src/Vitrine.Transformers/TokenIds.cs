using static TorchSharp.torch;

namespace Vitrine.Transformers;

/// <summary>Ids of tokens between files and tensors, where they are 64 bits wide, and programs, where they are <see cref="int"/>.</summary>
internal static class TokenIds
{
    /// <param name="stored">As a file has it.</param>
    /// <param name="source">File and key.</param>
    /// <exception cref="VitrineException">It is wider than an id can be.</exception>
    public static int Of(long stored, string source) => stored is >= int.MinValue and <= int.MaxValue
        ? (int)stored
        : throw new VitrineException($"{source}: {stored} is no token id; expected at most {int.MaxValue}.");

    /// <summary>Rows of one length as a tensor (B,T) of int64, as tables are indexed with; owned by the caller.</summary>
    public static Tensor Matrix(IReadOnlyList<IReadOnlyList<int>> rows, Device? device = null)
    {
        var (values, at) = (new long[rows.Count * rows[0].Count], 0);
        foreach (var row in rows)
        {
            foreach (var id in row)
            {
                values[at++] = id;
            }
        }

        return tensor(values, [rows.Count, rows[0].Count], device: device);
    }
}
