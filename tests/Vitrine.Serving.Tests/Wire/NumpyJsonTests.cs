using System.Text;
using System.Text.Json;
using Vitrine.Serving.Wire;

namespace Vitrine.Serving.Tests.Wire;

/// <summary>json-numpy's texts, as the package itself writes them.</summary>
public sealed class NumpyJsonTests
{
    private static readonly string[] Unread = ["array_unicode.json", "array_complex.json", "array_structured.json"];

    public static TheoryData<string> Arrays()
        => WireFixtures.Files("json-numpy", m => m.GetProperty("file").GetString()!.StartsWith("array_", StringComparison.Ordinal)
            && !Unread.Contains(m.GetProperty("file").GetString()));

    public static TheoryData<string> NotNumbers() => [.. Unread];

    public static TheoryData<string> Texts() => WireFixtures.Files("json-numpy", m => !Unread.Contains(m.GetProperty("file").GetString()));

    [Theory, MemberData(nameof(Arrays))]
    public void An_array_has_the_values_of_the_index(string file)
    {
        var array = NumpyJson.Read(WireFixtures.Bytes("json-numpy", file)).ShouldBeOfType<WireArray>();
        var values = WireFixtures.Entry("json-numpy", file).GetProperty("values").GetString()!;
        using var expected = JsonDocument
            .Parse(values.Replace("NaN", "\"nan\"", StringComparison.Ordinal).Replace("Infinity", "\"inf\"", StringComparison.Ordinal));
        array.ToDoubles().ShouldBe(Flat(expected.RootElement));
    }

    [Theory, MemberData(nameof(Texts))]
    public void A_text_that_was_read_is_written_byte_for_byte(string file)
    {
        var bytes = WireFixtures.Bytes("json-numpy", file);
        var value = NumpyJson.Read(bytes);
        var python = Encoding.UTF8.GetBytes(NumpyJson.WritePython(value));
        var starlette = NumpyJson.Write(value);
        (python.AsSpan().SequenceEqual(bytes) || starlette.AsSpan().SequenceEqual(bytes)).ShouldBeTrue(
            $"{Encoding.UTF8.GetString(bytes)} is neither {Encoding.UTF8.GetString(python)} nor {Encoding.UTF8.GetString(starlette)}");
    }

    [Theory, MemberData(nameof(NotNumbers))]
    public void An_array_of_what_is_no_number_is_refused_by_its_dtype(string file)
        => Should.Throw<WireException>(() => NumpyJson.Read(WireFixtures.Bytes("json-numpy", file))).Message.ShouldContain("dtype");

    [Fact]
    public void What_the_reference_refuses_is_refused()
    {
        foreach (var entry in WireFixtures.Index("json-numpy").GetProperty("decoder").EnumerateArray())
        {
            var (name, text) = (entry.GetProperty("case").GetString()!, Encoding.UTF8.GetBytes(entry.GetProperty("text").GetString()!));
            if (entry.TryGetProperty("refused_with", out _) || name == "bad base64")
            {
                Should.Throw<WireException>(() => NumpyJson.Read(text), name);
            }
            else
            {
                NumpyJson.Read(text).ShouldBeOfType<WireArray>(name);
            }
        }
    }

    [Theory]
    [InlineData(1e15 + 3, "1000000000000003.0")]
    [InlineData(-(1L << 53) + 1.0, "-9007199254740991.0")]
    [InlineData(1e16, "10000000000000000.0")]
    [InlineData(1e17, "1e+17")]
    [InlineData(-0.0, "-0.0")]
    [InlineData(120.0, "120.0")]
    public void A_whole_number_keeps_its_digits(double value, string expected)
    {
        NumpyJson.WritePython(value).ShouldBe(expected);
        Encoding.UTF8.GetString(NumpyJson.Write(value)).ShouldBe(expected);
    }

    [Fact]
    public void A_key_that_stands_twice_is_refused()
        => Should.Throw<WireException>(() => NumpyJson.Read("{\"a\": 1, \"a\": 2}"u8.ToArray()));

    [Fact]
    public void The_large_request_has_the_bytes_of_the_reference()
    {
        var large = WireFixtures.Index("json-numpy").GetProperty("large_messages")[0];
        var text = NumpyJson.WritePython(
            new WireMap { ["image"] = WireArray.Of(WireFixtures.Recipe(224, 224, 1)), ["instruction"] = "pick up the black bowl" });
        Encoding.UTF8.GetByteCount(text).ShouldBe(large.GetProperty("bytes").GetInt32());
        WireFixtures.Sha(Encoding.UTF8.GetBytes(text)).ShouldBe(large.GetProperty("sha256").GetString());
    }

    private static IEnumerable<double> Flat(JsonElement value)
        => value.ValueKind == JsonValueKind.Array ? value.EnumerateArray().SelectMany(Flat) : [WireFixtures.NumberOf(value)];
}
