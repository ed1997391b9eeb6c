using System.Text.Json.Serialization;

namespace Vitrine.Worlds.Tabletop;

/// <summary>Colours of objects, in the order of the fixtures.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<ObjectColour>))]
public enum ObjectColour
{
    /// <summary>Red.</summary>
    Red,

    /// <summary>Green.</summary>
    Green,

    /// <summary>Blue.</summary>
    Blue,

    /// <summary>Yellow.</summary>
    Yellow,

    /// <summary>Purple.</summary>
    Purple,
}

/// <summary>Shapes of objects, in the order of the fixtures.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<ObjectShape>))]
public enum ObjectShape
{
    /// <summary>A cube.</summary>
    Cube,

    /// <summary>A ball.</summary>
    Ball,

    /// <summary>A cone.</summary>
    Cone,
}

/// <summary>One object.</summary>
/// <param name="Position">On the table z is 0; a held object hangs .05 below the gripper.</param>
/// <param name="Colour">Its colour.</param>
/// <param name="Shape">Its shape.</param>
/// <param name="HalfSize">Half its size, in pixels.</param>
public sealed record TabletopObject(Position Position, ObjectColour Colour, ObjectShape Shape, double HalfSize);

/// <summary>How the scene is lit.</summary>
/// <param name="Gain">Multiplies the whole picture.</param>
/// <param name="Red">Added to the table's red.</param>
/// <param name="Green">Added to the table's green.</param>
/// <param name="Blue">Added to the table's blue.</param>
public sealed record TableLight(double Gain, double Red, double Green, double Blue);

/// <summary>All there is to know about the table at one moment. Positions are in box lengths: x and y in [0, 1], the gripper's z in [.05, 1].</summary>
/// <param name="Gripper">Where the gripper is.</param>
/// <param name="Open">Whether it is open.</param>
/// <param name="Held">Index of the object in it, or -1.</param>
/// <param name="Objects">Their order is their index.</param>
/// <param name="Light">How the scene is lit.</param>
public sealed record TabletopState(Position Gripper, bool Open, int Held, IReadOnlyList<TabletopObject> Objects, TableLight Light)
{
    /// <summary>The nearest object as seen from above, and its distance.</summary>
    public (int Index, double Distance) Nearest() => Nearest(Objects, Gripper);

    internal static (int Index, double Distance) Nearest(IReadOnlyList<TabletopObject> objects, Position gripper)
    {
        var (nearest, distance) = (-1, double.PositiveInfinity);
        for (var i = 0; i < objects.Count; i++)
        {
            var d = objects[i].Position.HorizontalDistanceTo(gripper);
            if (d < distance)
            {
                (nearest, distance) = (i, d);
            }
        }

        return (nearest, distance);
    }
}
