using Vitrine.Transformers.Engine;
using static TorchSharp.torch;

namespace Vitrine.Transformers.Weights;

/// <summary>A model's weights under the names and in the shapes that TransformerLens gives them.</summary>
/// <remarks>
/// W_Q (H,d,hd), W_O (H,hd,d), W_in and W_gate (d,F), W_out (F,d), W_U (d,V); grouped keys and values are _W_K and _W_V with Hkv heads. A bias that a family
/// lacks is zero.
/// </remarks>
public static class NamedWeights
{
    /// <summary>One block's weights.</summary>
    /// <param name="model">Raw or processed.</param>
    /// <param name="layer">From 0.</param>
    /// <returns>Names such as <c>attn.W_Q</c>; tensors owned by the caller.</returns>
    /// <exception cref="VitrineException">The model has no such layer.</exception>
    public static IReadOnlyDictionary<string, Tensor> OfLayer(TextModel model, int layer)
    {
        ArgumentNullException.ThrowIfNull(model);
        var shape = model.Language.Shape;
        if (layer < 0 || layer >= shape.Layers)
        {
            throw new VitrineException($"layer {layer}: stack '{shape.Name}' has {shape.Layers} layers, counted from 0.");
        }

        using var scope = NewDisposeScope();
        var w = model.Language.At(layer).Weights;
        var (heads, kvHeads, width) = (shape.Heads, shape.KeyValueHeads, shape.HeadWidth);
        var grouped = heads == kvHeads ? "" : "_";
        var named = new Dictionary<string, Tensor>
        {
            ["attn.W_Q"] = Reading(w.Query, heads),
            ["attn.b_Q"] = Bias(w.Query).view(heads, width),
            [$"attn.{grouped}W_K"] = Reading(w.Key, kvHeads),
            [$"attn.{grouped}b_K"] = Bias(w.Key).view(kvHeads, width),
            [$"attn.{grouped}W_V"] = Reading(w.Value, kvHeads),
            [$"attn.{grouped}b_V"] = Bias(w.Value).view(kvHeads, width),
            ["attn.W_O"] = w.Output.Weight.t().reshape(heads, width, shape.Width),
            ["attn.b_O"] = Bias(w.Output),
            ["mlp.W_in"] = w.Up.Weight.t(),
            ["mlp.b_in"] = Bias(w.Up),
            ["mlp.W_out"] = w.Down.Weight.t(),
            ["mlp.b_out"] = Bias(w.Down),
        };
        if (w.Gate is { } gate)
        {
            named["mlp.W_gate"] = gate.Weight.t();
        }

        return Released(named);
    }

    /// <summary>Embeddings and unembedding.</summary>
    /// <param name="model">Raw or processed.</param>
    /// <returns><c>embed.W_E</c>, <c>pos_embed.W_pos</c> where positions are learned, <c>unembed.W_U</c>, <c>unembed.b_U</c>; owned by the caller.</returns>
    public static IReadOnlyDictionary<string, Tensor> OutsideLayers(TextModel model)
    {
        ArgumentNullException.ThrowIfNull(model);
        using var scope = NewDisposeScope();
        var embedding = model.Language.Embedding;
        var named = new Dictionary<string, Tensor> { ["embed.W_E"] = embedding.Table(embedding.WordRows()) };
        if (embedding.Positions is { } positions)
        {
            named["pos_embed.W_pos"] = embedding.Table(positions);
        }

        if (model.Language.HeadAsRun() is { } head)
        {
            named["unembed.W_U"] = head.Weight.t();
            named["unembed.b_U"] = Bias(head);
        }

        return Released(named);
    }

    private static Tensor Reading(Linear linear, int heads) => linear.Weight.view(heads, -1, linear.Inputs).transpose(1, 2);

    private static Tensor Bias(Linear linear) => linear.Bias?.alias() ?? zeros([linear.Outputs], linear.Dtype, linear.Stored.device);

    private static Dictionary<string, Tensor> Released(Dictionary<string, Tensor> named)
    {
        foreach (var tensor in named.Values)
        {
            tensor.MoveToOuterDisposeScope();
        }

        return named;
    }
}
