using System.Globalization;
using Vitrine.Mechanisms.Statistics;

namespace Vitrine.Views.Drawing;

/// <summary>How numbers are printed: invariant culture, a typographic minus, and a sign wherever a change is meant, at the ends of its interval too.</summary>
internal static class Figures
{
    /// <summary>Decimals of what a robot's measures and actions change by.</summary>
    public const int Fine = 4;

    /// <summary>What stands where nothing was measured.</summary>
    public const string Missing = "–";

    /// <summary>A change: <c>+0.038</c>, <c>−0.029</c>, and <c>0.000</c> for what rounds to nothing.</summary>
    public static string Change(double value, int decimals = 3)
    {
        var digits = Plain(Math.Abs(value), decimals);
        return !double.IsFinite(value) || digits.All(c => c is '0' or '.') ? digits : (value > 0 ? "+" : "−") + digits;
    }

    /// <summary>A number without a plus sign: <c>0.038</c>, <c>12.5</c>.</summary>
    public static string Plain(double value, int decimals = 3)
    {
        if (!double.IsFinite(value))
        {
            return Missing;
        }

        var digits = Math.Abs(value).ToString("F" + decimals.ToString(CultureInfo.InvariantCulture), CultureInfo.InvariantCulture);
        return value < 0 && digits.Any(c => c is not ('0' or '.')) ? "−" + digits : digits;
    }

    /// <summary>A share: <c>95 %</c>.</summary>
    public static string Percent(double? share, int decimals = 0)
    {
        var digits = Plain((share ?? double.NaN) * 100, decimals);
        return digits == Missing ? Missing : digits + "\u00A0%";
    }

    /// <summary>A change of a share and its interval, in percentage points: <c>−6 points [−17, 0]</c>.</summary>
    public static string Points(Estimate? estimate) => estimate is { IsFinite: true }
        ? $"{Change(estimate.Mean * 100, 0)} points [{Change(estimate.Low * 100, 0)}, {Change(estimate.High * 100, 0)}]" : Missing;

    /// <summary>A count with thousands set apart: <c>2,304</c>.</summary>
    public static string Count(long count) => count.ToString("N0", CultureInfo.InvariantCulture);

    /// <summary>A large count in words: <c>2.6 million</c>.</summary>
    public static string Large(long count) => count switch
    {
        >= 1_000_000_000 => (count / 1e9).ToString("0.#", CultureInfo.InvariantCulture) + " billion",
        >= 1_000_000 => (count / 1e6).ToString("0.#", CultureInfo.InvariantCulture) + " million",
        _ => Count(count),
    };

    /// <summary>A small error: <c>3.1e−6</c>.</summary>
    public static string Scientific(double value)
        => !double.IsFinite(value) ? Missing : value == 0 ? "0" : value.ToString("0.#e-0", CultureInfo.InvariantCulture).Replace('-', '−');

    /// <summary>A p value: <c>0.041</c>, or <c>&lt; 0.001</c>.</summary>
    public static string Probability(double value) => value is >= 0 and < .001 ? "< 0.001" : Plain(value, 3);

    /// <summary>The brackets around an interval: <c>[93, 97]</c>.</summary>
    public static string Brackets(double low, double high, int decimals = 3) => $"[{Plain(low, decimals)}, {Plain(high, decimals)}]";

    /// <summary>A change and its interval: <c>+0.0340 [+0.0310, +0.0370]</c>.</summary>
    public static string Change(Estimate? estimate, int decimals = Fine) => estimate is { IsFinite: true }
        ? $"{Change(estimate.Mean, decimals)} [{Change(estimate.Low, decimals)}, {Change(estimate.High, decimals)}]" : Missing;

    /// <summary>What random draws reach: <c>−0.0003 to +0.0003</c>.</summary>
    public static string Range(Spread draws, int decimals = Fine) => $"{Change(draws.Smallest, decimals)} to {Change(draws.Largest, decimals)}";

    /// <summary>A share and its interval, in per cent: <c>95 % [93, 97]</c>.</summary>
    public static string Share(Estimate? estimate)
        => estimate is { IsFinite: true } ? $"{Percent(estimate.Mean)} {Brackets(estimate.Low * 100, estimate.High * 100, 0)}" : Missing;
}
