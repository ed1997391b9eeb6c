using System.Globalization;

namespace Vitrine.Studio.Parts;

/// <summary>How numbers become tints: by the page's own custom properties, so that light and dark have their own colours.</summary>
internal static class Strip
{
    /// <summary>The size of the largest of some numbers; 0 of none.</summary>
    public static double Most(IReadOnlyList<float> values) => values.Select(v => Math.Abs((double)v)).DefaultIfEmpty(0).Max();

    /// <summary>A number by its share of the largest.</summary>
    public static string Cell(double value, double most) => Share(Math.Abs(value) / Math.Max(most, 1e-12));

    /// <summary>A share of 1.</summary>
    public static string Share(double share) => string.Create(CultureInfo.InvariantCulture, $"--v:{Math.Clamp(share, 0, 1):0.###}");

    /// <summary>A veil that lifts as much as a share says.</summary>
    public static string Veil(double weight, double most)
        => string.Create(CultureInfo.InvariantCulture, $"opacity:{.62 * (1 - (most > 0 ? weight / most : 0)):0.###}");

    /// <summary>Fewer numbers that show the same: of each run of neighbours the one that is largest.</summary>
    public static IReadOnlyList<float> Thin(IReadOnlyList<float> values, int count)
    {
        if (values.Count <= count)
        {
            return values;
        }

        return [.. Enumerable.Range(0, count).Select(i =>
        {
            var (from, to) = ((int)((long)i * values.Count / count), (int)((long)(i + 1) * values.Count / count));
            return values.Skip(from).Take(to - from).MaxBy(Math.Abs);
        })];
    }
}
