using System.Security.Cryptography;
using System.Text.Json;
using Vitrine.Inputs.Pictures;
using Vitrine.Serving.Wire;

namespace Vitrine.Serving.Tests;

/// <summary>The messages of <c>tests/fixtures/wire</c>, with what their index says of them.</summary>
internal static class WireFixtures
{
    public static JsonElement Index(string protocol) => JsonDocument.Parse(File.ReadAllText(Fixtures.Of("wire", protocol, "index.json"))).RootElement;

    public static byte[] Bytes(string protocol, string file) => File.ReadAllBytes(Fixtures.Of("wire", protocol, file));

    public static TheoryData<string> Files(string protocol, Func<JsonElement, bool>? which = null)
        => [.. Index(protocol).GetProperty("messages").EnumerateArray().Where(m => which?.Invoke(m) ?? true).Select(m => m.GetProperty("file").GetString()!)];

    public static JsonElement Entry(string protocol, string file)
        => Index(protocol).GetProperty("messages").EnumerateArray().First(m => m.GetProperty("file").GetString() == file);

    /// <summary>The picture that the index's recipe makes: (31 y + 17 x + 101 c + 7 y x + 13 seed) mod 256.</summary>
    public static Picture Recipe(int height, int width, int seed)
    {
        var rgb = new byte[height * width * 3];
        for (var i = 0; i < rgb.Length; i++)
        {
            var (y, x, c) = (i / (3 * width), i / 3 % width, i % 3);
            rgb[i] = (byte)((31 * y) + (17 * x) + (101 * c) + (7 * y * x) + (13 * seed));
        }

        return new Picture(width, height, rgb);
    }

    /// <summary>What the index writes as <c>decoded</c>, of both protocols' spellings.</summary>
    public static void ShouldBe(object? value, JsonElement expected, string where)
    {
        if (expected.ValueKind == JsonValueKind.Object && expected.TryGetProperty("kind", out var kind) && kind.ValueKind == JsonValueKind.String)
        {
            switch (kind.GetString())
            {
                case "map":
                    var map = value.ShouldBeOfType<WireMap>(where);
                    map.Select(e => e.Key).ShouldBe(expected.GetProperty("items").EnumerateArray().Select(i => i[0].GetProperty("value").GetString()!), where);
                    foreach (var item in expected.GetProperty("items").EnumerateArray())
                    {
                        ShouldBe(map[item[0].GetProperty("value").GetString()!], item[1], $"{where}/{item[0]}");
                    }

                    break;
                case "array":
                    var list = value.ShouldBeOfType<List<object?>>(where);
                    var items = expected.GetProperty("items").EnumerateArray().ToArray();
                    list.Count.ShouldBe(items.Length, where);
                    for (var i = 0; i < items.Length; i++)
                    {
                        ShouldBe(list[i], items[i], $"{where}[{i}]");
                    }

                    break;
                case "ndarray":
                    ShouldBeArray(value, expected, where);
                    break;
                case "none":
                    value.ShouldBeNull(where);
                    break;
                case "bin":
                    Convert.ToHexStringLower(value.ShouldBeOfType<ReadOnlyMemory<byte>>(where).Span).ShouldBe(expected.GetProperty("hex").GetString(), where);
                    break;
                default:
                    ShouldBePlain(value, expected.TryGetProperty("value", out var plain) ? plain : expected, where);
                    break;
            }

            return;
        }

        switch (expected.ValueKind)
        {
            case JsonValueKind.Object:
                var map = value.ShouldBeOfType<WireMap>(where);
                map.Keys.ShouldBe(expected.EnumerateObject().Select(p => p.Name), ignoreOrder: true, customMessage: where);
                foreach (var property in expected.EnumerateObject())
                {
                    ShouldBe(map[property.Name], property.Value, $"{where}/{property.Name}");
                }

                break;
            case JsonValueKind.Array:
                var list = value.ShouldBeOfType<List<object?>>(where);
                foreach (var (i, item) in expected.EnumerateArray().Index())
                {
                    ShouldBe(list[i], item, $"{where}[{i}]");
                }

                break;
            default:
                ShouldBePlain(value, expected, where);
                break;
        }
    }

    public static string Sha(ReadOnlySpan<byte> bytes) => Convert.ToHexStringLower(SHA256.HashData(bytes));

    private static void ShouldBePlain(object? value, JsonElement expected, string where)
    {
        switch (expected.ValueKind)
        {
            case JsonValueKind.Null:
                value.ShouldBeNull(where);
                break;
            case JsonValueKind.True or JsonValueKind.False:
                value.ShouldBe(expected.GetBoolean(), where);
                break;
            case JsonValueKind.String when value is double number:
                NumberOf(expected).ShouldBe(number, where);
                break;
            case JsonValueKind.String:
                value.ShouldBe(expected.GetString(), where);
                break;
            case JsonValueKind.Number when value is double number:
                number.ShouldBe(expected.GetDouble(), where);
                break;
            default:
                $"{value}".ShouldBe(expected.GetRawText(), where);
                break;
        }
    }

    private static void ShouldBeArray(object? value, JsonElement expected, string where)
    {
        long[] shape = [.. expected.GetProperty("shape").EnumerateArray().Select(s => s.GetInt64())];
        if (value is Picture picture && shape is [var rows, var columns, 4])
        {
            ((long)picture.Height, (long)picture.Width).ShouldBe((rows, columns), where); // transparency is dropped: a policy reads three channels
            return;
        }

        var array = value is Picture seen ? WireArray.Of(seen) : value.ShouldBeOfType<WireArray>(where);
        array.Dtype.ToString().ShouldBe(expected.GetProperty("dtype").GetString(), where);
        array.Shape.ShouldBe(shape, where);
        if (expected.TryGetProperty("values", out var values))
        {
            array.ToDoubles().ShouldBe(values.EnumerateArray().Select(NumberOf), where);
        }
        else
        {
            Sha(array.Data.Span).ShouldBe(expected.GetProperty("sha256").GetString(), where);
        }
    }

    public static double NumberOf(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.True => 1,
        JsonValueKind.False => 0,
        JsonValueKind.String => value.GetString() switch { "nan" => double.NaN, "inf" => double.PositiveInfinity, _ => double.NegativeInfinity },
        _ => value.GetDouble(),
    };
}
