namespace Vitrine.Worlds.Statistics;

/// <summary>A mean with its 95 % interval.</summary>
/// <param name="Mean">Of the sample itself, not of its resamples.</param>
/// <param name="Low">Lower end.</param>
/// <param name="High">Upper end.</param>
public sealed record Estimate(double Mean, double Low, double High);
