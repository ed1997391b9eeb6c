namespace Vitrine.Mechanisms.InputAttribution;

/// <summary>How a model's inputs are attributed to.</summary>
public sealed record InputAttributionOptions
{
    /// <summary>Names of methods (<see cref="InputAttributionReader.Methods"/>).</summary>
    public IReadOnlyList<string> Methods { get; init; } = ["integrated-gradients", "ablation"];

    /// <summary>What stands where an input was taken away, and where paths begin.</summary>
    public Pictures.AblationFill Fill { get; init; } = Pictures.AblationFill.Mean;

    /// <summary>Points of a path.</summary>
    public int Steps { get; init; } = 32;

    /// <summary>Noisy copies, draws and orders of methods that draw; surrogates take 32 times as many sets.</summary>
    public int Samples { get; init; } = 16;

    /// <summary>Standard deviation of noise, as a share of the range of the inputs.</summary>
    public double Noise { get; init; } = .1;

    /// <summary>Random orders beside each deletion curve.</summary>
    public int RandomOrders { get; init; } = 20;

    /// <summary>Random sets that infidelity is measured on.</summary>
    public int RandomSets { get; init; } = 64;

    /// <summary>Of all that is drawn.</summary>
    public int Seed { get; init; }

    /// <summary>Rows that run together.</summary>
    public int RowsPerPass { get; init; } = 32;

    /// <summary>
    /// A file in which the metric of every set of inputs that was taken away is kept, and read from: what was stopped goes on from there, and so do more
    /// samples or another method. None when null.
    /// </summary>
    public string? Resume { get; init; }
}

/// <summary>What one method says of the inputs, and how well it foretells what taking them away does.</summary>
/// <param name="Method">Its name.</param>
/// <param name="Scores">One an input.</param>
/// <param name="Left">Sum of the scores - (metric - metric at the baseline), for methods that promise 0; null for others.</param>
/// <param name="Deletion">Inputs taken away, the highest score first, beside random orders.</param>
/// <param name="Insertion">Inputs coming in, the highest score first, beside random orders.</param>
/// <param name="Infidelity">
/// Share of what taking random sets away does that the sets' summed scores, times the factor that fits best, do not foretell: mean squares over mean squares,
/// 0 to 1 (Yeh et al. 2019, with their optimal scaling).
/// </param>
public sealed record InputScores(
    string Method, IReadOnlyList<double> Scores, double? Left, RemovalCurve Deletion, RemovalCurve Insertion, double Infidelity);

/// <summary>What each method says of a model's inputs.</summary>
/// <param name="Model">Its name.</param>
/// <param name="Metric">What was asked, with its unit.</param>
/// <param name="Value">The metric.</param>
/// <param name="Baseline">The metric where every input is taken away.</param>
/// <param name="Fill">What then stands there.</param>
/// <param name="Inputs">Words, patches, state.</param>
/// <param name="Methods">In the order in which they were asked.</param>
public sealed record InputAttributions(
    string Model, string Metric, double Value, double Baseline, Pictures.AblationFill Fill, IReadOnlyList<Metrics.InputToken> Inputs,
    IReadOnlyList<InputScores> Methods);
