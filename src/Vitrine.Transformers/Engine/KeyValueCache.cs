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
    private readonly long[] capacities = new long[layers]; // of the rooms that were given; 0 for none
    private readonly CacheRoom[] rooms = new CacheRoom[layers];

    /// <summary>Adds a pass's keys and values (B,Hkv,T,hd) and returns all so far, as views.</summary>
    public (Tensor Keys, Tensor Values) Append(int layer, Tensor keys, Tensor values)
    {
        var (used, added) = (lengths[layer], keys.shape[2]);
        if (isDifferentiated)
        {
            var all = buffers[layer] is { } before ? (cat([before.Keys, keys], 2), cat([before.Values, values], 2)) : (keys.alias(), values.alias());
            buffers[layer]?.Keys.Dispose();
            buffers[layer]?.Values.Dispose();
            buffers[layer] = (all.Item1.DetachFromDisposeScope(), all.Item2.DetachFromDisposeScope());
            lengths[layer] = used + added;
            return buffers[layer]!.Value;
        }

        if (buffers[layer] is not { } buffer || buffer.Keys.shape[2] < used + added)
        {
            buffer = (Grown(keys, layer, used + added, of: 0), Grown(values, layer, used + added, of: 1));
            buffers[layer]?.Keys.Dispose();
            buffers[layer]?.Values.Dispose();
            buffers[layer] = buffer;
            capacities[layer] = 0;
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
        if (buffers[layer] is not { } buffer || isDifferentiated || buffer.Keys.shape[0] != 1)
        {
            throw new InvalidOperationException("a step goes on from the keys and values of one row");
        }

        if (capacities[layer] == 0 || lengths[layer] == capacities[layer])
        {
            if (lengths[layer] == buffer.Keys.shape[2])
            {
                var grown = (Grown(buffer.Keys, layer, lengths[layer] + 1, of: 0), Grown(buffer.Values, layer, lengths[layer] + 1, of: 1));
                buffer.Keys.Dispose();
                buffer.Values.Dispose();
                buffers[layer] = buffer = grown;
            }

            capacities[layer] = buffer.Keys.shape[2];
            rooms[layer] = new CacheRoom((nint)RowMath.At(buffer.Keys), (nint)RowMath.At(buffer.Values), buffer.Keys.shape[2] * buffer.Keys.shape[3]);
        }

        lengths[layer]++;
        return rooms[layer];
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
            buffers[layer]?.Keys.Dispose();
            buffers[layer]?.Values.Dispose();
            buffers[layer] = null;
        }
    }

    private Tensor Grown(Tensor like, int layer, long needed, int of)
    {
        var capacity = Math.Max(needed, buffers[layer] is null ? expected : 2 * lengths[layer]);
        var grown = empty([like.shape[0], like.shape[1], capacity, like.shape[3]], like.dtype, like.device);
        if (buffers[layer] is { } old)
        {
            using var from = (of == 0 ? old.Keys : old.Values).narrow(2, 0, lengths[layer]);
            using var to = grown.narrow(2, 0, lengths[layer]);
            to.copy_(from).Dispose();
        }

        return grown.DetachFromDisposeScope();
    }
}

/// <summary>Where the keys and values of one row lie: each head's one behind the other.</summary>
/// <param name="Keys">The first number.</param>
/// <param name="Values">The same.</param>
/// <param name="HeadStride">Numbers from a head to the next.</param>
internal readonly record struct CacheRoom(nint Keys, nint Values, long HeadStride);
