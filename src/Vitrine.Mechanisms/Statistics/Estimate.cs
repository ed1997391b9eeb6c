using System.Text.Json.Serialization;

namespace Vitrine.Mechanisms.Statistics;

/// <summary>A mean with its 95 % interval.</summary>
/// <param name="Mean">Of the sample itself, not of its resamples.</param>
/// <param name="Low">Lower end.</param>
/// <param name="High">Upper end.</param>
public sealed record Estimate(double Mean, double Low, double High)
{
    /// <summary>Whether it was measured: all three are numbers.</summary>
    [JsonIgnore]
    public bool IsFinite => double.IsFinite(Mean) && double.IsFinite(Low) && double.IsFinite(High);

    /// <summary>Whether the interval leaves zero out.</summary>
    [JsonIgnore]
    public bool ExcludesZero => Low > 0 || High < 0;
}
