using System.Text.Json;
using Vitrine.Serving.Wire;

namespace Vitrine.Serving.Tests.Wire;

/// <summary>GR00T's frames, and the .npy files inside them.</summary>
public sealed class Gr00tWireTests
{
    private static readonly string[] Unread = ["npy_unicode.npy", "npy_structured.npy"];

    public static TheoryData<string> Frames()
        => WireFixtures.Files("gr00t", m => m.GetProperty("file").GetString()!.EndsWith(".msgpack", StringComparison.Ordinal));

    public static TheoryData<string> Arrays()
        => WireFixtures.Files("gr00t", m => m.GetProperty("file").GetString() is { } f && f.EndsWith(".npy", StringComparison.Ordinal) && !Unread.Contains(f));

    [Theory, MemberData(nameof(Frames))]
    public void A_frame_that_was_read_is_written_byte_for_byte(string file)
    {
        var bytes = WireFixtures.Bytes("gr00t", file);
        MessageWriter.Write(MessageReader.Read(bytes), ArrayForm.Npy).ShouldBe(bytes);
    }

    [Theory, MemberData(nameof(Arrays))]
    public void An_array_has_the_values_of_the_index(string file)
    {
        var array = Read(file);
        using var expected = JsonDocument.Parse(WireFixtures.Entry("gr00t", file).GetProperty("values").GetString()!);
        array.ToDoubles().ShouldBe(Flat(expected.RootElement));
        if (!file.Contains("fortran", StringComparison.Ordinal))
        {
            NpyBytes.Write(array).ShouldBe(WireFixtures.Bytes("gr00t", file));
        }
    }

    [Theory]
    [InlineData("npy_unicode.npy")]
    [InlineData("npy_structured.npy")]
    public void An_array_of_what_is_no_number_is_refused(string file)
        => Should.Throw<WireException>(() => Read(file)).Message.ShouldContain("dtype");

    private static WireArray Read(string file)
        => MessageReader.Read(MessageWriter.Write(new WireMap { ["__ndarray_class__"] = true, ["as_npy"] = WireFixtures.Bytes("gr00t", file) }))
            .ShouldBeOfType<WireArray>();

    private static IEnumerable<double> Flat(JsonElement value)
        => value.ValueKind == JsonValueKind.Array ? value.EnumerateArray().SelectMany(Flat) : [WireFixtures.NumberOf(value)];
}
