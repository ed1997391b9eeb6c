using System.Runtime.InteropServices;
using System.Text.Json.Serialization;
using Vitrine.Inputs.Pictures;

namespace Vitrine.Worlds;

/// <summary>What happened in one episode. It serialises to JSON without loss.</summary>
public sealed record Episode
{
    /// <summary>The starting situation.</summary>
    public required LayoutKey Layout { get; init; }

    /// <summary>The world's instruction, without a word that an arm may append.</summary>
    public required string Instruction { get; init; }

    /// <summary>Whether the task was solved within the limit; an episode ends when it is.</summary>
    public required bool Succeeded { get; init; }

    /// <summary>The actions in order, in the robot's own units.</summary>
    public required IReadOnlyList<double[]> Actions { get; init; }

    /// <summary>Where the gripper was: first at the start, then after each action.</summary>
    public required IReadOnlyList<Position> Path { get; init; }

    /// <summary>The world's measures at the end.</summary>
    public required IReadOnlyDictionary<string, double> Measures { get; init; }

    /// <summary>What the camera saw before each action and at the end, when it was asked for.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyList<Picture>? Pictures { get; init; }

    /// <summary>Actions taken.</summary>
    [JsonIgnore]
    public int Steps => Actions.Count;

    /// <summary>Whether another episode took exactly the same actions, bit for bit.</summary>
    public bool HasSameActionsAs(Episode other)
    {
        ArgumentNullException.ThrowIfNull(other);
        return Actions.Count == other.Actions.Count && Actions.Zip(other.Actions).All(pair => BitsOf(pair.First).SequenceEqual(BitsOf(pair.Second)));
    }

    private static ReadOnlySpan<byte> BitsOf(double[] action) => MemoryMarshal.AsBytes(action.AsSpan());
}
