using System.Text.Json;
using Vitrine.Serving.Wire;

namespace Vitrine.Serving.Tests.Wire;

/// <summary>openpi's messages, as its own client and server pack them.</summary>
public sealed class OpenPiWireTests
{
    /// <summary>Kinds of numpy that no policy reads: refused by their dtype, where openpi's own decoder takes them.</summary>
    private static readonly string[] Unread = ["array_bytes", "array_datetime", "array_timedelta", "array_unicode"];

    /// <summary>Hostile messages, and a word of the line that refuses each.</summary>
    private static readonly Dictionary<string, string> Refused = new()
    {
        ["object_dtype"] = "'|O'",
        ["too_short"] = "8 bytes; 4",
        ["too_long"] = "8 bytes; 12",
        ["negative_dim"] = "an axis of -",
        ["huge_dim"] = "more than 2^63",
        ["unknown_dtype"] = "'<q9'",
        ["structured_dtype"] = "dtype",
        ["shape_float"] = "no whole number",
        ["shape_missing"] = "'shape'",
        ["data_is_str"] = "'data'",
        ["extension_type"] = "extension",
        ["timestamp_extension"] = "extension",
        ["trailing_bytes"] = "1 bytes stand behind",
        ["truncated"] = "too early",
        ["empty"] = "too early",
        ["not_a_map"] = "is no map",
        ["duplicate_keys"] = "'a' stands twice",
        ["map_key_is_int"] = "a key is",
        ["invalid_utf8"] = "UTF-8",
        ["deep_nesting"] = "inside one another",
        ["claims_4gib"] = "too early",
    };

    /// <summary>Odd messages that are read, where the reference reads them too or where text and bytes are alike.</summary>
    private static readonly string[] Read = ["text_keys", "zero_times_huge", "marker_false", "dtype_is_bin", "legacy_nd", "nonstring_float32"];

    public static TheoryData<string> Honest() => WireFixtures.Files("openpi", m => m.TryGetProperty("decoded", out _) && !Unread.Contains(Name(m)));

    public static TheoryData<string> NotNumbers() => WireFixtures.Files("openpi", m => Unread.Contains(Name(m)));

    public static TheoryData<string> Hostile() => WireFixtures.Files("openpi", m => Name(m).StartsWith("hostile_", StringComparison.Ordinal));

    [Theory, MemberData(nameof(Honest))]
    public void A_message_is_read_as_its_index_says(string file)
    {
        var entry = WireFixtures.Entry("openpi", file);
        WireFixtures.ShouldBe(MessageReader.Read(WireFixtures.Bytes("openpi", file)), entry.GetProperty("decoded"), file);
    }

    [Theory, MemberData(nameof(Honest))]
    public void A_message_that_was_read_is_written_byte_for_byte(string file)
    {
        Assert.SkipWhen(file.Contains("_np_", StringComparison.Ordinal), "numpy's single numbers are read as plain ones and never written");
        var bytes = WireFixtures.Bytes("openpi", file);
        MessageWriter.Write(MessageReader.Read(bytes)).ShouldBe(bytes);
    }

    [Theory, MemberData(nameof(NotNumbers))]
    public void An_array_of_what_is_no_number_is_refused_by_its_dtype(string file)
        => Should.Throw<WireException>(() => MessageReader.Read(WireFixtures.Bytes("openpi", file))).Message.ShouldContain("dtype");

    [Theory, MemberData(nameof(Hostile))]
    public void A_hostile_message_is_refused_by_name_or_read_as_what_it_means(string file)
    {
        var name = file["hostile_".Length..^".msgpack".Length];
        var bytes = WireFixtures.Bytes("openpi", file);
        if (Refused.TryGetValue(name, out var word))
        {
            Should.Throw<WireException>(() => MessageReader.ReadMap(bytes)).Message.ShouldContain(word);
        }
        else
        {
            Read.ShouldContain(name);
            Should.NotThrow(() => MessageReader.Read(bytes));
        }
    }

    [Fact]
    public void Text_keys_and_the_older_layout_are_arrays_too()
    {
        foreach (var file in (string[])["hostile_text_keys.msgpack", "hostile_legacy_nd.msgpack", "hostile_dtype_is_bin.msgpack",
            "hostile_marker_false.msgpack"])
        {
            var array = MessageReader.Read(WireFixtures.Bytes("openpi", file)).ShouldBeOfType<WireArray>(file);
            (array.Dtype.ToString(), array.ToDoubles()).ShouldSatisfyAllConditions(
                a => a.Item1.ShouldBe("<f4"), a => a.Item2.ShouldBe([1.0]));
        }
    }

    [Fact]
    public void Large_messages_have_the_bytes_of_the_reference()
    {
        var large = WireFixtures.Index("openpi").GetProperty("large_messages").EnumerateArray().ToDictionary(m => m.GetProperty("name").GetString()!);
        ShouldBe("obs_libero_224", new WireMap
        {
            ["observation/image"] = WireFixtures.Recipe(224, 224, 1),
            ["observation/wrist_image"] = WireFixtures.Recipe(224, 224, 2),
            ["observation/state"] = WireArray.Of([.. Enumerable.Range(0, 8).Select(i => -.5 + (.125 * i))], WireDtype.Double, 8),
            ["prompt"] = "pick up the black bowl and place it on the plate",
        });
        ShouldBe("obs_droid_224", new WireMap
        {
            ["observation/exterior_image_1_left"] = WireFixtures.Recipe(224, 224, 3),
            ["observation/wrist_image_left"] = WireFixtures.Recipe(224, 224, 4),
            ["observation/joint_position"] = WireArray.Of([.. Enumerable.Range(0, 7).Select(i => .25 * i)], WireDtype.Double, 7),
            ["observation/gripper_position"] = WireArray.Of([.5], WireDtype.Double, 1),
            ["prompt"] = "put the cup in the sink",
        });

        void ShouldBe(string name, WireMap map)
        {
            var bytes = MessageWriter.Write(map);
            bytes.Length.ShouldBe(large[name].GetProperty("bytes").GetInt32(), name);
            WireFixtures.Sha(bytes).ShouldBe(large[name].GetProperty("sha256").GetString(), name);
        }
    }

    [Fact]
    public void Caps_are_named()
    {
        var map = MessageWriter.Write(new WireMap { ["a"] = new List<object?> { 1L, 2L, 3L } });
        Should.Throw<WireException>(() => MessageReader.Read(map, new WireLimits { Values = 3 })).Message.ShouldContain("more than 3 values");
        Should.Throw<WireException>(() => MessageReader.Read(map, new WireLimits { MessageBytes = 4 })).Message.ShouldContain("at most 4");
        Should.Throw<WireException>(() => MessageReader.Read(map, new WireLimits { Depth = 2 })).Message.ShouldContain("more than 2");
        var picture = WireArray.Of(WireFixtures.Recipe(8, 8, 1));
        Should.Throw<WireException>(() => picture.ToPicture("camera", new WireLimits { Pixels = 63 })).Message
            .ShouldContain("camera: has 8 x 8 pixels; at most 63");
    }

    private static string Name(JsonElement message) => Path.GetFileNameWithoutExtension(message.GetProperty("file").GetString()!);
}
