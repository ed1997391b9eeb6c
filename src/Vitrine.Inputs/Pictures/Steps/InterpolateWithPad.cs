namespace Vitrine.Inputs.Pictures;

/// <summary>lerobot's preparation: to [0, 1], fitted bilinearly without antialiasing, padded with 0, then 2x - 1, so that padding becomes -1.</summary>
/// <param name="Width">Pixels in a row.</param>
/// <param name="Height">Rows.</param>
/// <param name="Centred">Centred (pi0, pi0.5, pi0-FAST), or with all padding left and above (SmolVLA).</param>
/// <remarks>Source: lerobot, policies/common/vla_utils.py.</remarks>
public sealed record InterpolateWithPad(int Width, int Height, bool Centred) : IPictureStep
{
    /// <inheritdoc/>
    public string Describe(ResizeEngine engine)
        => $"x / 255, fit into {Width} x {Height}, bilinear without antialiasing, {(Centred ? "centred on 0" : "0 on the left and above")}, then 2x - 1 "
            + "(torch)";

    /// <inheritdoc/>
    public Preparation Apply(Preparation picture, ResizeEngine engine)
    {
        ArgumentNullException.ThrowIfNull(picture);
        Pixels[] fitted = [.. picture.Frames.Select(Fit)];
        return picture with { Frames = [.. fitted.Select(f => f.ToPicture(v => (byte)MathF.Round((v + 1) * 127.5f)))], Pixels = fitted };
    }

    private Pixels Fit(Picture picture)
    {
        var place = Centred
            ? Placement.Centred(picture.Width, picture.Height, Width, Height)
            : Placement.BottomRight(picture.Width, picture.Height, Width, Height);
        var fitted = Interpolation.Torch(Pixels.Of(picture, (_, v) => v / 255f), place.Width, place.Height, ResampleFilter.Bilinear);
        var values = new float[3 * Width * Height];
        Array.Fill(values, -1);
        for (var row = 0; row < 3 * place.Height; row++)
        {
            var (channel, y) = Math.DivRem(row, place.Height);
            var at = (((channel * Height) + place.Top + y) * Width) + place.Left;
            for (var x = 0; x < place.Width; x++)
            {
                values[at + x] = (Math.Clamp(fitted.Values[(row * place.Width) + x], 0, 1) * 2) - 1;
            }
        }

        return new Pixels(3, Height, Width, values);
    }
}
