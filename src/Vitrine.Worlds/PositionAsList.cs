using System.Text.Json;
using System.Text.Json.Serialization;

namespace Vitrine.Worlds;

/// <summary>A position in JSON: <c>[x, y, z]</c>.</summary>
internal sealed class PositionAsList : JsonConverter<Position>
{
    public override Position Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
        => JsonElement.ParseValue(ref reader) is { ValueKind: JsonValueKind.Array } list && list.GetArrayLength() == 3
            && list.EnumerateArray().All(n => n.ValueKind == JsonValueKind.Number)
            ? new Position(list[0].GetDouble(), list[1].GetDouble(), list[2].GetDouble())
            : throw new JsonException("A position is a list of three numbers, [x, y, z].");

    public override void Write(Utf8JsonWriter writer, Position value, JsonSerializerOptions options)
    {
        writer.WriteStartArray();
        writer.WriteNumberValue(value.X);
        writer.WriteNumberValue(value.Y);
        writer.WriteNumberValue(value.Z);
        writer.WriteEndArray();
    }
}
