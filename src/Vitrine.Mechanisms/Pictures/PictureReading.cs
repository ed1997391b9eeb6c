using System.Text.Json.Serialization;
using Vitrine.Transformers;
using Vitrine.Transformers.Engine;
using Vitrine.Transformers.Points;
using static TorchSharp.torch;

namespace Vitrine.Mechanisms.Pictures;

/// <summary>What a tower does with one picture, as plain numbers.</summary>
/// <param name="Model">Name of model and tower.</param>
/// <param name="Tokens">Names of the tokens.</param>
/// <param name="Query">Who looks in <paramref name="Attention"/> and <paramref name="Rollout"/>.</param>
/// <param name="Attention">Head by head.</param>
/// <param name="Pool">Where the heads of an attention-pool head look; empty where the tower has none.</param>
/// <param name="Rollout">Layer by layer, all layers.</param>
/// <param name="Norms">Of every token, layer by layer.</param>
/// <param name="Heads">What heads move at each patch.</param>
/// <param name="Neurons">Where neurons are active.</param>
public sealed record PictureReading(
    string Model,
    PictureTokens Tokens,
    string Query,
    IReadOnlyList<HeadAttention> Attention,
    IReadOnlyList<HeadAttention> Pool,
    IReadOnlyList<RolloutLayer> Rollout,
    TokenNorms Norms,
    IReadOnlyList<HeadMap> Heads,
    IReadOnlyList<NeuronMap> Neurons)
{
    /// <summary>Attention of every token, for pages; null where it was not asked for or does not fit.</summary>
    [JsonIgnore]
    public AttentionTable? Table { get; init; }

    /// <summary>Reads a picture in one pass.</summary>
    /// <param name="model">Whose tower.</param>
    /// <param name="pixels">(1,3,H,W).</param>
    /// <param name="options">What to read.</param>
    /// <param name="progress">From 0 to 1.</param>
    /// <param name="cancellation">Stops between layers.</param>
    /// <exception cref="VitrineException">A layer, head, neuron or token does not exist.</exception>
    public static PictureReading Of(
        VisionModel model, Tensor pixels, ReadingOptions options, IProgress<double>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(options);
        var (stack, shape) = (model.Tower, model.Tower.Shape);
        var tokens = PictureTokens.Of(model.Tower, pixels);
        var query = PictureQuery.Parse(options.Query, tokens);
        Require(options, shape);
        var pooled = shape.Points.Contains(Point.HeadAttnPattern);
        string[] at = [$"{shape.Name}.embed", $"{shape.Name}.*.resid_post", $"{shape.Name}.*.attn.z", $"{shape.Name}.*.mlp.neurons", .. Patterns.Needs(shape)];
        using var run = InRows(model.Run(pixels, RunPlan.Capturing(pooled ? [.. at, $"{shape.Name}.head.attn.pattern"] : at)), stack, tokens);
        progress?.Report(.4);

        var norms = NormWriters.WithNeurons(
            TokenNorms.Of([.. Enumerable.Range(-1, shape.Layers + 1).Select(layer => Norm(run, shape, layer))], tokens, options.Norms), run, stack);
        var attention = new List<HeadAttention>();
        var heads = new List<HeadMap>();
        var rollout = new List<RolloutLayer>();
        int[] kept = options.Head is { } one ? [one] : [.. Enumerable.Range(0, shape.Heads)];
        var fitting = AttentionTable.Fitting(options.Layer is null ? shape.Layers : 1, (long)kept.Length * tokens.Count * tokens.Count, options.TableWeights);
        int[] tabled = [.. fitting.Select(place => options.Layer ?? place)];
        var packed = new List<(byte[] Levels, float[] Largest)>();
        using var product = new AttentionRollout();
        for (var layer = 0; layer < shape.Layers; layer++)
        {
            cancellation.ThrowIfCancellationRequested();
            using (var pattern = Patterns.Of(run, stack, layer, parts: stack.PartsInRows(layer, tokens.Rows, tokens.Columns)))
            {
                product.Add(pattern);
                rollout.Add(product.Of(layer, query, tokens));
                if (tabled.Contains(layer))
                {
                    packed.Add(AttentionTable.Pack(pattern, kept));
                }

                if (options.Layer is null || options.Layer == layer)
                {
                    using var rows = pattern.index_select(1, tensor([.. query.Tokens.Select(t => (long)t)], device: pattern.device));
                    attention.AddRange(HeadAttention.Of(layer, rows, tokens).Where(h => options.Head is null || options.Head == h.Head));
                    heads.AddRange(UnitMaps.Heads(run, stack, layer, tokens).Where(h => options.Head is null || options.Head == h.Head));
                }
            }

            progress?.Report(.4 + (.6 * (layer + 1) / shape.Layers));
        }

        return new PictureReading(
            model.Name, tokens, query.Name, attention, pooled ? Pools(run, shape, tokens) : [], rollout, norms, heads,
            [.. ChooseNeurons(run, model, options, tokens, norms).Select(n => UnitMaps.Neuron(run, stack, n, tokens, Median(norms, n.Layer)))])
        {
            Table = packed.Count == 0
                ? null
                : new AttentionTable(tabled, kept, tokens.Count, [.. packed.Select(p => p.Levels)], [.. packed.Select(p => p.Largest)]),
        };
    }

    /// <summary>The same run with its tokens row by row, where the tower reads them in another order.</summary>
    private static Run InRows(Run run, Tower tower, PictureTokens tokens)
    {
        if (tower.TokensInRows(tokens.Rows, tokens.Columns) is not { } order)
        {
            return run;
        }

        using (run)
        {
            using var scope = NewDisposeScope();
            var index = tensor([.. order.Select(t => (long)t)], device: tower.Device);
            return new Run(run.Activations.ToDictionary(a => a.Key, a => a.Value.index_select(1, index).DetachFromDisposeScope()), output: null);
        }
    }

    private static IEnumerable<Neuron> ChooseNeurons(Run run, VisionModel model, ReadingOptions options, PictureTokens tokens, TokenNorms norms)
        => options.Neurons.Count > 0
            ? options.Neurons
            : Enumerable.Range(0, model.Tower.Shape.Layers).Where(layer => options.Layer is null || options.Layer == layer)
                .SelectMany(layer => UnitMaps.Largest(run, model.Tower, layer, tokens, Median(norms, layer), options.NeuronCount)
                    .Select(n => (n.Share, Neuron: new Neuron(layer, n.Index))))
                .OrderByDescending(n => n.Share).ThenBy(n => n.Neuron).Take(options.NeuronCount).Select(n => n.Neuron);

    /// <remarks>A pool's pattern is (B,H,1,T), or (B,1,T) where only the mean of its heads is known; pools look at all tokens.</remarks>
    private static IReadOnlyList<HeadAttention> Pools(Run run, StackShape shape, PictureTokens tokens)
    {
        using var scope = NewDisposeScope();
        var pattern = run[$"{shape.Name}.head.attn.pattern"][0].detach();
        return HeadAttention.Of(shape.Layers, pattern.reshape(-1, 1, pattern.shape[^1]), tokens);
    }

    private static float[] Norm(Run run, StackShape shape, int layer)
    {
        using var scope = NewDisposeScope();
        return run[layer < 0 ? $"{shape.Name}.embed" : $"{shape.Name}.{layer}.resid_post"][0].Widened().norm(-1).Flat();
    }

    private static double Median(TokenNorms norms, int layer) => norms.Layers[layer + 1].Median;

    private static void Require(ReadingOptions options, StackShape shape)
    {
        Within(options.Layer, shape.Layers, "layer");
        Within(options.Head, shape.Heads, "head");
        foreach (var neuron in options.Neurons)
        {
            Within(neuron.Layer, shape.Layers, "layer");
            Within(neuron.Index, shape.Neurons, "neuron");
        }

        void Within(int? index, int count, string what)
        {
            if (index is { } i && (i < 0 || i >= count))
            {
                throw new VitrineException($"{what} {i}: stack '{shape.Name}' has {count} {what}s{(what == "layer" ? "" : " in a layer")}, counted from 0.");
            }
        }
    }
}
