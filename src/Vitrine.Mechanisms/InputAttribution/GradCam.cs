using TorchSharp;
using static TorchSharp.torch;

namespace Vitrine.Mechanisms.InputAttribution;

/// <summary>Grad-CAM: the channels of a layer, weighed by their mean derivative over a picture (Selvaraju et al. 2017, eq. 1 and 2).</summary>
public static class GradCam
{
    /// <summary>max(0, sum over channels c of w_c A_c) at each place, w_c the mean over places of the derivative with respect to A_c.</summary>
    /// <param name="function">What is attributed.</param>
    /// <param name="layer">(B,T,d) at each place a vector.</param>
    /// <param name="places">Positions of the picture's patches.</param>
    /// <param name="row">Of the function's inputs.</param>
    /// <returns>One number a place.</returns>
    public static double[] Of(Attributed function, string layer, IReadOnlyList<int> places, int row = 0)
    {
        ArgumentNullException.ThrowIfNull(function);
        ArgumentNullException.ThrowIfNull(places);
        using var scope = NewDisposeScope();
        var at = function.Evaluate(function.Inputs.narrow(0, row, 1), [row], new EvaluationQuery { Layer = layer, LayerGradient = true });
        var chosen = tensor(places.Select(p => (long)p).ToArray(), device: at.Activation!.device);
        var (maps, slopes) = (at.Activation[0].index_select(0, chosen), at.LayerGradient![0].index_select(0, chosen));    // (P, d)
        Scalar nothing = 0;
        var map = maps.matmul(slopes.mean([0])).clamp_min(nothing).to(float64).cpu();
        GC.KeepAlive(nothing);
        return map.data<double>().ToArray();
    }
}
