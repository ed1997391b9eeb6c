using Vitrine.Policies;
using Vitrine.Transformers.Points;
using static TorchSharp.torch;

namespace Vitrine.Worlds.Records;

/// <summary>What records and monitors take of the activations of a run.</summary>
internal static class KeptActivations
{
    /// <summary>One observation's share of a captured activation.</summary>
    /// <param name="run">The run.</param>
    /// <param name="row">Which observation.</param>
    /// <param name="address">Of what was captured.</param>
    /// <param name="everywhere">Whether at all positions; else where the action is decided, for points of the stack that decides.</param>
    /// <returns>(1,n,...), or (pictures,n,...) of a tower; owned by the caller's dispose scope.</returns>
    public static Tensor Of(PolicyRun run, int row, Address address, bool everywhere)
    {
        var layout = run.Layout;
        if (!everywhere && address.Stack == layout.DecidingStack && address.Point.Axes != PointAxes.Attention)
        {
            return layout.At(run.Run, (address with { Step = 0 }).ToString(), address.Step).narrow(0, row, 1).detach();
        }

        var all = run.Run.Activations[address];
        var share = all.shape[0] / layout.Rows.Count; // a tower's rows are pictures, several of an observation
        return all.detach().narrow(0, row * share, share);
    }

    /// <summary>The mean over positions and pictures, in float32 on the CPU.</summary>
    /// <param name="kept">(b,n,...).</param>
    public static float[] Pooled(Tensor kept)
    {
        using var scope = NewDisposeScope();
        return kept.to(float32).cpu().flatten(2).mean([0, 1]).contiguous().data<float>().ToArray();
    }
}
