namespace Vitrine.Policies.LeRobot;

/// <summary>How LeRobot puts a feature into the network's units.</summary>
internal enum NormalisationMode
{
    /// <summary>As it is.</summary>
    Identity,

    /// <summary>(x - mean) / (std + eps), and back x std + mean, without the eps.</summary>
    MeanStd,

    /// <summary>2 (x - min) / (max - min) - 1.</summary>
    MinMax,

    /// <summary>The same between the quantiles of 1 % and 99 %.</summary>
    Quantiles,

    /// <summary>The same between those of 10 % and 90 %.</summary>
    Quantile10,
}

/// <summary>As files spell them, and the statistics that they ask for.</summary>
internal static class NormalisationModes
{
    private static readonly Dictionary<string, NormalisationMode> Names = new(StringComparer.Ordinal)
    {
        ["IDENTITY"] = NormalisationMode.Identity,
        ["MEAN_STD"] = NormalisationMode.MeanStd,
        ["MIN_MAX"] = NormalisationMode.MinMax,
        ["QUANTILES"] = NormalisationMode.Quantiles,
        ["QUANTILE10"] = NormalisationMode.Quantile10,
    };

    /// <exception cref="VitrineException">There is no such mode.</exception>
    public static NormalisationMode Parse(string name, string source) => Names.TryGetValue(name, out var mode)
        ? mode
        : throw new VitrineException($"{source}: '{name}' is no normalisation of this version; known are {string.Join(", ", Names.Keys)}.");

    /// <summary>As files spell it.</summary>
    public static string Named(this NormalisationMode mode) => Names.First(n => n.Value == mode).Key;

    /// <summary>The two statistics that it is computed from; none for <see cref="NormalisationMode.Identity"/>.</summary>
    public static (string First, string Second)? Needs(this NormalisationMode mode) => mode switch
    {
        NormalisationMode.MeanStd => ("mean", "std"),
        NormalisationMode.MinMax => ("min", "max"),
        NormalisationMode.Quantiles => ("q01", "q99"),
        NormalisationMode.Quantile10 => ("q10", "q90"),
        _ => null,
    };
}
