using Vitrine.Inputs.Pictures;

namespace Vitrine.Worlds;

/// <summary>Films an episode that was measured, afterwards: its own actions in a fresh world.</summary>
/// <remarks>
/// All that is random in a world comes from layout and step, so the film is the measured episode itself. Letting a policy act again would not be: another batch
/// may round another way.
/// </remarks>
public static class EpisodeFilm
{
    /// <summary>The episode with what the camera saw before each action and at the end.</summary>
    /// <param name="newWorld">Makes the world in which it was measured.</param>
    /// <param name="measured">The episode; it may come from a file.</param>
    /// <exception cref="VitrineException">The world takes the gripper along another path, so it is another world.</exception>
    public static Episode Of(Func<IWorld> newWorld, Episode measured)
    {
        ArgumentNullException.ThrowIfNull(newWorld);
        ArgumentNullException.ThrowIfNull(measured);
        var world = newWorld();
        world.Reset(measured.Layout);
        List<Picture> pictures = [Seen(world, measured, 0)];
        for (var step = 0; step < measured.Steps; step++)
        {
            world.Step(measured.Actions[step]);
            pictures.Add(Seen(world, measured, step + 1));
        }

        return measured with { Pictures = pictures };
    }

    private static Picture Seen(IWorld world, Episode measured, int step) => world.Gripper == measured.Path[step]
        ? world.Observe().Picture
        : throw new VitrineException(
            $"film: after {step} steps of {measured.Layout.Task} {measured.Layout.Index} the gripper is at {world.Gripper}; it was measured at "
                + $"{measured.Path[step]}. "
            + $"Is '{world.Description}' the world of the study?");
}
