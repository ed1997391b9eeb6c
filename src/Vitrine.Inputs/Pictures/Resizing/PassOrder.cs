namespace Vitrine.Inputs.Pictures;

/// <summary>Which pass of a two-pass resize runs first; the rounding between the passes makes the results differ.</summary>
public enum PassOrder
{
    /// <summary>Horizontal first, as Pillow up to 12 does. Pinned policy environments run it.</summary>
    Pillow12,

    /// <summary>Vertical first where the height shrinks by more than twice what the width does, as Pillow 13 does.</summary>
    Pillow13,
}
