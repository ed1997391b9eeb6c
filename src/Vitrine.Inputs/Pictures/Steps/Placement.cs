namespace Vitrine.Inputs.Pictures;

/// <summary>Where a picture that keeps its shape lies on a canvas.</summary>
/// <param name="Width">Columns of the resized picture.</param>
/// <param name="Height">Rows of the resized picture.</param>
/// <param name="Left">Padding on the left.</param>
/// <param name="Top">Padding above.</param>
/// <param name="Right">Padding on the right.</param>
/// <param name="Bottom">Padding below.</param>
public sealed record Placement(int Width, int Height, int Left, int Top, int Right, int Bottom)
{
    /// <summary>In the middle; an odd pixel of padding goes right and below (openpi, lerobot's pi0 family).</summary>
    public static Placement Centred(int width, int height, int canvasWidth, int canvasHeight)
    {
        var (w, h) = Fitted(width, height, canvasWidth, canvasHeight);
        var (x, y) = (canvasWidth - w, canvasHeight - h);
        return new Placement(w, h, x / 2, y / 2, x - (x / 2), y - (y / 2));
    }

    /// <summary>At the right and the bottom, all padding left and above (lerobot's SmolVLA).</summary>
    public static Placement BottomRight(int width, int height, int canvasWidth, int canvasHeight)
    {
        var (w, h) = Fitted(width, height, canvasWidth, canvasHeight);
        return new Placement(w, h, canvasWidth - w, canvasHeight - h, 0, 0);
    }

    /// <exception cref="VitrineException">The picture is so thin that nothing of it is left.</exception>
    private static (int Width, int Height) Fitted(int width, int height, int canvasWidth, int canvasHeight)
    {
        Picture.RequireSize("canvas", canvasWidth, canvasHeight);
        var ratio = Math.Max((double)width / canvasWidth, (double)height / canvasHeight);
        var (w, h) = ((int)(width / ratio), (int)(height / ratio));
        return w > 0 && h > 0
            ? (w, h)
            : throw new VitrineException($"resize with pad: {width} x {height} pixels are too thin for {canvasWidth} x {canvasHeight}; a side would vanish.");
    }
}
