using static TorchSharp.torch;

namespace Vitrine.Transformers.Engine;

/// <summary>Keys and values of one stack's tokens, for the blocks of another to read: made once, read-only, shared by any number of runs.</summary>
/// <remarks>
/// The prefix of a flow policy: pictures, words and state are read once, and every denoising step of the expert attends to what they left (pi0, SmolVLA).
/// </remarks>
public sealed class PrefixCache : IDisposable
{
    private readonly (Tensor Keys, Tensor Values)[] layers;
    private readonly long[][] positions;
    private readonly Dictionary<int, (Tensor Keys, Tensor Values)> projected = [];
    private readonly Lock gate = new();

    /// <param name="layers">Keys and values (B,Hkv,Tp,hd) of each block, rotated where the stack rotates; owned from here on.</param>
    /// <param name="positions">[row][token]: -1 for padding, which nobody sees.</param>
    /// <param name="stack">Whose tokens they are.</param>
    internal PrefixCache((Tensor Keys, Tensor Values)[] layers, long[][] positions, string stack)
    {
        (this.layers, this.positions, Stack) = (layers, positions, stack);
        IsWhole = positions.All(row => row.All(p => p >= 0));
    }

    /// <summary>Tokens (Tp).</summary>
    public int Length => positions[0].Length;

    /// <summary>Rows; one serves any number.</summary>
    public int Rows => positions.Length;

    /// <summary>Whose tokens they are.</summary>
    public string Stack { get; }

    /// <summary>Tokens of each row that are no padding.</summary>
    internal long[] OwnLengths => [.. positions.Select(row => row.LongCount(p => p >= 0))];

    /// <summary>Whether no token is padding.</summary>
    internal bool IsWhole { get; }

    internal bool Sees(int row, int token) => positions[Rows == 1 ? 0 : row][token] >= 0;

    /// <summary>[row][token] for a number of rows; -1 for padding.</summary>
    internal long[][] PositionsOf(int rows) => Rows == rows ? positions : [.. Enumerable.Repeat(positions[0], rows)];

    /// <summary>A block's keys and values (B,Hkv,Tp,hd), views owned by the caller's scope.</summary>
    /// <exception cref="VitrineException">The prefix has no such block, or another number of rows.</exception>
    internal (Tensor Keys, Tensor Values) Layer(int layer, long rows)
    {
        if (layer >= layers.Length || (Rows != 1 && Rows != rows))
        {
            throw new VitrineException($"prefix: has {layers.Length} blocks of {Rows} rows; block {layer} of {rows} rows is asked for.");
        }

        var (keys, values) = layers[layer];
        return Rows == rows ? (keys, values) : (keys.expand(rows, -1, -1, -1), values.expand(rows, -1, -1, -1));
    }

    /// <summary>A block's keys and values through projections of the block that reads them (B,Tp,x), made when they are first asked for.</summary>
    /// <param name="layer">Whose.</param>
    /// <param name="rows">B.</param>
    /// <param name="project">From keys and values (B,Hkv,Tp,hd); the same for a layer in every call.</param>
    internal (Tensor Keys, Tensor Values) Projected(int layer, long rows, Func<Tensor, Tensor, (Tensor Keys, Tensor Values)> project)
    {
        lock (gate)
        {
            if (!projected.TryGetValue(layer, out var made))
            {
                using var scope = NewDisposeScope();
                var (keys, values) = Layer(layer, Rows);
                made = project(keys, values);
                (made.Keys, made.Values) = (made.Keys.DetachFromDisposeScope(), made.Values.DetachFromDisposeScope());
                projected[layer] = made;
            }

            return Rows == rows ? made : (made.Keys.expand(rows, -1, -1), made.Values.expand(rows, -1, -1));
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var (keys, values) in projected.Values)
        {
            keys.Dispose();
            values.Dispose();
        }

        foreach (var (keys, values) in layers)
        {
            keys.Dispose();
            values.Dispose();
        }
    }
}
