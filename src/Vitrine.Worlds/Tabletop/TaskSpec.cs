using System.Text.Json.Serialization;

namespace Vitrine.Worlds.Tabletop;

/// <summary>The tasks, in the order of the fixtures.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<TabletopTask>))]
public enum TabletopTask
{
    /// <summary>Bring the gripper to an object.</summary>
    Reach,

    /// <summary>Hold an object at a height.</summary>
    Lift,

    /// <summary>Displace an object in a direction.</summary>
    Push,

    /// <summary>Displace the gripper in a direction.</summary>
    Move,
}

/// <summary>Directions, in the order of the fixtures; the first four lie in the table's plane.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<Direction>))]
public enum Direction
{
    /// <summary>-x.</summary>
    Left,

    /// <summary>+x.</summary>
    Right,

    /// <summary>+y, away from the camera.</summary>
    Forward,

    /// <summary>-y, towards the camera.</summary>
    Backward,

    /// <summary>+z.</summary>
    Up,

    /// <summary>-z.</summary>
    Down,
}

/// <summary>How fast, in the order of the fixtures.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<Speed>))]
public enum Speed
{
    /// <summary>.10 a step.</summary>
    Fast,

    /// <summary>No word about it: .06 a step.</summary>
    None,

    /// <summary>.03 a step.</summary>
    Slow,
}

/// <summary>How high, in the order of the fixtures.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<Height>))]
public enum Height
{
    /// <summary>Transit at .80, lift to .85.</summary>
    High,

    /// <summary>No word about it: transit at .50, lift to .55.</summary>
    None,

    /// <summary>Transit at .24, lift to .30.</summary>
    Low,
}

/// <summary>What the robot is asked to do, free of wording.</summary>
/// <param name="Task">The task.</param>
/// <param name="Target">Index of the object it is about; -1 for <see cref="TabletopTask.Move"/>.</param>
/// <param name="Direction">For push and move.</param>
/// <param name="Speed">How fast.</param>
/// <param name="Height">How high; means something to reach and lift.</param>
public sealed record TaskSpec(TabletopTask Task, int Target = -1, Direction? Direction = null, Speed Speed = Speed.None, Height Height = Height.None)
{
    /// <summary>Length of a step of the expert.</summary>
    public double StepLength => Speed switch { Speed.Fast => .10, Speed.Slow => .03, _ => .06 };

    /// <summary>Height at which the expert approaches.</summary>
    public double TransitHeight => Height switch { Height.High => .80, Height.Low => .24, _ => .50 };

    /// <summary>Height at which a lift ends.</summary>
    public double LiftHeight => Height switch { Height.High => .85, Height.Low => .30, _ => .55 };

    /// <summary>The unit vector of the direction; zero without one.</summary>
    public Position Heading => Direction switch
    {
        Tabletop.Direction.Left => new(-1, 0, 0),
        Tabletop.Direction.Right => new(1, 0, 0),
        Tabletop.Direction.Forward => new(0, 1, 0),
        Tabletop.Direction.Backward => new(0, -1, 0),
        Tabletop.Direction.Up => new(0, 0, 1),
        Tabletop.Direction.Down => new(0, 0, -1),
        _ => default,
    };

    /// <summary>Whether the task can be done from a state: there is room to move, or to stand behind the object and push it.</summary>
    public bool IsFeasible(TabletopState start)
    {
        ArgumentNullException.ThrowIfNull(start);
        return Task switch
        {
            TabletopTask.Move => Along(start.Gripper, .30) is var end && end == TabletopPhysics.IntoBox(end),
            TabletopTask.Push => IsPushFeasible(start),
            _ => true,
        };
    }

    /// <summary>Whether the task is done.</summary>
    /// <param name="start">How the episode began.</param>
    /// <param name="now">The state to judge.</param>
    public bool IsSolved(TabletopState start, TabletopState now)
    {
        ArgumentNullException.ThrowIfNull(start);
        ArgumentNullException.ThrowIfNull(now);
        return Task switch
        {
            TabletopTask.Reach => now.Gripper.HorizontalDistanceTo(now.Objects[Target].Position) < .06 && now.Gripper.Z < .16,
            TabletopTask.Lift => now.Held == Target && Math.Abs(now.Gripper.Z - LiftHeight) < .12,
            TabletopTask.Push => IsDisplaced(Flat(start.Objects[Target].Position), Flat(now.Objects[Target].Position), along: .12, across: .10),
            _ => IsDisplaced(start.Gripper, now.Gripper, along: .25, across: .12),
        };
    }

    private static Position Flat(Position position) => position with { Z = 0 };

    private Position Along(Position from, double length)
        => new(from.X + (length * Heading.X), from.Y + (length * Heading.Y), from.Z + (length * Heading.Z));

    private bool IsPushFeasible(TabletopState start)
    {
        var target = start.Objects[Target].Position;
        var (goal, stand) = (Along(target, .16), Along(target, -.18));
        return goal.X is >= .03 and <= .97 && goal.Y is >= .03 and <= .97
            && stand.X is >= 0 and <= 1 && stand.Y is >= 0 and <= 1
            && !start.Objects.Where((_, i) => i != Target)
                .Any(o => o.Position.HorizontalDistanceTo(goal) < .13 || o.Position.HorizontalDistanceTo(stand) < .13);
    }

    private bool IsDisplaced(Position from, Position to, double along, double across)
    {
        var (dx, dy, dz) = (to.X - from.X, to.Y - from.Y, to.Z - from.Z);
        var progress = (dx * Heading.X) + (dy * Heading.Y) + (dz * Heading.Z);
        var aside = new Position(dx - (progress * Heading.X), dy - (progress * Heading.Y), dz - (progress * Heading.Z)).DistanceTo(default);
        return progress >= along && aside <= across;
    }
}
