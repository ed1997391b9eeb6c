using System.Globalization;
using System.Text.RegularExpressions;
using Vitrine.Views;

namespace Vitrine.Tests.Views;

/// <summary>WCAG 2.2, 1.4.3 and 1.4.11, computed from the style sheet's own colours.</summary>
public sealed class ContrastTests
{
    private static readonly Dictionary<string, string>[] Themes = [.. Regex.Matches(Report.StyleSheet, @":root \{(.*?)\}", RegexOptions.Singleline).Take(2)
        .Select(block =>
        Regex.Matches(block.Groups[1].Value, @"--([\w-]+): ([^;]+);").ToDictionary(match => match.Groups[1].Value, match => match.Groups[2].Value))];

    [Theory, MemberData(nameof(Pairs))]
    public void Text_can_be_read(int theme, string ink, string ground)
        => Contrast(Colour(theme, ink), Colour(theme, ground)).ShouldBeGreaterThanOrEqualTo(4.5);

    [Theory, InlineData(0), InlineData(1)]
    public void Text_can_be_read_on_the_deepest_tint(int theme)
    {
        var heat = Themes[theme]["heat"].Split(',').Select(part => double.Parse(part, CultureInfo.InvariantCulture)).ToArray();
        var most = .04 + double.Parse(Themes[theme]["heat-top"], CultureInfo.InvariantCulture);
        var tinted = Colour(theme, "card").Zip(heat, (card, tint) => card + ((tint - card) * most)).ToArray();
        Contrast(Colour(theme, "ink"), tinted).ShouldBeGreaterThanOrEqualTo(4.5);
    }

    [Theory, InlineData(0), InlineData(1)]
    public void Marks_can_be_seen(int theme)
        => new[] { "accent", "accent-2", "ctl", "bad" }.ShouldAllBe(mark => Contrast(Colour(theme, mark), Colour(theme, "card")) >= 3);

    /// <remarks>The sequence of patches is shown enlarged and counts in its own units; tests/pages/check.mjs measures what drawings come to.</remarks>
    [Fact]
    public void No_text_on_a_screen_is_smaller_than_13_px()
    {
        var screen = Regex.Replace(Report.StyleSheet + Report.Resource("picture.css"), @"@media print \{.*?\n\}", "", RegexOptions.Singleline);
        var sizes = Regex.Matches(screen, @"([^{}]+)\{[^{}]*?font(?:-size)?:[^;}]*?([0-9.]+)px")
            .Where(rule => rule.Groups[1].Value.Trim() != ".sequence text").Select(rule => rule.Groups[2].Value).ToList();
        sizes.Count.ShouldBeGreaterThan(20);
        sizes.ShouldAllBe(size => double.Parse(size, CultureInfo.InvariantCulture) >= 13);
    }

    private static double[] Colour(int theme, string name)
    {
        var digits = Themes[theme][name].TrimStart('#');
        digits = digits.Length == 3 ? string.Concat(digits.Select(digit => $"{digit}{digit}")) : digits;
        return [.. Enumerable.Range(0, 3).Select(part => (double)int.Parse(digits.AsSpan(part * 2, 2), NumberStyles.HexNumber, CultureInfo.InvariantCulture))];
    }

    private static double Contrast(double[] one, double[] other)
    {
        static double Luminance(double[] colour)
        {
            var linear = colour.Select(part => part / 255).Select(part => part <= .04045 ? part / 12.92 : Math.Pow((part + .055) / 1.055, 2.4)).ToArray();
            return (.2126 * linear[0]) + (.7152 * linear[1]) + (.0722 * linear[2]);
        }

        var (first, second) = (Luminance(one), Luminance(other));
        return (Math.Max(first, second) + .05) / (Math.Min(first, second) + .05);
    }

    public static IEnumerable<TheoryDataRow<int, string, string>> Pairs() =>
        from theme in new[] { 0, 1 }
        from ink in new[] { "ink", "soft", "faint", "accent", "accent-2", "good", "bad" }
        from ground in new[] { "paper", "card" }
        select new TheoryDataRow<int, string, string>(theme, ink, ground);
}
