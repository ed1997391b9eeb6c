using Vitrine.Worlds;
using Vitrine.Worlds.Records;
using Vitrine.Worlds.Tabletop;

namespace Vitrine.Cli.Commands;

/// <summary>Worlds as records name them.</summary>
internal static class RecordedWorlds
{
    /// <summary>The tabletop.</summary>
    public static RecordedWorld Of(TabletopOptions options)
        => new(TabletopOptions.Family.Name, new TabletopWorld(options).Description, options.ToSettings());

    /// <summary>What makes the world of a record; null for a record that has none.</summary>
    /// <exception cref="VitrineException">There is no such world, or it has no such option.</exception>
    public static Func<IWorld>? Open(EpisodeRecord record)
        => record.Header.World is { } world ? WorldRegistry.Open(world.Name, world.Options) : null;
}
