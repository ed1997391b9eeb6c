using Vitrine.Policies;
using Vitrine.Serving.Protocols;
using Vitrine.Serving.Wire;

namespace Vitrine.Serving.Clients;

/// <summary>What clients of several protocols have in common: observations to maps, answers to chunks.</summary>
internal static class ClientMessages
{
    /// <summary>A camera's name as openpi's examples spell it: <c>observation/wrist_image</c>.</summary>
    public static string CameraKey(string camera)
        => camera.Contains('/', StringComparison.Ordinal) ? camera
            : camera.Contains("image", StringComparison.OrdinalIgnoreCase) || camera.StartsWith("cam", StringComparison.Ordinal) ? $"observation/{camera}"
            : $"observation/{camera}_image";

    /// <summary>A vector as doubles.</summary>
    public static WireArray Vector(StateVector state) => WireArray.Of([.. state.Values], WireDtype.Double, state.Values.Count);

    /// <summary>Adds what only servers of Vitrine understand.</summary>
    public static void AddOwn(WireMap map, long? seed, bool extras)
    {
        if (extras && seed is { } number)
        {
            map.Add(ObservationReader.Seed, number);
        }
    }

    /// <summary>Rows of an array: (D) is one row, (H, D) as many.</summary>
    /// <exception cref="VitrineException">It has other axes, or no number.</exception>
    public static IReadOnlyList<double[]> Rows(object? value, string where)
    {
        if (value is List<object?> list)
        {
            return ObservationReader.Numbers(list) is { } row ? [row] : [.. list.SelectMany(v => Rows(v, where))];
        }

        var array = value as WireArray ?? throw new VitrineException($"{where}: the answer has no actions that are an array.");
        var width = array.Shape.Count is 1 or 2 && array.Count > 0 ? (int)array.Shape[^1]
            : throw new VitrineException($"{where}: the actions are [{string.Join(", ", array.Shape)}]; expected rows of numbers.");
        return [.. array.ToDoubles().Chunk(width)];
    }

    /// <summary>Alarms in a field of Vitrine's.</summary>
    public static IReadOnlyList<string> Alarms(object? field)
        => (field as WireMap)?["alarms"] is List<object?> alarms ? [.. alarms.OfType<string>()] : [];
}
