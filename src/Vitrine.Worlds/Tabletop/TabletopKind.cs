using System.Globalization;
using Vitrine.Policies;

namespace Vitrine.Worlds.Tabletop;

/// <summary>The tabletop as study files name it: <c>adverbs</c>, <c>physics</c> (strict or forgiving), <c>sensor_noise</c>.</summary>
internal sealed class TabletopKind : WorldKind
{
    public override string Name => "tabletop";

    public override IReadOnlyList<string> Options { get; } = ["adverbs", "physics", "sensor_noise"];

    public override Func<IWorld> Of(IReadOnlyDictionary<string, string> options)
    {
        var chosen = OptionsOf(options);
        return () => new TabletopWorld(chosen);
    }

    public override IReadOnlyList<Observation> Situations(
        IReadOnlyDictionary<string, string> options, ulong seed, LayoutSplit split, IReadOnlyList<string> tasks, int count)
        => TabletopStates.Draw(seed, split, tasks, count, OptionsOf(options).Adverbs);

    public override IReadOnlyList<Observation> ForCalibration(ulong seed, int count) => TabletopStates.ForCalibration(seed, count);

    private static TabletopOptions OptionsOf(IReadOnlyDictionary<string, string> options) => new()
    {
        Adverbs = options.GetValueOrDefault("adverbs") switch
        {
            null or "false" => false,
            "true" => true,
            var other => throw new VitrineException($"tabletop: 'adverbs' is '{other}'; expected true or false."),
        },
        Physics = options.GetValueOrDefault("physics") switch
        {
            null or "strict" => TabletopPhysics.Strict,
            "forgiving" => TabletopPhysics.Forgiving,
            var other => throw new VitrineException($"tabletop: 'physics' is '{other}'; expected strict or forgiving."),
        },
        SensorNoise = options.GetValueOrDefault("sensor_noise") is not { } noise ? TabletopRenderer.SensorNoise
            : double.TryParse(noise, NumberStyles.Float, CultureInfo.InvariantCulture, out var deviation) && deviation is >= 0 and <= 1 ? deviation
            : throw new VitrineException($"tabletop: 'sensor_noise' is '{noise}'; expected a deviation from 0 to 1."),
    };
}
