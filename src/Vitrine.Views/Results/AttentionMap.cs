using Vitrine.Inputs.Pictures;
using Vitrine.Mechanisms.Pictures;

namespace Vitrine.Views;

/// <summary>Where one head looks in the picture, from one position.</summary>
public sealed record AttentionMap
{
    /// <summary>The head, and what it attends to.</summary>
    public required HeadLook Look { get; init; }

    /// <summary>The picture that is looked at.</summary>
    public required Picture Picture { get; init; }

    /// <summary>Where the instruction's object really is; may be null.</summary>
    public PictureRegion? Target { get; init; }
}

/// <summary>A rectangle of a picture, in fractions of its width and height, from the upper left.</summary>
/// <param name="Left">Left edge, 0 to 1.</param>
/// <param name="Top">Upper edge, 0 to 1.</param>
/// <param name="Width">Width, 0 to 1.</param>
/// <param name="Height">Height, 0 to 1.</param>
public sealed record PictureRegion(double Left, double Top, double Width, double Height);
