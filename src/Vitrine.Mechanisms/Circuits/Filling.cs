using Vitrine.Mechanisms.Pictures;
using Vitrine.Transformers.Engine;
using static TorchSharp.torch;

namespace Vitrine.Mechanisms.Circuits;

/// <summary>What edges that are left out carry: the writers' outputs of another run, their means, or nothing.</summary>
/// <param name="record">Of the other run.</param>
/// <param name="fill">What of it.</param>
internal sealed class Filling(WriterRecord record, EdgeFill fill) : IDisposable
{
    private readonly Dictionary<int, Tensor> written = [];

    /// <summary>(W, B or 1, T or 1, d), owned by this.</summary>
    public Tensor Stream(int pass)
    {
        if (!written.TryGetValue(pass, out var made))
        {
            using var scope = NewDisposeScope();
            using var mode = no_grad();
            var all = record.Passes[pass].Written();
            made = written[pass] = Filled(all, 1, 2).DetachFromDisposeScope();
        }

        return made;
    }

    /// <summary>(B or 1, Tp or 1, heads, hd), owned by the caller's scope.</summary>
    public Tensor Prefix(int pass, int layer, bool values)
    {
        var own = record.Passes[pass];
        return Filled((values ? own.PrefixValues : own.PrefixKeys)[layer]!.Widened(), 0, 1);
    }

    /// <summary>What a run's writers wrote minus this (W,B,T,d), owned by the caller's scope.</summary>
    /// <param name="from">The run's pass.</param>
    /// <param name="pass">Its place among the passes.</param>
    /// <param name="rows">Those of the run's pass, where it is of some alone.</param>
    /// <param name="centred">See <see cref="PassRecord.Written"/>.</param>
    public Tensor Less(PassRecord from, int pass, RowRange? rows = null, bool centred = false)
    {
        using var scope = NewDisposeScope();
        if (fill == EdgeFill.Corrupted)
        {
            return from.Written(rows is { } some ? record.Passes[pass].Take(some) : record.Passes[pass], centred).MoveToOuterDisposeScope();
        }

        var stream = Stream(pass);
        var all = from.Written().Minus(rows?.Of(stream, 1) ?? stream);
        return (centred ? all.Minus(all.mean([-1], keepdim: true)) : all).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var tensor in written.Values)
        {
            tensor.Dispose();
        }

        written.Clear();
    }

    private Tensor Filled(Tensor x, int rows, int positions) => fill switch
    {
        EdgeFill.Corrupted => x,
        EdgeFill.Mean => x.mean([rows], keepdim: true),
        EdgeFill.MeanOfAll => x.mean([rows, positions], keepdim: true),
        _ => zeros_like(x),
    };
}
