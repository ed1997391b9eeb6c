namespace Vitrine.Mechanisms.Statistics;

/// <summary>Which departure from the hypothesis counts.</summary>
public enum Alternative
{
    /// <summary>Either way.</summary>
    TwoSided,

    /// <summary>The first sample, or the value, is smaller.</summary>
    Less,

    /// <summary>The first sample, or the value, is larger.</summary>
    Greater,
}

/// <summary>What a test says.</summary>
/// <param name="Statistic">In the test's own units.</param>
/// <param name="P">How likely a statistic at least as far out is if the hypothesis holds.</param>
public sealed record TestOutcome(double Statistic, double P)
{
    /// <summary>p of a statistic from the two tails at it.</summary>
    /// <param name="below">P(X &lt;= x).</param>
    /// <param name="above">P(X >= x).</param>
    /// <param name="alternative">Two-sided is twice the smaller tail, at most 1.</param>
    internal static double Tail(double below, double above, Alternative alternative) => alternative switch
    {
        Alternative.Less => below,
        Alternative.Greater => above,
        _ => Math.Min(1, 2 * Math.Min(below, above)),
    };
}
