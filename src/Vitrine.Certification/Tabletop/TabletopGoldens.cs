using Vitrine.Worlds;
using Vitrine.Worlds.Tabletop;

namespace Vitrine.Certification.Tabletop;

/// <summary>Reads states and tasks out of the reference values of a tabletop <c>world</c> folder.</summary>
internal sealed class TabletopGoldens(Fixture fixture)
{
    private const int Objects = 3;

    /// <summary>A tensor's values in rows of a width; integers and bytes are widened.</summary>
    /// <exception cref="VitrineException">It is not there, or has no such rows.</exception>
    public double[][] Rows(string name, int width = 1)
    {
        var values = fixture.Numbers(name);
        return values.Length % width == 0
            ? [.. values.Chunk(width)]
            : throw new VitrineException($"{fixture.Folder}: tensor '{name}' has {values.Length} values; expected rows of {width}.");
    }

    /// <summary>Values in a row of a tensor's first axis.</summary>
    public int Width(string name)
    {
        using var tensor = fixture.Read(name);
        return (int)(tensor.numel() / tensor.shape[0]);
    }

    /// <summary>A tensor of one integer a row.</summary>
    public int[] Integers(string name) => [.. fixture.Integers(name).Select(v => (int)v)];

    /// <summary>The states below a prefix such as <c>render/in</c>.</summary>
    public TabletopState[] States(string prefix)
    {
        var (colours, shapes, sizes) = (Rows($"{prefix}.colour", Objects), Rows($"{prefix}.shape", Objects), Rows($"{prefix}.half_size", Objects));
        var lights = Rows($"{prefix}.light", 4);
        return [.. Moments(prefix).Select((m, i) => new TabletopState(
            m.Gripper, m.Open, m.Held,
            [.. m.Objects.Select((place, k) => new TabletopObject(place, (ObjectColour)colours[i][k], (ObjectShape)shapes[i][k], sizes[i][k]))],
            new TableLight(lights[i][0], lights[i][1], lights[i][2], lights[i][3])))];
    }

    /// <summary>What changes with time, below a prefix such as <c>success/in.end</c>.</summary>
    public (Position Gripper, bool Open, int Held, Position[] Objects)[] Moments(string prefix)
    {
        var (grippers, opens, helds) = (Rows($"{prefix}.gripper", 3), Integers($"{prefix}.open"), Integers($"{prefix}.held"));
        var (places, heights) = (Rows($"{prefix}.object_xy", 2 * Objects), Rows($"{prefix}.object_z", Objects));
        return [.. grippers.Select((g, i) => (
            new Position(g[0], g[1], g[2]), opens[i] == 1, helds[i],
            Enumerable.Range(0, Objects).Select(k => new Position(places[i][2 * k], places[i][(2 * k) + 1], heights[i][k])).ToArray()))];
    }

    /// <summary>The tasks of a case.</summary>
    public TaskSpec[] Specs(string name)
    {
        var (tasks, targets, directions) = (Integers($"{name}/in.task"), Integers($"{name}/in.target"), Integers($"{name}/in.direction"));
        var (speeds, heights) = (Integers($"{name}/in.speed"), Integers($"{name}/in.height"));
        return [.. tasks.Select((task, i) => new TaskSpec(
            (TabletopTask)task, targets[i], directions[i] < 0 ? null : (Direction)directions[i], (Speed)speeds[i], (Height)heights[i]))];
    }
}
