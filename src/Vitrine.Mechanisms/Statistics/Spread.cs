using System.Text.Json.Serialization;

namespace Vitrine.Mechanisms.Statistics;

/// <summary>A number over random draws.</summary>
/// <param name="Mean">Over the draws.</param>
/// <param name="Smallest">Of any draw.</param>
/// <param name="Largest">Of any draw.</param>
public sealed record Spread(double Mean, double Smallest, double Largest)
{
    /// <summary>Whether it was measured: all three are numbers.</summary>
    [JsonIgnore]
    public bool IsFinite => double.IsFinite(Mean) && double.IsFinite(Smallest) && double.IsFinite(Largest);

    /// <summary>The spread of draws.</summary>
    /// <param name="draws">At least one.</param>
    /// <exception cref="VitrineException">There is none, or one is no finite number.</exception>
    public static Spread Of(IEnumerable<double> draws)
    {
        double[] all = [.. draws];
        if (all.Length == 0)
        {
            throw new VitrineException("spread: of no draws; expected at least one.");
        }

        FiniteNumbers.Require(all, "spread: draw");
        return new(all.Average(), all.Min(), all.Max());
    }
}
