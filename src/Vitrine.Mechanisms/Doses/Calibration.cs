using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using Vitrine.Mechanisms.Causes;
using Vitrine.Policies;
using Vitrine.Transformers;
using Vitrine.Transformers.Engine;
using Vitrine.Transformers.Points;
using static TorchSharp.torch;

namespace Vitrine.Mechanisms.Doses;

/// <summary>How strongly every neuron of the deciding stack fires by itself, over observations, where actions are decided.</summary>
/// <param name="Layers">Blocks.</param>
/// <param name="Neurons">Neurons of a block.</param>
/// <param name="Samples">Positions that were seen.</param>
/// <param name="Mean">[layer x neurons + index].</param>
/// <param name="Sigma">Standard deviation over the samples.</param>
/// <param name="Levels">Quantile levels that were kept.</param>
/// <param name="Quantiles">[level][layer x neurons + index]; between neighbouring samples by straight lines (NumPy's default, method "linear").</param>
/// <param name="Fingerprint">Of the model.</param>
public sealed record Calibration(
    int Layers, int Neurons, int Samples, IReadOnlyList<float> Mean, IReadOnlyList<float> Sigma, IReadOnlyList<double> Levels,
    IReadOnlyList<IReadOnlyList<float>> Quantiles, string Fingerprint)
{
    private static readonly JsonSerializerOptions Strict = new()
    {
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        AllowDuplicateProperties = false,
        RespectNullableAnnotations = true,
        RespectRequiredConstructorParameters = true,
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
        TypeInfoResolver = MechanismsJsonContext.Default,
    };

    private static JsonTypeInfo<Calibration> Contract => (JsonTypeInfo<Calibration>)Strict.GetTypeInfo(typeof(Calibration));

    private static readonly double[] KeptLevels = [0, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 1];

    /// <summary>The stack whose neurons they are.</summary>
    public string Stack { get; init => field = value ?? "language"; } = "language"; // JSON without the key sets null

    /// <summary>Lets a policy act on observations and watches its neurons.</summary>
    /// <param name="policy">Whose neurons.</param>
    /// <param name="observations">At least two; many and varied.</param>
    /// <param name="progress">Told the share that is done.</param>
    /// <param name="cancellation">Stops between batches.</param>
    /// <param name="stackName">
    /// Of which of its decoders, by name: the one that decides when null. In another one, neurons are watched at the words of the instruction.
    /// </param>
    /// <exception cref="VitrineException">It has no such decoder; those that it has are named.</exception>
    public static Calibration Measure(
        Policy policy, IReadOnlyList<Observation> observations, IProgress<double>? progress = null, CancellationToken cancellation = default,
        string? stackName = null)
    {
        ArgumentNullException.ThrowIfNull(policy);
        ArgumentNullException.ThrowIfNull(observations);
        var shape = policy.DecidingStack(observations).Shape;
        if (stackName is not null && stackName != shape.Name)
        {
            return AtWords(policy, policy.DecoderOf(stackName).Shape, observations, progress, cancellation);
        }

        var samples = new List<Tensor>();                                                                  // each (n, L, F)
        using var scope = NewDisposeScope();
        foreach (var batch in observations.Chunk(32))
        {
            using var run = policy.Act(batch, RunPlan.Capturing($"{shape.Name}.*.mlp.neurons@*"), cancellation: cancellation);
            for (var step = 0; step < run.Layout.DecidingSteps; step++)
            {
                var layers = Enumerable.Range(0, shape.Layers).Select(l => run.Layout.At(run.Run, $"{shape.Name}.{l}.mlp.neurons", step)).ToArray();
                samples.Add(stack(layers, 2).flatten(0, 1).to(float32).cpu());                             // (B, n, L, F) -> (B n, L, F)
            }

            progress?.Report((double)samples.Count / run.Layout.DecidingSteps * 32 / observations.Count);
        }

        return Of(policy, shape, samples, policy.AllowsNonFinite);
    }

    /// <summary>Lets a text model read texts and watches its neurons, at every token but those that open or close a text by rule.</summary>
    /// <param name="model">Whose neurons.</param>
    /// <param name="texts">At least one, of two tokens or more; many and varied.</param>
    /// <param name="progress">Told the share that is done.</param>
    /// <param name="cancellation">Stops between texts.</param>
    /// <exception cref="VitrineException">The texts have too few tokens for a deviation.</exception>
    /// <exception cref="NonFiniteException">An activation is no finite number.</exception>
    public static Calibration Measure(
        TextModel model, IReadOnlyList<string> texts, IProgress<double>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(texts);
        var shape = model.Language.Shape;
        var samples = new List<Tensor>();                                                                  // each (n, L, F)
        using var scope = NewDisposeScope();
        foreach (var (i, text) in texts.Index())
        {
            cancellation.ThrowIfCancellationRequested();
            var batch = model.Encode(text);
            long[] own = [.. batch.Ids[0].Index().Where(t => !model.Tokenizer.IsSpecial(t.Item)).Select(t => (long)t.Index)];
            if (own.Length > 0)
            {
                using var run = model.Run(batch, RunPlan.Capturing($"{shape.Name}.*.mlp.neurons") with { StopAfter = shape.Layers - 1 });
                var at = tensor(own, device: run[$"{shape.Name}.0.mlp.neurons"].device);
                samples.Add(stack([.. Enumerable.Range(0, shape.Layers).Select(l => run[$"{shape.Name}.{l}.mlp.neurons"][0].index_select(0, at))], 1)
                    .to(float32).cpu());
            }

            progress?.Report((i + 1.0) / texts.Count);
        }

        return samples.Sum(s => s.shape[0]) >= 2
            ? Of(model, shape, samples, model.AllowsNonFinite)
            : throw new VitrineException($"calibration: the texts have {samples.Sum(s => s.shape[0])} tokens; expected at least two, better hundreds.");
    }

    private static Calibration AtWords(
        Policy policy, StackShape shape, IReadOnlyList<Observation> observations, IProgress<double>? progress, CancellationToken cancellation)
    {
        var samples = new List<Tensor>();                                                                  // each (n, L, F)
        using var scope = NewDisposeScope();
        foreach (var batch in observations.Chunk(32))
        {
            using var run = policy.Act(batch, RunPlan.Capturing($"{shape.Name}.*.mlp.neurons"), cancellation: cancellation);
            if (run.Layout.Stack != shape.Name)
            {
                throw new VitrineException($"calibration: no words stand in stack '{shape.Name}' of {policy.Name}; they stand in '{run.Layout.Stack}'.");
            }

            var all = stack([.. Enumerable.Range(0, shape.Layers).Select(l => run.Run[$"{shape.Name}.{l}.mlp.neurons"])], 2);   // (B, T, L, F)
            foreach (var (row, words) in run.Layout.Rows.Index())
            {
                samples.Add(all[row].index_select(0, tensor([.. words.Words.Select(w => w.Position)], device: all.device)).to(float32).cpu());
            }

            progress?.Report((double)samples.Count / observations.Count);
        }

        return Of(policy, shape, samples, policy.AllowsNonFinite);
    }

    /// <param name="samples">Each (n, L, F).</param>
    private static Calibration Of(Model model, StackShape shape, IReadOnlyList<Tensor> samples, bool allowsNonFinite)
    {
        var all = cat([.. samples], 0).flatten(1);                                                         // (n, L F)
        if (!allowsNonFinite && NonFinite.First(all) is { } found)
        {
            var neuron = new Neuron((int)found.Index[1] / shape.Neurons, (int)found.Index[1] % shape.Neurons);
            throw new NonFiniteException(
                $"calibration: neuron {neuron} of stack '{shape.Name}' is {found.Name} in sample {found.Index[0]}; it has no statistics.");
        }

        return new Calibration(
            shape.Layers, shape.Neurons, (int)all.shape[0],
            all.mean([0]).data<float>().ToArray(), all.std(0, unbiased: false).data<float>().ToArray(), KeptLevels,
            [.. KeptLevels.Select(q => all.quantile(tensor((float)q), 0).flatten().data<float>().ToArray())], model.Fingerprint)
        {
            Stack = shape.Name,
        };
    }

    /// <summary>Refuses a model that it was not measured on.</summary>
    /// <param name="model">Whose weights.</param>
    /// <param name="stack">Whose neurons.</param>
    /// <exception cref="VitrineException">It is another model's, or of another stack.</exception>
    public void RequireOf(Model model, StackShape stack)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(stack);
        if (Fingerprint != model.Fingerprint || (Stack, Layers, Neurons) != (stack.Name, stack.Layers, stack.Neurons))
        {
            throw new VitrineException(
                $"calibration: of stack '{Stack}' with {Layers} layers of {Neurons} neurons, model {Start(Fingerprint)}; {model.Name} is "
                    + $"{Start(model.Fingerprint)} "
                + $"with '{stack.Name}' of {stack.Layers} and {stack.Neurons}. Measure it again.");
        }

        static string Start(string fingerprint) => fingerprint[..Math.Min(12, fingerprint.Length)];
    }

    /// <summary>Natural mean of a neuron.</summary>
    public float MeanOf(Neuron neuron) => Mean[At(neuron)];

    /// <summary>Natural deviation of a neuron.</summary>
    public float SigmaOf(Neuron neuron) => Sigma[At(neuron)];

    /// <summary>Natural quantile of a neuron (NumPy's "linear" at the kept levels), between kept levels by straight lines.</summary>
    /// <param name="neuron">Which one.</param>
    /// <param name="level">0 to 1.</param>
    public float QuantileOf(Neuron neuron, double level)
    {
        if (level is not (>= 0 and <= 1))
        {
            throw new VitrineException($"dose: the quantile level {level} is not between 0 and 1.");
        }

        var upper = Enumerable.Range(0, Levels.Count).First(i => Levels[i] >= level);
        if (upper == 0)
        {
            return Quantiles[0][At(neuron)];
        }

        var share = (level - Levels[upper - 1]) / (Levels[upper] - Levels[upper - 1]);
        return (float)((Quantiles[upper - 1][At(neuron)] * (1 - share)) + (Quantiles[upper][At(neuron)] * share));
    }

    /// <summary>As JSON.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, Contract);

    /// <summary>Reads a file of what <see cref="ToJson"/> wrote.</summary>
    /// <exception cref="VitrineException">It cannot be read, or is no calibration.</exception>
    public static Calibration Open(string path)
    {
        try
        {
            return FromJson(File.ReadAllText(path), path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new VitrineException($"{path}: cannot be read ({e.Message}).", e);
        }
    }

    /// <summary>Reads what <see cref="ToJson"/> wrote.</summary>
    /// <exception cref="VitrineException">It is no calibration.</exception>
    public static Calibration FromJson(string json, string source)
    {
        try
        {
            var read = JsonSerializer.Deserialize(json, Contract);
            return read is not null && read.Mean.Count == read.Layers * read.Neurons && read.Sigma.Count == read.Mean.Count
                && read.Levels.Count > 0 && read.Quantiles.Count == read.Levels.Count && read.Quantiles.All(q => q.Count == read.Mean.Count)
                ? read
                : throw new VitrineException($"{source}: is no calibration, or an incomplete one.");
        }
        catch (JsonException e)
        {
            throw new VitrineException($"{source}: is no calibration ({e.Message}).", e);
        }
    }

    private int At(Neuron neuron) => neuron.Layer < Layers && neuron.Index < Neurons
        ? (neuron.Layer * Neurons) + neuron.Index
        : throw new VitrineException($"neuron {neuron}: the calibration has {Layers} layers of {Neurons} neurons, counted from 0.");
}
