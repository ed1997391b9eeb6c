namespace Vitrine.Mechanisms.Pictures;

/// <summary>One number for each patch of a picture, row by row.</summary>
/// <param name="Rows">Rows of patches.</param>
/// <param name="Columns">Patches in a row.</param>
/// <param name="Values">Rows x Columns numbers.</param>
public sealed record PatchMap(int Rows, int Columns, IReadOnlyList<float> Values)
{
    /// <summary>The patch with the largest number.</summary>
    public int Peak => Values.Index().MaxBy(v => v.Item).Index;

    /// <summary>Patches in descending order of their numbers, the first of equals first.</summary>
    public IEnumerable<int> Descending() => Values.Index().OrderByDescending(v => v.Item).Select(v => v.Index);
}
