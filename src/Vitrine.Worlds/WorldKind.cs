using Vitrine.Policies;
using Vitrine.Worlds.Tabletop;

namespace Vitrine.Worlds;

/// <summary>A world by its name, with options: what a study file may name.</summary>
/// <remarks>A world of one's own is one public type that derives from this one; it is handed to <see cref="Studies.Files.StudyMaker"/>.</remarks>
public abstract class WorldKind
{
    /// <summary>The worlds that come along.</summary>
    public static IReadOnlyList<WorldKind> Known { get; } = [new TabletopKind()];

    /// <summary>As study files name it.</summary>
    public abstract string Name { get; }

    /// <summary>Keys of its options.</summary>
    public abstract IReadOnlyList<string> Options { get; }

    /// <summary>Makes worlds under the same options.</summary>
    /// <param name="options">By key; what is missing has its default.</param>
    /// <exception cref="VitrineException">An option is none, or its value is.</exception>
    public abstract Func<IWorld> Of(IReadOnlyDictionary<string, string> options);

    /// <summary>Situations to make edits and doses on.</summary>
    /// <param name="options">Of the world.</param>
    /// <param name="seed">Decides what is drawn.</param>
    /// <param name="split">Selection or test; the two share none.</param>
    /// <param name="tasks">In turn.</param>
    /// <param name="count">How many.</param>
    public abstract IReadOnlyList<Observation> Situations(
        IReadOnlyDictionary<string, string> options, ulong seed, LayoutSplit split, IReadOnlyList<string> tasks, int count);

    /// <summary>Situations to calibrate on: of every task, and varied.</summary>
    /// <param name="seed">Decides what is drawn.</param>
    /// <param name="count">How many.</param>
    public abstract IReadOnlyList<Observation> ForCalibration(ulong seed, int count);
}
