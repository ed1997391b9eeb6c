namespace Vitrine.Mechanisms.Statistics;

/// <summary>A share of successes with its 95 % interval.</summary>
/// <param name="Successes">How many succeeded.</param>
/// <param name="Count">Of how many.</param>
/// <remarks>
/// Wilson 1927: (p + z²/2n ± z sqrt(p(1-p)/n + z²/4n²)) / (1 + z²/n). Unlike p ± z sd it keeps inside [0, 1] and holds for 0 and n successes.
/// </remarks>
public sealed record Proportion(int Successes, int Count)
{
    private const double Z = 1.959963984540054;  // the .975 quantile of the standard normal

    /// <summary>Successes / Count; null for an empty sample.</summary>
    public double? Rate => Count == 0 ? null : Share;

    /// <summary>Lower end of Wilson's interval; 0 for an empty sample.</summary>
    public double Low => Count == 0 ? 0 : Math.Max(0, Centre - HalfWidth);

    /// <summary>Upper end of Wilson's interval; 1 for an empty sample.</summary>
    public double High => Count == 0 ? 1 : Math.Min(1, Centre + HalfWidth);

    private double Share => (double)Successes / Count;

    private double Shrink => 1 + (Z * Z / Count);

    private double Centre => (Share + (Z * Z / (2 * Count))) / Shrink;

    private double HalfWidth => Z * Math.Sqrt((Share * (1 - Share) / Count) + (Z * Z / (4.0 * Count * Count))) / Shrink;
}
