using Vitrine.Policies;

namespace Vitrine.Worlds;

/// <summary>An environment in which a robot acts step by step.</summary>
/// <remarks>
/// Everything random in it comes from its <see cref="LayoutKey"/> and the number of steps taken, never from its history:
/// that is what lets every arm of a study meet the same layouts and the same sensor noise.
/// </remarks>
public interface IWorld
{
    /// <summary>What decides how this world behaves, in one line. Two worlds that share it give the same episode for the same actions.</summary>
    string Description { get; }

    /// <summary>The tasks that layouts can be drawn for.</summary>
    IReadOnlyList<string> Tasks { get; }

    /// <summary>Starts an episode.</summary>
    /// <exception cref="VitrineException">The world has no such task.</exception>
    void Reset(LayoutKey layout);

    /// <summary>What the robot sees now. Looking twice shows the same.</summary>
    Observation Observe();

    /// <summary>Carries out one action.</summary>
    /// <param name="action">In the robot's own units.</param>
    /// <exception cref="VitrineException">The action has the wrong length or is not finite.</exception>
    void Step(ReadOnlySpan<double> action);

    /// <summary>Whether the task is solved in this very state.</summary>
    bool HasSucceeded { get; }

    /// <summary>Where the gripper is.</summary>
    Position Gripper { get; }

    /// <summary>What lengths and times are in.</summary>
    WorldUnits Units => WorldUnits.Unnamed;

    /// <summary>Numbers that describe the present state by name, e.g. the distance to the target.</summary>
    IReadOnlyDictionary<string, double> Measures { get; }
}
