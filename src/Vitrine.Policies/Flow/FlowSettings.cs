namespace Vitrine.Policies.Flow;

/// <summary>What a flow policy's config.json says of its flow.</summary>
/// <param name="Steps">Euler steps from noise to a chunk.</param>
/// <param name="ActionWidth">Numbers of a row of the chunk as the network has it; the action's own come first.</param>
/// <param name="StateWidth">Numbers of the state as the network reads it, zeros behind its own; 0 where it reads none as numbers.</param>
/// <param name="MinPeriod">Of the waves that say the flow time.</param>
/// <param name="MaxPeriod">Of the slowest.</param>
internal sealed record FlowSettings(int Steps, int ActionWidth, int StateWidth, double MinPeriod, double MaxPeriod)
{
    /// <summary>Flow time in front of a step: 1 is noise, 0 the chunk.</summary>
    public double TimeOf(int step) => 1 - (step / (double)Steps);

    /// <summary>The flow time as waves: all sines, then all cosines, of periods between the two in equal ratios.</summary>
    /// <param name="time">In [0, 1].</param>
    /// <param name="width">Numbers; even.</param>
    /// <remarks>Angles in float64 of a time in float32, as the references compute them.</remarks>
    public float[] Waves(double time, int width)
    {
        var half = width / 2;
        double[] periods = [.. Enumerable.Range(0, half).Select(i => MinPeriod * Math.Pow(MaxPeriod / MinPeriod, i / (half - 1.0)))];
        double[] angles = [.. periods.Select(p => 2 * Math.PI / p * (float)time)];
        return [.. angles.Select(a => (float)Math.Sin(a)), .. angles.Select(a => (float)Math.Cos(a))];
    }
}
