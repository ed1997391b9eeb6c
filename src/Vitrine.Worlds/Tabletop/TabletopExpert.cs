using System.Text.Json.Serialization;

namespace Vitrine.Worlds.Tabletop;

/// <summary>What the expert is doing, in the order of the fixtures.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<ExpertPhase>))]
public enum ExpertPhase
{
    /// <summary>Going in the asked direction.</summary>
    Move,

    /// <summary>Approaching at transit height.</summary>
    Transit,

    /// <summary>Going down to the object.</summary>
    Descend,

    /// <summary>Going down with the gripper closing.</summary>
    Close,

    /// <summary>Going up with the object.</summary>
    Raise,

    /// <summary>Letting go of what is in the way, and rising.</summary>
    Release,

    /// <summary>Pushing the object.</summary>
    Push,

    /// <summary>Rising, to get behind the object.</summary>
    Rise,
}

/// <summary>The weights that blend the expert's push, each in [0, 1].</summary>
/// <param name="Behind">How well the gripper stands behind the object.</param>
/// <param name="Push">How far it pushes rather than gets into place.</param>
/// <param name="Free">How free it is, above the objects, to move sideways.</param>
public sealed record PushWeights(double Behind, double Push, double Free);

/// <summary>An action of the expert and why.</summary>
/// <param name="Action">dx, dy, dz, three rotations of 0, and 1 for an open gripper or 0.</param>
/// <param name="Phase">What it is doing.</param>
/// <param name="Weights">For the task push.</param>
public sealed record ExpertDecision(double[] Action, ExpertPhase Phase, PushWeights? Weights = null);

/// <summary>
/// The scripted expert that the shipped policy learnt from. It has no memory, and blends its modes so that a learner finds no edge to stand still on.
/// </summary>
public static class TabletopExpert
{
    private const double ReleaseHeight = .35;

    /// <summary>The next action.</summary>
    public static ExpertDecision Decide(TabletopState state, TaskSpec spec)
    {
        ArgumentNullException.ThrowIfNull(state);
        ArgumentNullException.ThrowIfNull(spec);
        return spec.Task switch
        {
            TabletopTask.Move => Move(state, spec),
            TabletopTask.Reach => Reach(state, spec),
            TabletopTask.Lift => Lift(state, spec),
            _ => Push(state, spec),
        };
    }

    private static ExpertDecision Move(TabletopState state, TaskSpec spec)
    {
        var (g, d, s) = (state.Gripper, spec.Heading, spec.StepLength);
        var end = TabletopPhysics.IntoBox(new Position(g.X + (s * d.X), g.Y + (s * d.Y), g.Z + (s * d.Z)));
        return new(Action(end.X - g.X, end.Y - g.Y, end.Z - g.Z, state.Open), ExpertPhase.Move);
    }

    private static ExpertDecision Reach(TabletopState state, TaskSpec spec)
    {
        var (dx, dy, distance) = ToTarget(state, spec);
        var beyond = Ramp(distance, .06, .14);
        var height = .10 + ((spec.TransitHeight - .10) * beyond);
        return new(Limited(dx, dy, height - state.Gripper.Z, spec.StepLength, open: true), Approach(beyond));
    }

    private static ExpertDecision Lift(TabletopState state, TaskSpec spec)
    {
        var (dx, dy, distance) = ToTarget(state, spec);
        var z = state.Gripper.Z;

        // A closed gripper around the target looks the same whether or not it holds it.
        if (state.Held == spec.Target || (state.Held < 0 && !state.Open && distance < .06 && z < .15))
        {
            return new(Limited(0, 0, spec.LiftHeight - z, spec.StepLength, open: false), ExpertPhase.Raise);
        }

        if (state.Held >= 0)
        {
            return Release(state, spec);
        }

        var beyond = Ramp(distance, .05, .13);
        var height = .08 + ((spec.TransitHeight - .08) * beyond);
        var closes = distance < .035 && z < .13;
        return new(Limited(dx, dy, height - z, spec.StepLength, open: !closes), closes ? ExpertPhase.Close : Approach(beyond));
    }

    private static ExpertDecision Push(TabletopState state, TaskSpec spec)
    {
        var (dx, dy, _) = ToTarget(state, spec);
        var (z, s, d) = (state.Gripper.Z, spec.StepLength, spec.Heading);
        var along = (dx * d.X) + (dy * d.Y);
        var (asideX, asideY) = (dx - (along * d.X), dy - (along * d.Y));
        var aside = Math.Sqrt((asideX * asideX) + (asideY * asideY));
        var behind = Ramp(aside, .09, .04) * Ramp(along, .03, .08) * Ramp(along, .34, .26);
        var weights = new PushWeights(behind, Push: behind * Ramp(z, .20, .14), Free: Ramp(z, .18, .28));

        // Closing an open gripper near an object would grasp it.
        if (state.Held >= 0 || (state.Open && z < .20 && state.Nearest().Distance < .08))
        {
            return Release(state, spec) with { Weights = weights };
        }

        var sideways = behind + ((1 - behind) * weights.Free);
        var x = sideways * (((1 - weights.Push) * (dx - (.16 * d.X))) + (weights.Push * ((s * d.X) + (1.2 * asideX))));
        var y = sideways * (((1 - weights.Push) * (dy - (.16 * d.Y))) + (weights.Push * ((s * d.Y) + (1.2 * asideY))));
        var phase = weights.Push >= .5 ? ExpertPhase.Push
            : behind >= .5 ? ExpertPhase.Descend
            : weights.Free >= .5 ? ExpertPhase.Transit
            : ExpertPhase.Rise;
        return new(Limited(x, y, .07 + (.33 * (1 - behind)) - z, s, open: false), phase, weights);
    }

    private static ExpertDecision Release(TabletopState state, TaskSpec spec)
        => new(Action(0, 0, Math.Min(spec.StepLength, Math.Max(ReleaseHeight - state.Gripper.Z, 0)), open: true), ExpertPhase.Release);

    private static ExpertPhase Approach(double beyondTheFunnel) => beyondTheFunnel >= 1 ? ExpertPhase.Transit : ExpertPhase.Descend;

    private static (double X, double Y, double Distance) ToTarget(TabletopState state, TaskSpec spec)
    {
        var target = state.Objects[spec.Target].Position;
        return (target.X - state.Gripper.X, target.Y - state.Gripper.Y, target.HorizontalDistanceTo(state.Gripper));
    }

    /// <summary>0 at a, 1 at b, straight between and flat beyond; a may be the larger one.</summary>
    private static double Ramp(double x, double a, double b) => Math.Clamp((x - a) / (b - a), 0, 1);

    private static double[] Limited(double x, double y, double z, double longest, bool open)
    {
        var length = Math.Sqrt((x * x) + (y * y) + (z * z));
        var scale = length > longest ? longest / length : 1;
        return Action(x * scale, y * scale, z * scale, open);
    }

    private static double[] Action(double x, double y, double z, bool open) => [x, y, z, 0, 0, 0, open ? 1 : 0];
}
