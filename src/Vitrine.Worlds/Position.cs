using System.Text.Json.Serialization;

namespace Vitrine.Worlds;

/// <summary>A place in a world, in the world's own units. In JSON it is the list <c>[x, y, z]</c>.</summary>
/// <param name="X">To the right.</param>
/// <param name="Y">Away from the camera.</param>
/// <param name="Z">Up.</param>
[JsonConverter(typeof(PositionAsList))]
public readonly record struct Position(double X, double Y, double Z)
{
    /// <summary>Distance to another place.</summary>
    public double DistanceTo(Position other) => Math.Sqrt(Square(X - other.X) + Square(Y - other.Y) + Square(Z - other.Z));

    /// <summary>Distance to another place seen from above: heights do not count.</summary>
    public double HorizontalDistanceTo(Position other) => Math.Sqrt(Square(X - other.X) + Square(Y - other.Y));

    private static double Square(double value) => value * value;
}
