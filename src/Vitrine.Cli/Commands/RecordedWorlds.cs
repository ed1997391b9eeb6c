using Vitrine.Worlds;
using Vitrine.Worlds.Records;

namespace Vitrine.Cli.Commands;

/// <summary>Worlds as records name them.</summary>
internal static class RecordedWorlds
{
    /// <summary>A world that is written in one line (<see cref="WorldRegistry.OpenText"/>).</summary>
    public static RecordedWorld Of(string text)
    {
        var (name, options) = WorldRegistry.Parse(text);
        return new RecordedWorld(name, WorldRegistry.Open(name, options)().Description, options);
    }

    /// <summary>What makes the world of a record; null for a record that has none.</summary>
    /// <exception cref="VitrineException">There is no such world, or it has no such option.</exception>
    public static Func<IWorld>? Open(EpisodeRecord record)
        => record.Header.World is { } world ? WorldRegistry.Open(world.Name, world.Options) : null;
}
