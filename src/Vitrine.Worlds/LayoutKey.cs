using System.Globalization;
using System.Text.Json.Serialization;
using Vitrine.Mechanisms.Statistics;

namespace Vitrine.Worlds;

/// <summary>What layouts are used for. The two never share random numbers, whatever their seeds.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<LayoutSplit>))]
public enum LayoutSplit
{
    /// <summary>To choose and to calibrate: neurons, means, doses.</summary>
    Selection,

    /// <summary>To report.</summary>
    Test,
}

/// <summary>
/// Names one starting situation of a world. The same key gives the same situation and the same sensor noise, in every arm and on every worker.
/// </summary>
/// <param name="Seed">Seed of the study.</param>
/// <param name="Split">Selection or test.</param>
/// <param name="Task">One of the world's tasks.</param>
/// <param name="Index">Counts from 0 within the task.</param>
public sealed record LayoutKey(ulong Seed, LayoutSplit Split, string Task, int Index)
{
    /// <summary>The random numbers that one purpose of this layout draws from; other purposes and steps do not disturb them.</summary>
    /// <param name="purpose">For instance <c>layout</c> or <c>sensor</c>.</param>
    /// <param name="step">Control step, where the numbers differ from step to step.</param>
    public RandomStream Random(string purpose, int step = 0)
        => new(string.Create(CultureInfo.InvariantCulture, $"{Seed}/{Split}/{Task}/{Index}/{purpose}/{step}"));

    /// <summary>Seed of what is random in a policy's act at a control step; the same in every arm.</summary>
    public long NoiseSeed(int step) => (long)(Random("noise", step).NextBits() >> 1);
}
