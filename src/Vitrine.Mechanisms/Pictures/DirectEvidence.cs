using Vitrine.Transformers;
using Vitrine.Transformers.Engine;
using Vitrine.Transformers.Points;
using static TorchSharp.torch;

namespace Vitrine.Mechanisms.Pictures;

/// <summary>What one head says to the class directly.</summary>
/// <param name="Layer">From 0.</param>
/// <param name="Head">From 0.</param>
/// <param name="Value">In logits.</param>
/// <param name="Map">The same, by the patch that it was brought from.</param>
/// <param name="OnPrefix">The same, by the token in front of the patches.</param>
public sealed record HeadEvidence(int Layer, int Head, double Value, PatchMap Map, IReadOnlyList<float> OnPrefix);

/// <summary>What one layer says to the class directly, in logits.</summary>
/// <param name="Layer">From 0.</param>
/// <param name="Attention">All heads and the bias of the output projection.</param>
/// <param name="FeedForward">All neurons and the bias of the down projection.</param>
/// <param name="Neurons">Each neuron.</param>
public sealed record LayerEvidence(int Layer, double Attention, double FeedForward, IReadOnlyList<float> Neurons);

/// <summary>Direct logit attribution: the class measure as an exact sum over the parts that write to the tokens that the class head reads.</summary>
/// <remarks>
/// measure = constant + sum over tokens t of u_t . x_t, x the residual stream before the last norm, u_t = (gain * g_t - mean(gain * g_t)) / sigma_t, g_t the
/// gradient at the normed token, sigma_t the norm's own (held fixed). x is the sum of what embedding, heads and neurons wrote, so the measure is a sum of their
/// shares. What a part does by way of later parts is not in it (Elhage et al. 2021, "direct path").
/// </remarks>
/// <param name="Measure">The class measure.</param>
/// <param name="Constant">What no part of the stream can change: biases of norm and head.</param>
/// <param name="Embedding">What the embedding says.</param>
/// <param name="Layers">Layer by layer.</param>
/// <param name="Heads">Head by head.</param>
/// <param name="Patches">All heads together, by the patch that they bring it from.</param>
/// <param name="Remainder">Measure minus constant and all parts: rounding.</param>
public sealed record DirectEvidence(
    double Measure, double Constant, double Embedding, IReadOnlyList<LayerEvidence> Layers, IReadOnlyList<HeadEvidence> Heads,
    PatchMap Patches, double Remainder)
{
    /// <summary>What a run must capture, besides the gradient at <c>final_norm</c>.</summary>
    internal static string[] Needs(StackShape shape)
        => [$"{shape.Name}.embed", $"{shape.Name}.*.attn.z", $"{shape.Name}.*.attn.v", $"{shape.Name}.*.mlp.neurons",
            $"{shape.Name}.{shape.Layers - 1}.resid_post", .. Patterns.Needs(shape)];

    /// <summary>Splits the measure.</summary>
    /// <param name="run">It captured <see cref="Needs"/>.</param>
    /// <param name="stack">Whose run.</param>
    /// <param name="tokens">Of the picture.</param>
    /// <param name="gradient">(T,d): of the measure at <c>final_norm</c>.</param>
    /// <param name="measure">The measure.</param>
    internal static DirectEvidence Of(Run run, Stack stack, PictureTokens tokens, Tensor gradient, double measure)
    {
        using var mode = no_grad();
        using var scope = NewDisposeScope();
        var name = stack.Shape.Name;
        var read = gradient.abs().sum(-1).Flat().Index().Where(t => t.Item != 0).Select(t => t.Index).ToArray();
        var rows = tensor([.. read.Select(t => (long)t)], device: gradient.device);
        var residual = run[$"{name}.{stack.Shape.Layers - 1}.resid_post"][0].detach().index_select(0, rows).Widened();   // (R, d)
        var towards = new FrozenNorm(stack.LastNorm!, residual).Pulled(gradient.index_select(0, rows));              // (R, d)
        var embedding = Sum(towards * run[$"{name}.embed"][0].detach().index_select(0, rows));
        var (layers, heads) = (new List<LayerEvidence>(), new List<HeadEvidence>());
        for (var layer = 0; layer < stack.Shape.Layers; layer++)
        {
            using var inner = NewDisposeScope();
            var weights = stack.Blocks[layer].Weights;
            var own = HeadsOf(run, stack, layer, tokens, read, towards.matmul(stack.HeadVectors(layer).Widened().flatten(0, 1).t()));
            var activations = run[$"{name}.{layer}.mlp.neurons"][0].detach().index_select(0, rows);        // (R, F)
            var neurons = towards.matmul(stack.ValueVectors(layer).Widened().t()) * activations;
            heads.AddRange(own);
            layers.Add(new LayerEvidence(
                layer, own.Sum(h => h.Value) + Bias(weights.Output, weights.AttentionWriting, towards),
                Sum(neurons) + Bias(weights.Down, weights.MlpWriting, towards), neurons.sum([0]).Flat()));
        }

        var constant = measure - Sum(towards * residual);
        var patches = Enumerable.Range(0, tokens.Patches).Select(p => (float)heads.Sum(h => (double)h.Map.Values[p])).ToArray();
        return new DirectEvidence(
            measure, constant, embedding, layers, heads, new PatchMap(tokens.Rows, tokens.Columns, patches),
            measure - constant - embedding - layers.Sum(l => l.Attention + l.FeedForward));
    }

    /// <remarks>A head's z at token t is the sum over s of pattern(t,s) v_s, so what it says splits exactly by the token s it was brought from.</remarks>
    private static HeadEvidence[] HeadsOf(Run run, Stack stack, int layer, PictureTokens tokens, int[] read, Tensor weights)
    {
        var shape = stack.Shape;
        var w = weights.reshape(read.Length, shape.Heads, shape.HeadWidth).transpose(0, 1);                // (H, R, hd)
        var v = run[$"{shape.Name}.{layer}.attn.v"][0].detach().Widened().permute(1, 2, 0);                // (H, hd, T)
        var brought = (w.matmul(v) * Patterns.Of(run, stack, layer, read)).sum([1]).Rows();                // [head][token]
        return [.. brought.Select((row, head) => new HeadEvidence(layer, head, row.Sum(x => (double)x), tokens.MapOf(row), row[..tokens.Prefix.Count]))];
    }

    private static double Bias(Linear linear, Writing writing, Tensor towards)
        => linear.Bias is { } bias ? Sum(towards.matmul(writing.Direction(bias).Widened())) : 0;

    private static double Sum(Tensor x)
    {
        using var sum = x.to(float64).sum();
        return sum.item<double>();
    }
}
