namespace Vitrine.Inputs.Pictures;

/// <summary>Bytes to floats: (factor x - mean) / deviation, channel by channel.</summary>
/// <param name="Mean">Of red, green and blue.</param>
/// <param name="Deviation">Of red, green and blue.</param>
/// <param name="Factor">1/255 in nearly all files.</param>
/// <remarks>
/// Pillow's users scale in double and normalise in float32; torchvision's fold the factor into mean and deviation. They differ in the last bit.
/// </remarks>
public sealed record Normalise(IReadOnlyList<float> Mean, IReadOnlyList<float> Deviation, double Factor = 1 / 255.0) : IPictureStep
{
    /// <inheritdoc/>
    public string Describe(ResizeEngine engine) => FormattableString.Invariant($"({Scaled} - [{List(Mean)}]) / [{List(Deviation)}]");

    private string Scaled => Math.Abs((Factor * 255) - 1) < 1e-12 ? "x / 255" : FormattableString.Invariant($"{Factor} x");

    /// <inheritdoc/>
    public Preparation Apply(Preparation picture, ResizeEngine engine)
    {
        ArgumentNullException.ThrowIfNull(picture);
        return picture with { Pixels = [.. picture.Frames.Select(f => Pixels.Of(f, engine == ResizeEngine.Torchvision ? Folded : Plain))] };
    }

    private float Plain(int channel, byte value) => ((float)(value * Factor) - Mean[channel]) / Deviation[channel];

    private float Folded(int channel, byte value)
    {
        var inverse = (float)(1 / Factor);
        return (value - (Mean[channel] * inverse)) / (Deviation[channel] * inverse);
    }

    private static string List(IEnumerable<float> values)
        => string.Join(", ", values.Select(v => v.ToString(System.Globalization.CultureInfo.InvariantCulture)));
}
