namespace Vitrine.Views.Drawing;

/// <summary>Maps values to pixels in a straight line.</summary>
/// <param name="Low">The value at <paramref name="From"/>.</param>
/// <param name="High">The value at <paramref name="To"/>; larger than <paramref name="Low"/>.</param>
/// <param name="From">Pixel of the low end.</param>
/// <param name="To">Pixel of the high end.</param>
internal readonly record struct AxisScale(double Low, double High, double From, double To)
{
    /// <summary>A scale whose ends are round numbers and hold zero and every given value.</summary>
    public static AxisScale Around(IEnumerable<double> values, double from, double to, int ticks = 4)
    {
        var (low, high) = (0.0, 0.0);
        foreach (var value in values)
        {
            if (double.IsFinite(value))
            {
                (low, high) = (Math.Min(low, value), Math.Max(high, value));
            }
        }

        if (low == high)
        {
            high = 1;
        }

        var step = Step(high - low, ticks);
        return new AxisScale(Math.Floor((low / step) + 1e-9) * step, Math.Ceiling((high / step) - 1e-9) * step, from, to);
    }

    /// <summary>The pixel of a value.</summary>
    public double At(double value) => From + ((value - Low) / (High - Low) * (To - From));

    /// <summary>Round values from end to end.</summary>
    public IEnumerable<double> Ticks(int ticks = 4)
    {
        var step = Step(High - Low, ticks);
        for (var index = (long)Math.Ceiling((Low / step) - 1e-9); index * step <= High + (step * 1e-9); index++)
        {
            yield return index * step;
        }
    }

    /// <summary>Decimals that tell neighbouring ticks apart.</summary>
    public int Decimals(int ticks = 4) => Math.Max(0, (int)Math.Ceiling(-Math.Log10(Step(High - Low, ticks)) - 1e-9));

    /// <remarks>1, 2 or 5 times a power of ten.</remarks>
    private static double Step(double span, int ticks)
    {
        var rough = span / ticks;
        var power = Math.Pow(10, Math.Floor(Math.Log10(rough)));
        return power * ((rough / power) switch { <= 1.0000001 => 1, <= 2.0000001 => 2, <= 5.0000001 => 5, _ => 10 });
    }
}
