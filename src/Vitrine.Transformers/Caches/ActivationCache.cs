using Vitrine.Transformers.Engine;
using Vitrine.Transformers.Points;
using static TorchSharp.torch;

namespace Vitrine.Transformers.Caches;

/// <summary>A run's activations with the algebra of the residual stream: take apart, stack, norm, attribute, cut, save.</summary>
/// <remarks>
/// The verbs and labels are those of TransformerLens' ActivationCache, the numbers too (fixtures/methods/dla). What a norm or a LayerScale does to an output
/// before it is added counts: parts are given as they arrive in the residual, such a norm frozen at the scale that it had in the run. Parts of 16-bit
/// activations are made, and summed, in float32.
/// </remarks>
public sealed partial class ActivationCache : IDisposable
{
    private const string Words = "embed.words";
    private const string Places = "embed.positions";
    private readonly Model model;
    private readonly Stack stack;
    private readonly Dictionary<Address, Tensor> activations;
    private readonly Dictionary<string, Tensor> inputs;
    private readonly int[][] ids;
    private readonly long[][] positions;

    private ActivationCache(
        Model model, Stack stack, Dictionary<Address, Tensor> activations, Dictionary<string, Tensor> inputs, int[][] ids, long[][] positions)
        => (this.model, this.stack, this.activations, this.inputs, this.ids, this.positions) = (model, stack, activations, inputs, ids, positions);

    /// <summary>What was captured, owned by the cache.</summary>
    public IReadOnlyDictionary<Address, Tensor> Activations => activations;

    /// <summary>[row][token], as they were read; -1 where a run does not know them, as a policy's, which reads patches too.</summary>
    public IReadOnlyList<IReadOnlyList<int>> Ids => ids;

    /// <summary>[row][token]: position in the row's own text, -1 for padding.</summary>
    public IReadOnlyList<IReadOnlyList<long>> Positions => positions;

    /// <summary>What conditioned norms read in the pass (1,c), so that their gains and gates are known; null where they read nothing.</summary>
    internal Tensor? Condition { get; init; }

    private StackShape Shape => stack.Shape;

    /// <summary>Runs a model and keeps what the algebra reads.</summary>
    /// <param name="model">A decoder, raw or processed; it must outlive the cache.</param>
    /// <param name="batch">Prompts.</param>
    /// <param name="plan">Edits, and further points to capture; nothing when null.</param>
    /// <exception cref="VitrineException">The model's residual is no sum of what its blocks write.</exception>
    public static ActivationCache Of(TextModel model, TokenBatch batch, RunPlan? plan = null)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(batch);
        plan ??= RunPlan.Empty;
        var decoder = Added(model.Language);
        var run = model.Run(batch, plan with { Capture = [.. plan.Capture, .. Needs(decoder.Shape)] });
        using var mode = no_grad();
        using var scope = NewDisposeScope();
        // Pictures stand in the place of words.
        var words = batch.Pictures is null ? decoder.Embed(batch.Ids) : run[new Address(decoder.Shape.Name, null, Point.Embed).ToString()].alias();
        return From(model, decoder, run, words, [.. batch.Ids.Select(r => r.ToArray())], batch.PositionIds);
    }

    /// <summary>Takes over the activations of a run of any model, a policy's act included.</summary>
    /// <param name="model">Whose run; it must outlive the cache.</param>
    /// <param name="run">It captured <see cref="Needs(StackShape)"/>; what it holds is the cache's from here on.</param>
    /// <param name="decoder">Which decoder of the model; its only one when null.</param>
    /// <exception cref="VitrineException">
    /// Something was not captured, the model has several decoders, or its residual is no sum of what its blocks write.
    /// </exception>
    public static ActivationCache From(Model model, Run run, Decoder? decoder = null)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(run);
        decoder = Added(decoder ?? (model.Decoders is [var only] ? only : throw new VitrineException(
            $"activation cache: {model.Name} has {model.Decoders.Count} decoders; name one.")));
        foreach (var address in decoder.Shape.Places().Where(p => Needs(decoder.Shape).Any(n => AddressPattern.Parse(n).Matches(p))))
        {
            _ = run[address.ToString()];
        }

        using var mode = no_grad();
        using var scope = NewDisposeScope();
        var embedded = run[new Address(decoder.Shape.Name, null, Point.Embed).ToString()];
        var places = decoder.Embedding.PositionRows(run.Prompts[decoder.Shape.Name]);
        return From(model, decoder, run, places is null ? embedded.alias() : embedded - places,
            [.. run.Prompts[decoder.Shape.Name].Select(r => r.Select(_ => -1).ToArray())], null);
    }

    /// <summary>Views of one pass of a run, of any stack: a decoder, a tower, an expert at a flow step.</summary>
    /// <param name="model">Whose run; it must outlive the cache.</param>
    /// <param name="run">It captured <see cref="Needs(StackShape, bool)"/>; stays the caller's and must outlive the cache.</param>
    /// <param name="stack">Which stack.</param>
    /// <param name="step">Which pass: 0 the prefill or the first flow step.</param>
    /// <param name="condition">What conditioned norms read in that pass (1,c); must outlive the cache. Null where they read nothing.</param>
    /// <exception cref="VitrineException">Something was not captured, or the residual is no sum of what the blocks write.</exception>
    internal static ActivationCache From(Model model, Run run, Stack stack, int step, Tensor? condition = null)
    {
        var shape = Added(stack).Shape;
        var own = run.Activations.Where(a => a.Key.Stack == shape.Name && a.Key.Step == step)
            .ToDictionary(a => a.Key with { Step = 0 }, a => a.Value.detach().DetachFromDisposeScope());
        var embedded = own.GetValueOrDefault(new Address(shape.Name, null, Point.Embed))
            ?? throw new VitrineException($"activation cache: '{shape.Name}.embed' was not captured in pass {step}.");
        var columns = (int)embedded.shape[1];
        long[][] positions = run.Prompts.TryGetValue(shape.Name, out var prompt) && prompt[0].Length == columns && prompt.Length == embedded.shape[0]
            ? prompt
            : [.. Enumerable.Range(0, (int)embedded.shape[0]).Select(_ => Enumerable.Range(0, columns).Select(i => (long)i).ToArray())];
        var inputs = new Dictionary<string, Tensor> { [Words] = embedded.alias().DetachFromDisposeScope() };
        return new ActivationCache(model, stack, own, inputs, [.. positions.Select(r => r.Select(_ => -1).ToArray())], positions) { Condition = condition };
    }

    /// <summary>One captured activation, owned by the cache.</summary>
    /// <exception cref="VitrineException">It was not captured; the nearest that was is named.</exception>
    public Tensor this[string address] => activations.TryGetValue(Address.Parse(address), out var tensor)
        ? tensor
        : throw new VitrineException(
            $"activation '{address}' was not captured; the nearest that was is '{Nearest.Of(address, activations.Keys.Select(a => a.ToString()))}'.");

    /// <summary>One point of every layer, one upon the other (L,...), owned by the caller.</summary>
    /// <exception cref="VitrineException">It was not captured everywhere, or its shape differs from layer to layer.</exception>
    public Tensor Stacked(Point point) => stack([.. Enumerable.Range(0, Shape.Layers).Select(layer => Captured(layer, point))]);

    /// <summary>Only one position of each row, as a cache of its own whose position axis is 1.</summary>
    /// <param name="position">Counted in the row's own tokens; negative from its end.</param>
    /// <exception cref="VitrineException">A row has no such position.</exception>
    public ActivationCache AtPosition(int position)
    {
        var columns = positions.Select((row, r) => Column(row, r, position)).ToArray();
        return new ActivationCache(
            model,
            stack,
            activations.ToDictionary(a => a.Key, a => Pick(a.Value, a.Key.Point.Axes == PointAxes.Attention ? 2 : 1, columns)),
            inputs.ToDictionary(i => i.Key, i => Pick(i.Value, 1, columns)),
            [.. ids.Select((row, r) => new[] { row[columns[r]] })],
            [.. positions.Select((row, r) => new[] { row[columns[r]] })])
        { Condition = Condition };
    }

    /// <summary>Only one row, as a cache of its own.</summary>
    /// <exception cref="VitrineException">There is no such row.</exception>
    public ActivationCache AtRow(int row)
    {
        if (row < 0 || row >= ids.Length)
        {
            throw new VitrineException($"activation cache: row {row} lies outside; there are {ids.Length}, counted from 0.");
        }

        var kept = activations.ToDictionary(a => a.Key, a => a.Value.narrow(0, row, 1).DetachFromDisposeScope());
        return new ActivationCache(
            model, stack, kept, inputs.ToDictionary(i => i.Key, i => i.Value.narrow(0, row, 1).DetachFromDisposeScope()), [ids[row]], [positions[row]])
        {
            Condition = Condition,
        };
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var tensor in activations.Values.Concat(inputs.Values))
        {
            tensor.Dispose();
        }
    }

    /// <summary>What a run must capture so that a cache can be made from each of its passes: every decoded token, every flow step.</summary>
    internal static IReadOnlyList<string> Needs(StackShape shape, bool everyStep) => [.. Needs(shape).Select(n => everyStep ? $"{n}@*" : n)];

    /// <summary>What a run must capture so that a cache can be made from it.</summary>
    public static IReadOnlyList<string> Needs(StackShape shape)
    {
        ArgumentNullException.ThrowIfNull(shape);
        Point[] read = [Point.ResidPre, Point.AttnZ, Point.AttnOut, Point.AttnOutPost, Point.ResidMid, Point.MlpNeurons, Point.MlpOut, Point.MlpOutPost];
        return
        [
            .. read.Where(shape.Points.Contains).Select(p => $"{shape.Name}.*.{p.Name}"),
            new Address(shape.Name, shape.Layers - 1, Point.ResidPost).ToString(), new Address(shape.Name, null, Point.Embed).ToString(),
            .. Enumerable.Range(0, shape.Layers).Select(l => PictureSide.DeepStack(l, shape.Width)).Where(shape.Points.Contains)
            .Select(p => new Address(shape.Name, null, p).ToString()),
        ];
    }

    /// <summary>As the algebra reads it: 16-bit activations in float32.</summary>
    private Tensor At(int layer, Point point) => Captured(layer, point).Widened();

    private Tensor Captured(int layer, Point point) => this[new Address(Shape.Name, layer, point).ToString()];

    private static int Column(long[] row, int r, int position)
    {
        var count = row.Count(p => p >= 0);
        var own = position < 0 ? position + count : position;
        return own >= 0 && own < count
            ? Array.IndexOf(row, row.Where(p => p >= 0).Order().ElementAt(own))
            : throw new VitrineException($"activation cache: position {position} lies outside row {r}, which has {count} tokens.");
    }

    /// <exception cref="VitrineException">Norms stand behind the sums.</exception>
    internal static T Added<T>(T stack)
        where T : Stack
        => stack.Spec.Norms is NormPlaces.PreNorm or NormPlaces.SandwichNorm && (stack.EntryNorm is null || stack is Tower)
            ? stack
            : throw new VitrineException(
                $"activation cache: the norms of stack '{stack.Shape.Name}' stand behind its sums, so its residual is no sum of parts.");

    private static ActivationCache From(Model model, Decoder decoder, Run run, Tensor words, int[][] ids, IReadOnlyList<IReadOnlyList<long>>? positionIds)
    {
        var prompt = run.Prompts[decoder.Shape.Name];
        var inputs = new Dictionary<string, Tensor> { [Words] = words.DetachFromDisposeScope() };
        if (decoder.Embedding.PositionRows(positionIds ?? prompt) is { } places)
        {
            inputs[Places] = places.expand_as(words).DetachFromDisposeScope();
        }

        var (activations, output) = run.Release();
        output?.Dispose();
        return new ActivationCache(model, decoder, activations, inputs, ids, prompt);
    }

    private static Tensor Pick(Tensor x, int axis, int[] columns)
    {
        using var scope = NewDisposeScope();
        var picked = x.dim() < 3 ? x.alias()
            : columns.Distinct().Count() == 1 ? x.narrow(axis, columns[0], 1)
            : cat([.. columns.Select((c, r) => x.narrow(0, r, 1).narrow(axis, c, 1))], 0);
        return picked.DetachFromDisposeScope();
    }
}
