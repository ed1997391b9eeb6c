using Vitrine.Transformers;
using Vitrine.Transformers.Engine;
using static TorchSharp.torch;

namespace Vitrine.Mechanisms.Pictures;

/// <summary>A neuron that makes a token's norm.</summary>
/// <param name="Layer">From 0.</param>
/// <param name="Index">From 0.</param>
/// <param name="Share">Of the token's squared norm.</param>
public sealed record NormWriter(int Layer, int Index, double Share);

/// <summary>Finds the neurons that make a patch stand out.</summary>
/// <remarks>
/// The token x is the sum of what was written to it, so |x|^2 is the sum of x . w over everything written: a neuron's share is activation x (x . value vector)
/// / |x|^2, the value vector behind the LayerScale. A few neurons write most of a high-norm token (Jiang et al. 2025, "Vision Transformers Don't Need Trained
/// Registers").
/// </remarks>
internal static class NormWriters
{
    private const int Named = 3, Tokens = 24;

    /// <summary>The outliers with the neurons that write them, where their norm stands out most.</summary>
    /// <param name="norms">What is out of line.</param>
    /// <param name="run">It captured <c>resid_post</c> and <c>mlp.neurons</c> of every layer.</param>
    /// <param name="stack">Whose run.</param>
    public static TokenNorms WithNeurons(TokenNorms norms, Run run, Stack stack)
        => stack.Specs.All(s => s.Norms == NormPlaces.PreNorm)
            ? norms with
            {
                Outliers =
                [
                    .. norms.Outliers.Select((o, i) => i < Tokens && o.PeakLayer >= 0 ? o with { Writers = Of(run, stack, o.PeakLayer, o.Token, Named) } : o),
                ],
            }
            : norms;

    /// <summary>The neurons with the largest shares in a token behind a layer.</summary>
    public static IReadOnlyList<NormWriter> Of(Run run, Stack stack, int layer, int token, int count)
    {
        using var mode = no_grad();
        using var scope = NewDisposeScope();
        var x = run[$"{stack.Shape.Name}.{layer}.resid_post"][0].detach()[token].Widened();                // (d)
        var square = x.to(float64).square().sum().item<double>();
        return
        [
            .. Enumerable.Range(0, layer + 1).SelectMany(l =>
            {
                using var inner = NewDisposeScope();
                var shares = stack.ValueVectors(l).Widened().mv(x) * run[$"{stack.Shape.Name}.{l}.mlp.neurons"][0].detach()[token];   // (F)
                return shares.Flat().Select((s, i) => new NormWriter(l, i, s / Math.Max(square, 1e-30))).OrderByDescending(w => w.Share).Take(count).ToArray();
            }).OrderByDescending(w => w.Share).ThenBy(w => w.Layer).ThenBy(w => w.Index).Take(count),
        ];
    }
}
