using System.Globalization;

namespace Vitrine.Worlds.Perturbations;

/// <summary>An option of a world and the range that it is tried in.</summary>
/// <param name="Option">Name of the option.</param>
/// <param name="Low">Least value.</param>
/// <param name="High">Largest value.</param>
/// <param name="IsWhole">Whether only whole numbers are values; each is then as likely.</param>
public sealed record PerturbationFactor(string Option, double Low, double High, bool IsWhole = false)
{
    /// <summary>What the tabletop's options are tried in where nobody says otherwise.</summary>
    public static IReadOnlyList<PerturbationFactor> OfTabletop { get; } =
    [
        new("light", .5, 1.5), new("camera-x", -4, 4), new("camera-y", -4, 4), new("occlusion", 0, .15), new("noise", 0, .06),
        new("distractors", 0, 3, IsWhole: true),
    ];

    /// <summary>Reads <c>light=.5..1.5</c>; an option of whole numbers, such as <c>distractors</c>, takes whole values.</summary>
    /// <exception cref="VitrineException">It is no such text.</exception>
    public static PerturbationFactor Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        if (text.Split('=') is [var name, var range] && range.Split("..") is [var low, var high] && name.Length > 0
            && double.TryParse(low, NumberStyles.Float, CultureInfo.InvariantCulture, out var from)
            && double.TryParse(high, NumberStyles.Float, CultureInfo.InvariantCulture, out var to) && from < to)
        {
            var known = OfTabletop.FirstOrDefault(f => f.Option == name.Trim());
            return new(name.Trim(), from, to, known?.IsWhole ?? false);
        }

        throw new VitrineException($"factor '{text}': expected OPTION=LOW..HIGH, e.g. light=.5..1.5.");
    }

    /// <summary>The value at a place of the range.</summary>
    /// <param name="share">In [0, 1).</param>
    public double At(double share) => IsWhole ? Math.Floor(Low + (share * (High - Low + 1))) : Low + (share * (High - Low));

    /// <summary>The same as the world takes it.</summary>
    internal string Text(double share) => At(share).ToString(CultureInfo.InvariantCulture);
}
