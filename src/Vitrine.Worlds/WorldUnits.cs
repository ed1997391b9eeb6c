namespace Vitrine.Worlds;

/// <summary>What a world's numbers are in.</summary>
/// <param name="Length">In the plural, as <c>table widths</c>.</param>
/// <param name="Step">What passes between two actions, in the singular; a world without a clock has no seconds.</param>
public sealed record WorldUnits(string Length, string Step)
{
    /// <summary>Of a world that names none.</summary>
    public static WorldUnits Unnamed { get; } = new("world units", "control step");
}
