namespace Vitrine.Policies.LeRobot;

/// <summary>Puts one feature into the network's units and back, in float32 and in LeRobot's order of operations.</summary>
/// <remarks>Source: lerobot, processor/normalize_processor.py. Values are not clipped; a zero denominator becomes eps.</remarks>
internal sealed class Normaliser
{
    private readonly NormalisationMode mode;
    private readonly float[] first;
    private readonly float[] second;
    private readonly float epsilon;

    private Normaliser(NormalisationMode mode, float[] first, float[] second, float epsilon)
        => (this.mode, this.first, this.second, this.epsilon) = (mode, first, second, epsilon);

    /// <summary>Of a feature.</summary>
    /// <param name="feature">Which one.</param>
    /// <param name="mode">How.</param>
    /// <param name="statistics">Of the data set.</param>
    /// <param name="epsilon">Of the file.</param>
    /// <exception cref="VitrineException">A statistic is missing, not finite, or of another width. LeRobot would pass the feature through as it is.</exception>
    public static Normaliser Of(PolicyFeature feature, NormalisationMode mode, FeatureStatistics statistics, double epsilon)
    {
        if (mode.Needs() is not var (one, other))
        {
            return new Normaliser(mode, [], [], 0);
        }

        return new Normaliser(mode, Needed(one), Needed(other), (float)epsilon);

        float[] Needed(string statistic)
        {
            var numbers = statistics.Find(feature.Name, statistic)
                ?? throw new VitrineException(
                    $"{statistics.Source}: has no '{feature.Name}.{statistic}', by which {mode.Named()} normalises it; without statistics the policy's numbers "
                        + "mean nothing.");
            return numbers.Length != feature.Width && !(feature.Kind == FeatureKind.Visual && numbers.Length == 1)
                ? throw new VitrineException(
                    $"{statistics.Source}: '{feature.Name}.{statistic}' has {numbers.Length} numbers; config.json says that the feature has {feature.Width}.")
                : Array.Exists(numbers, v => !float.IsFinite(v))
                    ? throw new VitrineException($"{statistics.Source}: '{feature.Name}.{statistic}' holds a number that was never set.")
                    : numbers;
        }
    }

    /// <summary>Whether it leaves everything as it is.</summary>
    public bool IsIdentity => mode == NormalisationMode.Identity;

    /// <summary>One coordinate (or one channel of a picture) in the network's units.</summary>
    public float Normalise(int at, float value) => mode switch
    {
        NormalisationMode.Identity => value,
        NormalisationMode.MeanStd => (value - At(first, at)) / (At(second, at) + epsilon),
        _ => (2 * (value - At(first, at)) / Range(at)) - 1,
    };

    /// <summary>One coordinate back in the data set's units.</summary>
    public float Unnormalise(int at, float value) => mode switch
    {
        NormalisationMode.Identity => value,
        NormalisationMode.MeanStd => (value * At(second, at)) + At(first, at),
        NormalisationMode.MinMax => ((value + 1) / 2 * Range(at)) + At(first, at),
        _ => ((value + 1) * Range(at) / 2) + At(first, at),
    };

    private float Range(int at) => At(second, at) - At(first, at) is var range && range == 0 ? epsilon : range;

    private static float At(float[] numbers, int at) => numbers[numbers.Length == 1 ? 0 : at];
}
