using System.Globalization;
using Vitrine.Transformers;
using Vitrine.Transformers.Edits;

namespace Vitrine.Mechanisms.Doses;

/// <summary>How strongly neurons are set: in their own units, or in those of their natural activity.</summary>
public abstract record Dose
{
    /// <summary>The same number for every neuron, as the published rule does.</summary>
    public static Dose Absolute(double value) => new AbsoluteDose(value);

    /// <summary>Each neuron's natural mean plus so many of its deviations.</summary>
    public static Dose Sigmas(double sigmas) => new SigmaDose(sigmas);

    /// <summary>Each neuron's natural quantile, 0 to 1.</summary>
    public static Dose Quantile(double level) => new QuantileDose(level);

    /// <summary>A multiple of each neuron's natural maximum: of the largest activation that the calibration saw.</summary>
    public static Dose OfMaximum(double factor) => new MaximumDose(factor);

    /// <summary>Reads <c>4</c>, <c>+4sd</c>, <c>q0.99</c> or <c>2max</c>.</summary>
    /// <exception cref="VitrineException">The text is none of the four.</exception>
    public static Dose Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return text switch
        {
            _ when text.EndsWith("sd", StringComparison.Ordinal) && Number(text[..^2]) is { } sigmas => Sigmas(sigmas),
            _ when text.EndsWith("max", StringComparison.Ordinal) && Number(text[..^3]) is { } factor => OfMaximum(factor),
            _ when text.StartsWith('q') && Number(text[1..]) is { } level => Quantile(level),
            _ when Number(text) is { } value => Absolute(value),
            _
                => throw new VitrineException($"dose '{text}': expected a number, deviations from the natural mean as +4sd, a natural quantile as q0.99, or "
                    + "a multiple of the natural maximum as 2max."),
        };

        static double? Number(string t) => double.TryParse(t, NumberStyles.Float, CultureInfo.InvariantCulture, out var n) && double.IsFinite(n) ? n : null;
    }

    /// <summary>The value of one neuron.</summary>
    /// <param name="neuron">Which one.</param>
    /// <param name="calibration">Needed by all but absolute doses.</param>
    public abstract float Of(Neuron neuron, Calibration? calibration);

    /// <summary>What is added to one neuron where the dose is added instead of clamped: deviations without the mean, everything else as it is.</summary>
    /// <param name="neuron">Which one.</param>
    /// <param name="calibration">Needed by all but absolute doses.</param>
    public virtual float Added(Neuron neuron, Calibration? calibration) => Of(neuron, calibration);

    /// <summary>The dose on the other side: deviations below the mean for those above it, a quantile from the other end, other numbers negated.</summary>
    public abstract Dose Mirrored { get; }

    /// <summary>Whether it is told by what neurons do by themselves.</summary>
    public virtual bool NeedsCalibration => true;

    /// <summary>A clamp of a set at this dose.</summary>
    public Clamp Clamp(NeuronSet neurons, Calibration? calibration)
    {
        ArgumentNullException.ThrowIfNull(neurons);
        return new Clamp(neurons, [.. neurons.Neurons.Select(n => Of(n, calibration))]);
    }

    /// <summary>An addition to a set at this dose: the neurons keep what they say by themselves.</summary>
    /// <returns>One edit a layer, which touches the set's neurons and no other.</returns>
    /// <param name="neurons">Which ones.</param>
    /// <param name="calibration">Needed by all but absolute doses.</param>
    /// <param name="neuronsPerLayer">F of the stack.</param>
    /// <exception cref="VitrineException">A neuron lies beyond the layer.</exception>
    public IReadOnlyList<Add> Add(NeuronSet neurons, Calibration? calibration, int neuronsPerLayer)
    {
        ArgumentNullException.ThrowIfNull(neurons);
        if (neurons.Neurons.FirstOrDefault(n => n.Index >= neuronsPerLayer) is { Index: > 0 } outside)
        {
            throw new VitrineException($"neuron {outside}: a layer has {neuronsPerLayer} neurons, counted from 0.");
        }

        return [.. neurons.Layers.Select(layer => new Add($"{neurons.Stack}.{layer}.mlp.neurons",
            Vector(layer)) { Scope = new EditScope { Neurons = [.. neurons.In(layer).Select(i => (int)i)] } })];

        EditValue Vector(int layer)
        {
            var values = new float[neuronsPerLayer];
            foreach (var neuron in neurons.Neurons.Where(n => n.Layer == layer))
            {
                values[neuron.Index] = Added(neuron, calibration);
            }

            return EditValue.Of(values);
        }
    }

    private static Calibration RequireCalibration(Calibration? calibration)
        => calibration ?? throw new VitrineException("dose: deviations, quantiles and maxima need a calibration; run 'vitrine calibrate' first.");

    private sealed record AbsoluteDose(double Value) : Dose
    {
        public override Dose Mirrored => Absolute(-Value);

        public override bool NeedsCalibration => false;

        public override float Of(Neuron neuron, Calibration? calibration) => (float)Value;

        public override string ToString() => Value.ToString(CultureInfo.InvariantCulture);
    }

    private sealed record SigmaDose(double Count) : Dose
    {
        public override Dose Mirrored => Sigmas(-Count);

        public override float Of(Neuron neuron, Calibration? calibration)
            => (float)(RequireCalibration(calibration).MeanOf(neuron) + (Count * RequireCalibration(calibration).SigmaOf(neuron)));

        public override float Added(Neuron neuron, Calibration? calibration) => (float)(Count * RequireCalibration(calibration).SigmaOf(neuron));

        public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"mean {Count:+0.##;-0.##} sd");
    }

    private sealed record QuantileDose(double Level) : Dose
    {
        public override Dose Mirrored => Quantile(1 - Level);

        public override float Of(Neuron neuron, Calibration? calibration) => RequireCalibration(calibration).QuantileOf(neuron, Level);

        public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"quantile {Level}");
    }

    private sealed record MaximumDose(double Factor) : Dose
    {
        public override Dose Mirrored => OfMaximum(-Factor);

        public override float Of(Neuron neuron, Calibration? calibration) => (float)(Factor * RequireCalibration(calibration).QuantileOf(neuron, 1));

        public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Factor:0.##} x natural maximum");
    }
}
