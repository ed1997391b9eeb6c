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

    /// <summary>Reads <c>4</c>, <c>+4sd</c> or <c>q0.99</c>.</summary>
    /// <exception cref="VitrineException">The text is none of the three.</exception>
    public static Dose Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return text switch
        {
            _ when text.EndsWith("sd", StringComparison.Ordinal) && Number(text[..^2]) is { } sigmas => Sigmas(sigmas),
            _ when text.StartsWith('q') && Number(text[1..]) is { } level => Quantile(level),
            _ when Number(text) is { } value => Absolute(value),
            _ => throw new VitrineException($"dose '{text}': expected a number, deviations from the natural mean as +4sd, or a natural quantile as q0.99."),
        };

        static double? Number(string t) => double.TryParse(t, NumberStyles.Float, CultureInfo.InvariantCulture, out var n) && double.IsFinite(n) ? n : null;
    }

    /// <summary>The value of one neuron.</summary>
    /// <param name="neuron">Which one.</param>
    /// <param name="calibration">Needed by all but absolute doses.</param>
    public abstract float Of(Neuron neuron, Calibration? calibration);

    /// <summary>A clamp of a set at this dose.</summary>
    public Clamp Clamp(NeuronSet neurons, Calibration? calibration)
    {
        ArgumentNullException.ThrowIfNull(neurons);
        return new Clamp(neurons, [.. neurons.Neurons.Select(n => Of(n, calibration))]);
    }

    private static Calibration Needed(Calibration? calibration) => calibration ?? throw new VitrineException("dose: deviations and quantiles need a calibration; run 'vitrine calibrate' first.");

    private sealed record AbsoluteDose(double Value) : Dose
    {
        public override float Of(Neuron neuron, Calibration? calibration) => (float)Value;

        public override string ToString() => Value.ToString(CultureInfo.InvariantCulture);
    }

    private sealed record SigmaDose(double Count) : Dose
    {
        public override float Of(Neuron neuron, Calibration? calibration) => (float)(Needed(calibration).MeanOf(neuron) + (Count * Needed(calibration).SigmaOf(neuron)));

        public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"mean {Count:+0.##;-0.##} sd");
    }

    private sealed record QuantileDose(double Level) : Dose
    {
        public override float Of(Neuron neuron, Calibration? calibration) => Needed(calibration).QuantileOf(neuron, Level);

        public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"quantile {Level}");
    }
}
