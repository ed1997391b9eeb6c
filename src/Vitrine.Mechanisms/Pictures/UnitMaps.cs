using Vitrine.Transformers;
using Vitrine.Transformers.Engine;
using static TorchSharp.torch;

namespace Vitrine.Mechanisms.Pictures;

/// <summary>How much a head moves at each patch.</summary>
/// <param name="Layer">From 0.</param>
/// <param name="Head">From 0.</param>
/// <param name="Z">Norm of its weighted values (<c>attn.z</c>).</param>
/// <param name="Written">
/// Norm of what it adds to the residual stream: its slice of the output projection times z, behind a LayerScale or the gain of a norm where one stands there
/// (whose own scale is left out).
/// </param>
public sealed record HeadMap(int Layer, int Head, PatchMap Z, PatchMap Written);

/// <summary>Where a feed-forward neuron is active.</summary>
/// <param name="Layer">From 0.</param>
/// <param name="Index">From 0.</param>
/// <param name="Map">Its activation at each patch.</param>
/// <param name="OnPrefix">Its activation at each token in front of the patches.</param>
/// <param name="Share">
/// What it writes at the patch where it is most active, over the median norm of the layer's output: |activation| x norm of its value vector / median.
/// </param>
public sealed record NeuronMap(int Layer, int Index, PatchMap Map, IReadOnlyList<float> OnPrefix, double Share);

/// <summary>Reads heads and neurons of a run as maps over the picture.</summary>
internal static class UnitMaps
{
    public static IEnumerable<HeadMap> Heads(Run run, Stack stack, int layer, PictureTokens tokens)
    {
        using var mode = no_grad();
        using var scope = NewDisposeScope();
        var shape = stack.Shape;
        var z = run[$"{shape.Name}.{layer}.attn.z"][0].detach().Widened();                                 // (T, H, hd)
        var norms = z.norm(-1).t().Rows();                                                                 // [head][token]
        var vectors = stack.HeadVectors(layer).Widened();                                                  // (H, hd, d)
        var written = new float[shape.Heads][];
        for (var head = 0; head < shape.Heads; head++)
        {
            using var inner = NewDisposeScope();
            written[head] = z.select(1, head).matmul(vectors[head]).norm(-1).Flat();                       // (T, d)
        }

        return [.. norms.Select((row, head) => new HeadMap(layer, head, tokens.MapOf(row), tokens.MapOf(written[head])))];
    }

    /// <summary>The neurons of a layer that write most at some patch, each with its <see cref="NeuronMap.Share"/>.</summary>
    public static (double Share, int Index)[] Largest(Run run, Stack stack, int layer, PictureTokens tokens, double median, int count)
    {
        using var mode = no_grad();
        using var scope = NewDisposeScope();
        var neurons = run[$"{stack.Shape.Name}.{layer}.mlp.neurons"][0].detach();                          // (T, F)
        var (peaks, _) = neurons.narrow(0, tokens.Prefix.Count, tokens.Patches).abs().max(0);              // (F)
        var shares = (peaks * Reach(stack, layer)).Flat();
        return [.. shares.Select((s, i) => (s / Math.Max(median, 1e-30), i)).OrderByDescending(s => s.Item1).ThenBy(s => s.i).Take(count)];
    }

    public static NeuronMap Neuron(Run run, Stack stack, Neuron neuron, PictureTokens tokens, double median)
    {
        using var mode = no_grad();
        using var scope = NewDisposeScope();
        var row = run[$"{stack.Shape.Name}.{neuron.Layer}.mlp.neurons"][0].detach().select(1, neuron.Index).Flat();
        var reach = Reach(stack, neuron.Layer)[neuron.Index].Flat()[0];
        var map = tokens.MapOf(row);
        return new NeuronMap(neuron.Layer, neuron.Index, map, row[..tokens.Prefix.Count], map.Values.Max(MathF.Abs) * reach / Math.Max(median, 1e-30));
    }

    /// <summary>Norm of each value vector as it arrives in the residual stream (F).</summary>
    private static Tensor Reach(Stack stack, int layer) => stack.ValueVectors(layer).Widened().norm(-1);
}
