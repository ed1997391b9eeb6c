using System.Globalization;
using System.Text.RegularExpressions;
using Vitrine.Studio.Hosting;
using Vitrine.Views;

namespace Vitrine.Studio.Tests;

/// <summary>What axe-core cannot judge: numbers on tints of every depth, and marks of drawings. WCAG 2.2, 1.4.3 and 1.4.11.</summary>
public sealed class TintTests
{
    private static readonly Dictionary<string, string>[] Themes = [.. Regex.Matches(Report.StyleSheet, @":root \{(.*?)\}", RegexOptions.Singleline).Take(2)
        .Select(block => Regex.Matches(block.Groups[1].Value, @"--([\w-]+): ([^;]+);").ToDictionary(m => m.Groups[1].Value, m => m.Groups[2].Value))];

    [Theory, InlineData(0), InlineData(1)]
    public void Weights_can_be_read_on_the_deepest_tint(int theme)
    {
        StudioAssets.Resource("studio.css").ShouldContain("calc(var(--v, 0) * var(--heat-top))");
        Contrast(Colour(theme, "ink"), Tinted(theme, double.Parse(Themes[theme]["heat-top"], CultureInfo.InvariantCulture))).ShouldBeGreaterThanOrEqualTo(4.5);
    }

    [Theory, InlineData(0), InlineData(1)]
    public void Names_of_patches_can_be_read_on_their_chips(int theme)
    {
        var depth = Regex.Match(StudioAssets.Resource("studio.css"), @"\.chip\.patch \{ background: rgba\(var\(--heat\), ([.0-9]+)\)").Groups[1].Value;
        Contrast(Colour(theme, "ink"), Tinted(theme, double.Parse(depth, CultureInfo.InvariantCulture))).ShouldBeGreaterThanOrEqualTo(4.5);
    }

    [Theory, InlineData(0), InlineData(1)]
    public void What_stands_on_the_accent_can_be_read(int theme) => Contrast(Colour(theme, "card"), Colour(theme, "accent")).ShouldBeGreaterThanOrEqualTo(4.5);

    [Theory, InlineData(0), InlineData(1)]
    public void Strips_of_neurons_can_be_seen(int theme)
        => new[] { "accent", "accent-2", "ctl" }.ShouldAllBe(mark => Contrast(Colour(theme, mark), Colour(theme, "grid")) >= 3);

    [Fact]
    public void No_text_is_smaller_than_13_px()
        => Regex.Matches(StudioAssets.Resource("studio.css"), @"font(?:-size)?:[^;}]*?([0-9.]+)px")
            .Select(m => double.Parse(m.Groups[1].Value, CultureInfo.InvariantCulture)).ShouldAllBe(size => size >= 13);

    private static double[] Tinted(int theme, double depth)
    {
        var heat = Themes[theme]["heat"].Split(',').Select(part => double.Parse(part, CultureInfo.InvariantCulture));
        return [.. Colour(theme, "card").Zip(heat, (card, tint) => card + ((tint - card) * depth))];
    }

    private static double[] Colour(int theme, string name)
    {
        var digits = Themes[theme][name].TrimStart('#');
        digits = digits.Length == 3 ? string.Concat(digits.Select(digit => $"{digit}{digit}")) : digits;
        return [.. Enumerable.Range(0, 3).Select(part => (double)int.Parse(digits.AsSpan(part * 2, 2), NumberStyles.HexNumber, CultureInfo.InvariantCulture))];
    }

    private static double Contrast(double[] one, double[] other)
    {
        var (first, second) = (Luminance(one), Luminance(other));
        return (Math.Max(first, second) + .05) / (Math.Min(first, second) + .05);

        static double Luminance(double[] colour)
        {
            var linear = colour.Select(part => part / 255).Select(part => part <= .04045 ? part / 12.92 : Math.Pow((part + .055) / 1.055, 2.4)).ToArray();
            return (.2126 * linear[0]) + (.7152 * linear[1]) + (.0722 * linear[2]);
        }
    }
}
