using static TorchSharp.torch;

namespace Vitrine.Transformers.Engine;

/// <summary>
/// Keys and values of the tokens read so far, one buffer a layer that grows by doubling; where gradients are asked for, a new tensor in each pass, since a
/// graph bears no writing in place.
/// </summary>
internal sealed class KeyValueCache(int layers, int expected, bool isDifferentiated = false) : IDisposable
{
    private readonly (Tensor Keys, Tensor Values)?[] buffers = new (Tensor, Tensor)?[layers];
    private readonly long[] lengths = new long[layers];
    private readonly CacheRoom?[] rooms = new CacheRoom?[layers]; // of the buffers that are there, where one was asked for

    /// <summary>Adds a pass's keys and values (B,Hkv,T,hd) and returns all so far, as views.</summary>
    public (Tensor Keys, Tensor Values) Append(int layer, Tensor keys, Tensor values)
    {
        var (used, added) = (lengths[layer], keys.shape[2]);
        if (isDifferentiated)
        {
            var all = buffers[layer] is { } before ? (cat([before.Keys, keys], 2), cat([before.Values, values], 2)) : (keys.alias(), values.alias());
            lengths[layer] = used + added;
            return Put(layer, all.Item1, all.Item2);
        }

        if (buffers[layer] is not { } buffer || buffer.Keys.shape[2] < used + added)
        {
            buffer = Grow(layer, used + added, keys, values);
        }

        using (var room = buffer.Keys.narrow(2, used, added))
        {
            room.copy_(keys).Dispose();
        }

        using (var room = buffer.Values.narrow(2, used, added))
        {
            room.copy_(values).Dispose();
        }

        lengths[layer] = used + added;
        return (buffer.Keys.narrow(2, 0, used + added), buffer.Values.narrow(2, 0, used + added));
    }

    /// <summary>Room for one more token of one row of float32, counted as read; its keys and values are written by the caller.</summary>
    /// <exception cref="InvalidOperationException">The layer holds no keys of one row yet.</exception>
    public unsafe CacheRoom Room(int layer)
    {
        if (buffers[layer] is not { } buffer || isDifferentiated || buffer.Keys.size(0) != 1)
        {
            throw new InvalidOperationException("a step goes on from the keys and values of one row");
        }

        if (buffer.Keys.size(2) == lengths[layer])
        {
            buffer = Grow(layer, lengths[layer] + 1, buffer.Keys, buffer.Values);
        }

        lengths[layer]++;
        return rooms[layer] ??= new CacheRoom((nint)RowMath.At(buffer.Keys), (nint)RowMath.At(buffer.Values), buffer.Keys.size(2) * buffer.Keys.size(3));
    }

    /// <summary>Makes room for all tokens that are expected, so that what is there stays where it is from now on.</summary>
    public void Reserve()
    {
        for (var layer = 0; layer < buffers.Length; layer++)
        {
            if (buffers[layer] is { } buffer && buffer.Keys.size(2) < expected)
            {
                _ = Put(layer, Grown(buffer.Keys, buffer.Keys, expected, lengths[layer]), Grown(buffer.Values, buffer.Values, expected, lengths[layer]));
            }
        }
    }

    /// <summary>Hands the keys and values (B,Hkv,T,hd) of every layer to the caller.</summary>
    public (Tensor Keys, Tensor Values)[] Release()
    {
        var all = buffers.Select((b, layer) => (
            b!.Value.Keys.narrow(2, 0, lengths[layer]).DetachFromDisposeScope(), b.Value.Values.narrow(2, 0, lengths[layer])
                .DetachFromDisposeScope())).ToArray();
        Dispose();
        return all;
    }

    public void Dispose()
    {
        for (var layer = 0; layer < buffers.Length; layer++)
        {
            Let(layer);
        }
    }

    /// <summary>Larger buffers with what a layer holds, in the place of those that are there.</summary>
    private (Tensor Keys, Tensor Values) Grow(int layer, long needed, Tensor keys, Tensor values)
    {
        var capacity = Math.Max(needed, buffers[layer] is null ? expected : 2 * lengths[layer]);
        return Put(layer, Grown(keys, buffers[layer]?.Keys, capacity, lengths[layer]), Grown(values, buffers[layer]?.Values, capacity, lengths[layer]));
    }

    private (Tensor Keys, Tensor Values) Put(int layer, Tensor keys, Tensor values)
    {
        Let(layer);
        var put = (keys.DetachFromDisposeScope(), values.DetachFromDisposeScope());
        buffers[layer] = put;
        return put;
    }

    private void Let(int layer)
    {
        buffers[layer]?.Keys.Dispose();
        buffers[layer]?.Values.Dispose();
        (buffers[layer], rooms[layer]) = (null, null);
    }

    private static Tensor Grown(Tensor like, Tensor? old, long capacity, long used)
    {
        var grown = empty([like.shape[0], like.shape[1], capacity, like.shape[3]], like.dtype, like.device);
        if (old is not null)
        {
            using var from = old.narrow(2, 0, used);
            using var to = grown.narrow(2, 0, used);
            to.copy_(from).Dispose();
        }

        return grown;
    }
}

/// <summary>Where the keys and values of one row lie: each head's one behind the other.</summary>
/// <param name="Keys">The first number.</param>
/// <param name="Values">The same.</param>
/// <param name="HeadStride">Numbers from a head to the next.</param>
internal readonly record struct CacheRoom(nint Keys, nint Values, long HeadStride);
