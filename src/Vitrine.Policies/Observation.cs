using Vitrine.Inputs.Pictures;

namespace Vitrine.Policies;

/// <summary>Numbers that a robot measures of itself: joint angles, the gripper's pose.</summary>
/// <param name="Values">In the order that the robot's data set has.</param>
/// <param name="Unit">Of the values, e.g. <c>rad</c>; empty where they differ or none is known.</param>
public sealed record StateVector(IReadOnlyList<double> Values, string Unit = "");

/// <summary>What a policy sees at one control step. It may hold more than a policy reads.</summary>
public sealed record Observation
{
    /// <summary>The camera of a world that has one.</summary>
    public const string OnlyCamera = "image";

    /// <summary>An observation of one camera.</summary>
    /// <param name="picture">The camera's picture.</param>
    /// <param name="instruction">What the robot is asked to do, in words.</param>
    public Observation(Picture picture, string instruction) : this(new Dictionary<string, Picture> { [OnlyCamera] = picture }, instruction)
    {
    }

    /// <summary>An observation of any cameras.</summary>
    /// <param name="cameras">Picture by camera.</param>
    /// <param name="instruction">What the robot is asked to do, in words.</param>
    public Observation(IReadOnlyDictionary<string, Picture> cameras, string instruction) => (Cameras, Instruction) = (cameras, instruction);

    /// <summary>Picture by camera.</summary>
    public IReadOnlyDictionary<string, Picture> Cameras { get; init; }

    /// <summary>What the robot is asked to do, in words.</summary>
    public string Instruction { get; init; }

    /// <summary>What the robot measures of itself, by name; none where it does not.</summary>
    public IReadOnlyDictionary<string, StateVector> State { get; init; } = new Dictionary<string, StateVector>();

    /// <summary>The picture of the only camera, or of the one called <see cref="OnlyCamera"/>.</summary>
    /// <exception cref="VitrineException">There are several and none is called so, or there is none.</exception>
    public Picture Picture => Cameras.Count == 1 ? Cameras.Values.First()
        : Cameras.TryGetValue(OnlyCamera, out var picture) ? picture
        : throw new VitrineException(
            $"observation: has the cameras {(Cameras.Count == 0 ? "none" : string.Join(", ", Cameras.Keys))}; expected one, or one called '{OnlyCamera}'.");
}
