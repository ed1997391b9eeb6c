namespace Vitrine.Inputs.Pictures;

/// <summary>A picture of floats, channel by channel.</summary>
public sealed class Pixels
{
    /// <summary>Wraps values without copying them.</summary>
    /// <param name="channels">Planes.</param>
    /// <param name="height">Rows.</param>
    /// <param name="width">Numbers in a row.</param>
    /// <param name="values">channels x height x width numbers, row-major.</param>
    /// <exception cref="VitrineException">A size is not positive, or the values are of another number.</exception>
    public Pixels(int channels, int height, int width, float[] values)
    {
        ArgumentNullException.ThrowIfNull(values);
        if (channels <= 0 || height <= 0 || width <= 0 || values.LongLength / channels / height != width || values.LongLength % ((long)channels * height) != 0)
        {
            throw new VitrineException($"pixels: {values.LongLength} values were given for {channels} x {height} x {width}.");
        }

        (Channels, Height, Width, Values) = (channels, height, width, values);
    }

    /// <summary>Planes.</summary>
    public int Channels { get; }

    /// <summary>Rows.</summary>
    public int Height { get; }

    /// <summary>Numbers in a row.</summary>
    public int Width { get; }

    /// <summary>Channels x Height x Width numbers, row-major.</summary>
    public float[] Values { get; }

    /// <summary>A picture's bytes as floats, unscaled.</summary>
    public static Pixels Of(Picture picture)
    {
        ArgumentNullException.ThrowIfNull(picture);
        return Of(picture, (_, value) => value);
    }

    /// <summary>A picture's bytes, each mapped; the map is asked once for each channel and byte.</summary>
    /// <param name="picture">From.</param>
    /// <param name="map">Of channel and byte.</param>
    public static Pixels Of(Picture picture, Func<int, byte, float> map)
    {
        ArgumentNullException.ThrowIfNull(picture);
        ArgumentNullException.ThrowIfNull(map);
        var plane = picture.Width * picture.Height;
        var values = new float[3 * plane];
        var table = new float[256];
        for (var channel = 0; channel < 3; channel++)
        {
            for (var value = 0; value < 256; value++)
            {
                table[value] = map(channel, (byte)value);
            }

            for (int i = 0, at = channel; i < plane; i++, at += 3)
            {
                values[(channel * plane) + i] = table[picture.Rgb[at]];
            }
        }

        return new Pixels(3, picture.Height, picture.Width, values);
    }

    /// <summary>Bytes of three channels.</summary>
    /// <param name="map">To the byte that a value stands for.</param>
    /// <exception cref="VitrineException">There are not three channels.</exception>
    public Picture ToPicture(Func<float, byte> map)
    {
        ArgumentNullException.ThrowIfNull(map);
        if (Channels != 3)
        {
            throw new VitrineException($"pixels: {Channels} channels make no RGB picture.");
        }

        var plane = Width * Height;
        var rgb = new byte[3 * plane];
        for (var i = 0; i < rgb.Length; i++)
        {
            rgb[i] = map(Values[(i % 3 * plane) + (i / 3)]);
        }

        return new Picture(Width, Height, rgb);
    }
}
