using Vitrine.Inputs.Pictures;

namespace Vitrine.Views;

/// <summary>Where one head looks in the picture, from one position.</summary>
public sealed record AttentionMap
{
    /// <summary>The stack's name.</summary>
    public required string Stack { get; init; }

    /// <summary>The layer, counted from 0.</summary>
    public required int Layer { get; init; }

    /// <summary>The head, counted from 0.</summary>
    public required int Head { get; init; }

    /// <summary>The token that looks.</summary>
    public required string Query { get; init; }

    /// <summary>The picture that is looked at.</summary>
    public required Picture Picture { get; init; }

    /// <summary>Rows of patches.</summary>
    public required int Rows { get; init; }

    /// <summary>Columns of patches.</summary>
    public required int Columns { get; init; }

    /// <summary>Attention of each patch, row by row; rows x columns numbers that are not renormalised.</summary>
    public required IReadOnlyList<double> Weights { get; init; }

    /// <summary>The part of the head's attention that falls on the picture, 0 to 1.</summary>
    public required double MassOnPicture { get; init; }

    /// <summary>Where the instruction's object really is; may be null.</summary>
    public PictureRegion? Target { get; init; }
}

/// <summary>A rectangle of a picture, in fractions of its width and height, from the upper left.</summary>
/// <param name="Left">Left edge, 0 to 1.</param>
/// <param name="Top">Upper edge, 0 to 1.</param>
/// <param name="Width">Width, 0 to 1.</param>
/// <param name="Height">Height, 0 to 1.</param>
public sealed record PictureRegion(double Left, double Top, double Width, double Height);
