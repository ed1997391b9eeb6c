namespace Vitrine.Worlds.Tabletop;

/// <summary>
/// How the table answers an action <c>(dx, dy, dz, 0, 0, 0, grip)</c>, or <c>(dx, dy, dz, grip)</c>; a grip of .5 or more means open.
/// </summary>
/// <remarks>
/// Comparisons are strict, so that a state on a threshold is outside. Strict physics grasps once, after the motion, and only as the gripper
/// closes; forgiving physics grasps at any moment at which a closed gripper comes near.
/// </remarks>
public sealed class TabletopPhysics
{
    private const int SubSteps = 4;
    private const double LargestMotion = .12, PushRadius = .10, HoldDrop = .05, TableMargin = .03;
    private readonly double graspHeight, graspRadius, pushHeight;
    private readonly bool graspsWhileMoving;

    private TabletopPhysics(string name, bool graspsWhileMoving, double graspHeight, double graspRadius, double pushHeight)
        => (Name, this.graspsWhileMoving, this.graspHeight, this.graspRadius,
            this.pushHeight) = (name, graspsWhileMoving, graspHeight, graspRadius, pushHeight);

    /// <summary>The physics that the shipped policy was trained and evaluated in.</summary>
    public static TabletopPhysics Strict { get; } = new("strict", graspsWhileMoving: false, graspHeight: .16, graspRadius: .06, pushHeight: .18);

    /// <summary>An easier variant of earlier policies.</summary>
    public static TabletopPhysics Forgiving { get; } = new("forgiving", graspsWhileMoving: true, graspHeight: .20, graspRadius: .07, pushHeight: .14);

    /// <summary><c>strict</c> or <c>forgiving</c>.</summary>
    public string Name { get; }

    /// <summary>Lowest height of the gripper.</summary>
    public const double LowestGripper = .05;

    /// <summary>The state after one action.</summary>
    /// <exception cref="VitrineException">The action is not 7 or 4 finite numbers.</exception>
    public TabletopState Step(TabletopState state, ReadOnlySpan<double> action)
    {
        ArgumentNullException.ThrowIfNull(state);
        Check(action);
        var (gripper, held, wasOpen, open) = (state.Gripper, state.Held, state.Open, action[^1] >= .5);
        TabletopObject[] objects = [.. state.Objects];
        if (open && held >= 0)
        {
            objects[held] = objects[held] with { Position = objects[held].Position with { Z = 0 } };
            held = -1;
        }

        var (dx, dy, dz) = (SubMotion(action[0]), SubMotion(action[1]), SubMotion(action[2]));
        for (var i = 0; i < SubSteps; i++)
        {
            gripper = IntoBox(new Position(gripper.X + dx, gripper.Y + dy, gripper.Z + dz));
            if (graspsWhileMoving && held < 0 && !open)
            {
                held = Grasped(objects, gripper);
            }

            if (held < 0 && !open && !wasOpen && gripper.Z < pushHeight)
            {
                Push(objects, gripper);
            }
        }

        if (!graspsWhileMoving && held < 0 && !open && wasOpen)
        {
            held = Grasped(objects, gripper);
        }

        if (held >= 0)
        {
            objects[held] = objects[held] with { Position = gripper with { Z = gripper.Z - HoldDrop } };
        }

        return state with { Gripper = gripper, Open = open, Held = held, Objects = objects };
    }

    /// <summary>The nearest place in which the gripper can be.</summary>
    internal static Position IntoBox(Position gripper)
        => new(Math.Clamp(gripper.X, 0, 1), Math.Clamp(gripper.Y, 0, 1), Math.Clamp(gripper.Z, LowestGripper, 1));

    private static double SubMotion(double motion) => Math.Clamp(motion, -LargestMotion, LargestMotion) / SubSteps;

    private int Grasped(TabletopObject[] objects, Position gripper)
        => gripper.Z < graspHeight && TabletopState.Nearest(objects, gripper) is var (index, distance) && distance < graspRadius ? index : -1;

    /// <remarks>A closed fist puts what it touches at its radius, along the line from gripper to object.</remarks>
    private static void Push(TabletopObject[] objects, Position gripper)
    {
        for (var i = 0; i < objects.Length; i++)
        {
            var at = objects[i].Position;
            var distance = at.HorizontalDistanceTo(gripper);
            if (distance < PushRadius)
            {
                var stretch = PushRadius / Math.Max(distance, 1e-6);
                objects[i] = objects[i] with
                {
                    Position = at with
                    {
                        X = Math.Clamp(gripper.X + ((at.X - gripper.X) * stretch), TableMargin, 1 - TableMargin),
                        Y = Math.Clamp(gripper.Y + ((at.Y - gripper.Y) * stretch), TableMargin, 1 - TableMargin),
                    },
                };
            }
        }
    }

    private static void Check(ReadOnlySpan<double> action)
    {
        if (action.Length is not (7 or 4))
        {
            throw new VitrineException($"tabletop: an action of {action.Length} numbers; expected 7 (dx dy dz, three rotations, grip) or 4 (dx dy dz, grip).");
        }

        foreach (var value in action)
        {
            if (!double.IsFinite(value))
            {
                throw new VitrineException($"tabletop: the action [{string.Join(", ", action.ToArray())}] is not finite.");
            }
        }
    }
}
