using Vitrine.Policies;
using Vitrine.Worlds.Tabletop;

namespace Vitrine.Worlds;

/// <summary>Situations for experiments of one decision: drawn from a world, or given.</summary>
public abstract class StateSource
{
    private const string Tabletop = "tabletop";

    /// <summary>Worlds that situations can be drawn from.</summary>
    public static IReadOnlyList<string> Worlds { get; } = [Tabletop];

    /// <summary>Whether situations are drawn, as many as are asked for; else they are given.</summary>
    public virtual bool IsDrawn => false;

    /// <summary>Situations to calibrate and to choose on.</summary>
    /// <param name="count">How many are drawn, or are taken at most where they are given; null for all that are given, or the source's usual number.</param>
    public abstract IReadOnlyList<Observation> ForCalibration(int? count = null);

    /// <summary>Situations to measure in; of a world, none that served to choose.</summary>
    /// <param name="count">As of <see cref="ForCalibration"/>.</param>
    public abstract IReadOnlyList<Observation> ForTest(int? count = null);

    /// <summary>Situations that are at hand; they serve for both.</summary>
    /// <param name="observations">At least one.</param>
    public static StateSource Of(IReadOnlyList<Observation> observations) => new Given(observations);

    /// <summary>Situations out of a world.</summary>
    /// <param name="world">
    /// One of <see cref="Worlds"/>, with options behind a colon as <see cref="WorldRegistry.Parse"/> reads them. Instructions carry adverbs where one
    /// calibrates and none where one measures, unless the option <c>adverbs</c> says otherwise for both.
    /// </param>
    /// <param name="seed">Decides what is drawn.</param>
    /// <exception cref="VitrineException">There is no such world or option.</exception>
    public static StateSource OfWorld(string world, ulong seed)
    {
        var (name, options) = WorldRegistry.Parse(world);
        if (name != Tabletop)
        {
            throw new VitrineException($"states: there is no world '{name}'; known are {string.Join(", ", Worlds)}.");
        }

        var read = TabletopOptions.Of(options);
        return new Drawn(seed, adverbs => options.ContainsKey("adverbs") ? read : read with { Adverbs = adverbs });
    }

    /// <summary>The world that a policy was trained in, or null: a policy of the tabletop answers in its units.</summary>
    public static string? WorldOf(Policy policy)
    {
        ArgumentNullException.ThrowIfNull(policy);
        return Worlds.FirstOrDefault(policy.UnitKeys.Contains);
    }

    private sealed class Drawn(ulong seed, Func<bool, TabletopOptions> options) : StateSource
    {
        private const int Calibrating = 96, Testing = 48;

        public override bool IsDrawn => true;

        public override IReadOnlyList<Observation> ForCalibration(int? count) => TabletopStates.ForCalibration(seed, count ?? Calibrating, options(true));

        public override IReadOnlyList<Observation> ForTest(int? count) => TabletopStates.ForTest(seed, count ?? Testing, options(false));
    }

    private sealed class Given(IReadOnlyList<Observation> observations) : StateSource
    {
        public override IReadOnlyList<Observation> ForCalibration(int? count) => ForTest(count);

        public override IReadOnlyList<Observation> ForTest(int? count)
            => count is { } most && most < observations.Count ? [.. observations.Take(most)] : observations;
    }
}
