namespace Vitrine.Views;

/// <summary>An estimate and the interval around it, in the units of what was measured.</summary>
/// <param name="Mean">The estimate.</param>
/// <param name="Low">Lower end of the interval.</param>
/// <param name="High">Upper end of the interval.</param>
public sealed record Interval(double Mean, double Low, double High)
{
    /// <summary>Whether all three numbers can be drawn; an estimate that is not is shown as not measured.</summary>
    public bool IsFinite => double.IsFinite(Mean) && double.IsFinite(Low) && double.IsFinite(High);
}
