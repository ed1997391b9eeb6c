using Vitrine.Transformers;
using Vitrine.Transformers.Edits;
using Vitrine.Transformers.Points;
using static TorchSharp.torch;

namespace Vitrine.Mechanisms.Pictures;

/// <summary>Where on the pictures of a prompt a neuron of the decoder fires most.</summary>
/// <param name="Neuron">Which neuron.</param>
/// <param name="Activation">Its largest activation by size, with its sign.</param>
/// <param name="At">The token where that is.</param>
/// <param name="Share">|activation| x norm of its value vector, over the median norm of the pictures' tokens behind the layer.</param>
public sealed record NeuronOnPictures(Neuron Neuron, float Activation, PictureToken At, double Share);

/// <summary>What neurons of a decoder do on the pictures of a prompt, beside what they write.</summary>
public static class PictureActivity
{
    /// <summary>The neurons that write most somewhere on the pictures, the largest share first.</summary>
    /// <param name="model">A model of pictures and texts.</param>
    /// <param name="batch">One prompt with its pictures.</param>
    /// <param name="count">How many.</param>
    /// <param name="layer">One layer; all when null.</param>
    /// <param name="plan">Edits that hold; none when null.</param>
    /// <exception cref="VitrineException">The model sees no pictures, the batch has other than one prompt, no pictures, or there is no such layer.</exception>
    public static IReadOnlyList<NeuronOnPictures> Largest(TextModel model, TokenBatch batch, int count, int? layer = null, RunPlan? plan = null)
    {
        ArgumentNullException.ThrowIfNull(model);
        var shape = model.Language.Shape;
        return layer is { } l && (l < 0 || l >= shape.Layers)
            ? throw new VitrineException($"layer {l}: stack '{shape.Name}' has {shape.Layers} layers, counted from 0.")
            : [.. Read(model, batch, layer is { } one ? [one] : [.. Enumerable.Range(0, shape.Layers)], plan, (_, shares) =>
                shares.Index().OrderByDescending(s => s.Item).ThenBy(s => s.Index).Take(count).Select(s => s.Index))
                .OrderByDescending(n => n.Share).ThenBy(n => n.Neuron).Take(count)];
    }

    /// <summary>The same of chosen neurons, in their order.</summary>
    /// <param name="model">A model of pictures and texts.</param>
    /// <param name="batch">One prompt with its pictures.</param>
    /// <param name="neurons">Of its decoder.</param>
    /// <param name="plan">Edits that hold; none when null.</param>
    /// <exception cref="VitrineException">The model sees no pictures, the batch has other than one prompt, no pictures, or a neuron does not exist.</exception>
    public static IReadOnlyList<NeuronOnPictures> Of(TextModel model, TokenBatch batch, IReadOnlyList<Neuron> neurons, RunPlan? plan = null)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(neurons);
        var shape = model.Language.Shape;
        if (neurons.Where(n => n.Layer < 0 || n.Layer >= shape.Layers || n.Index < 0 || n.Index >= shape.Neurons).Take(1).ToArray() is [var outside])
        {
            throw new VitrineException($"neuron {outside}: stack '{shape.Name}' has {shape.Layers} layers of {shape.Neurons} neurons, counted from 0.");
        }

        var wanted = neurons.ToLookup(n => n.Layer, n => n.Index);
        var found = Read(model, batch, [.. wanted.Select(g => g.Key).Order()], plan, (l, _) => wanted[l].Distinct()).ToDictionary(n => n.Neuron);
        return [.. neurons.Select(n => found[n])];
    }

    /// <remarks>
    /// Each layer's neurons are looked at as they are made and let go: a long prompt's neurons of all layers would not fit beside the weights.
    /// </remarks>
    private static List<NeuronOnPictures> Read(
        TextModel model, TokenBatch batch, IReadOnlyList<int> layers, RunPlan? plan, Func<int, float[], IEnumerable<int>> chosen)
    {
        ArgumentNullException.ThrowIfNull(batch);
        var tokens = batch.Ids.Count == 1 ? model.PictureTokensOf(batch)[0] : [];
        if (tokens.Count == 0)
        {
            throw new VitrineException($"pictures: a batch of {batch.Ids.Count} prompts with {batch.Pictures?.Sum(row => row.Count) ?? 0} pictures; expected "
                + "one prompt that shows at least one.");
        }

        var stack = model.Language.Shape.Name;
        var (peaks, norms) = (new Dictionary<int, (Tensor Values, long[] At)>(), new Dictionary<int, double>());
        using var scope = NewDisposeScope();
        var columns = tensor([.. tokens.Select(t => (long)batch.Positions[0].ToList().IndexOf(t.Position))], device: model.Device);
        var looks = layers.SelectMany(layer => (Edit[])
        [
            new CallbackEdit(new Address(stack, layer, Point.MlpNeurons).ToString(), (x, _) => Looked(x, seen =>
            {
                var at = seen.abs().argmax(0);                                                             // (F)
                var values = seen.gather(0, at.unsqueeze(0)).squeeze(0).to(float32).cpu();
                peaks[layer] = (values.DetachFromDisposeScope(), at.cpu().data<long>().ToArray());
            })),
            new CallbackEdit(new Address(stack, layer, Point.ResidPost).ToString(), (x, _) => Looked(x, seen =>
                norms[layer] = Numbers.Median(seen.norm(-1).Flat()))),
        ]);
        try
        {
            using var run = model.Run(batch, (plan ?? RunPlan.Empty) with { Edits = [.. plan?.Edits ?? [], .. looks], StopAfter = layers[^1] });
            return [.. layers.SelectMany(Found)];
        }
        finally
        {
            foreach (var (values, _) in peaks.Values)
            {
                values.Dispose();
            }
        }

        Tensor Looked(Tensor x, Action<Tensor> look)
        {
            using var inner = NewDisposeScope();
            look(x[0].detach().index_select(0, columns));
            return x;
        }

        IEnumerable<NeuronOnPictures> Found(int layer)
        {
            using var inner = NewDisposeScope();
            var (values, at) = peaks[layer];
            var reach = model.Language.ValueVectors(layer).norm(-1).to(float32).cpu();                     // (F)
            var shares = values.abs() * reach / (float)Math.Max(norms[layer], 1e-30);
            var (numbers, all) = (values.data<float>().ToArray(), shares.data<float>().ToArray());
            return [.. chosen(layer, all).Select(n => new NeuronOnPictures(new Neuron(layer, n), numbers[n], tokens[(int)at[n]], all[n]))];
        }
    }
}
