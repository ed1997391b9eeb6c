using Vitrine.Inputs.Pictures;
using Vitrine.Serving.Protocols;
using Vitrine.Serving.Wire;

namespace Vitrine.Serving.Tests.Wire;

/// <summary>vla-eval's frames, as the package itself packs them.</summary>
public sealed class VlaEvalWireTests
{
    private static readonly Dictionary<string, string> Refused = new()
    {
        ["bad_unicode_array"] = "'<U2'",
        ["bad_object_array"] = "'|O'",
        ["bad_missing_seq"] = "lacks seq",
        ["bad_unknown_type"] = "'reset'",
        ["bad_not_a_map"] = "no map",
        ["bad_length"] = "bytes",
        ["bad_png"] = "picture",
    };

    public static TheoryData<string> Honest() => WireFixtures.Files("vla-eval", m => m.TryGetProperty("decoded", out _));

    public static TheoryData<string> Bad() => WireFixtures.Files("vla-eval", m => m.TryGetProperty("refused_with", out _));

    [Theory, MemberData(nameof(Honest))]
    public void A_frame_is_read_as_its_index_says(string file)
    {
        var frame = VlaEvalConversation.Frame(new SocketMessage(WireFixtures.Bytes("vla-eval", file), IsText: false), WireLimits.Default);
        var expected = WireFixtures.Entry("vla-eval", file).GetProperty("decoded");
        foreach (var key in (string[])["type", "seq", "timestamp"])
        {
            WireFixtures.ShouldBe(frame[key], expected.GetProperty(key), $"{file}/{key}");
        }

        if (file == "odd_bin_keys.msgpack")
        {
            ((WireMap)frame["payload"]!)["a"].ShouldBeOfType<WireArray>("keys as bytes are read as text keys are");
            return;
        }

        if (file == "observation_jpeg.msgpack")
        {
            ShouldBeNearly(((WireMap)((WireMap)frame["payload"]!)["images"]!)["agentview"].ShouldBeOfType<Picture>());
            return;
        }

        WireFixtures.ShouldBe(frame["payload"], expected.GetProperty("payload"), file);
    }

    [Theory, MemberData(nameof(Bad))]
    public void A_bad_frame_is_refused_by_name(string file)
        => Should.Throw<WireException>(()
            => VlaEvalConversation.Frame(new SocketMessage(WireFixtures.Bytes("vla-eval", file), IsText: false), WireLimits.Default))
            .Message.ShouldContain(Refused[Path.GetFileNameWithoutExtension(file)]);

    [Theory]
    [InlineData("hello_client.msgpack")]
    [InlineData("hello_server.msgpack")]
    [InlineData("observation_raw.msgpack")]
    [InlineData("action_vector.msgpack")]
    [InlineData("action_chunk.msgpack")]
    [InlineData("action_list.msgpack")]
    [InlineData("action_f64.msgpack")]
    [InlineData("action_extra.msgpack")]
    [InlineData("action_example_research.msgpack")]
    [InlineData("arrays.msgpack")]
    [InlineData("error.msgpack")]
    [InlineData("episode_start_recording.msgpack")]
    public void A_frame_that_was_read_is_written_byte_for_byte(string file)
    {
        var bytes = WireFixtures.Bytes("vla-eval", file);
        MessageWriter.Write(MessageReader.Read(bytes), ArrayForm.TextKeys).ShouldBe(bytes);
    }

    [Fact]
    public void The_largest_raw_observation_has_the_bytes_of_the_reference_in_length()
    {
        var large = WireFixtures.Index("vla-eval").GetProperty("large_messages").EnumerateArray().First(m => m.TryGetProperty("sha256", out _));
        large.GetProperty("bytes").GetInt32().ShouldBeGreaterThan(2 * 256 * 256 * 3);
        var frame = MessageReader.ReadMap(WireFixtures.Bytes("vla-eval", "observation_raw.msgpack"));
        var images = (WireMap)((WireMap)frame["payload"]!)["images"]!;
        images.Select(i => ((WireArray)i.Value!).ToPicture(i.Key).Width).ShouldBe([12, 8]);
    }

    /// <summary>The index's picture that JPEG keeps well: (2 y + x, 255 - 2 y, x + 40).</summary>
    private static void ShouldBeNearly(Picture picture)
    {
        (picture.Height, picture.Width).ShouldBe((32, 48));
        for (var i = 0; i < picture.Rgb.Length; i += 3)
        {
            var (y, x) = (i / 3 / 48, i / 3 % 48);
            Math.Abs(picture.Rgb[i] - Math.Min(255, (2 * y) + x)).ShouldBeLessThanOrEqualTo(6);
            Math.Abs(picture.Rgb[i + 1] - (255 - (2 * y))).ShouldBeLessThanOrEqualTo(6);
            Math.Abs(picture.Rgb[i + 2] - Math.Min(255, x + 40)).ShouldBeLessThanOrEqualTo(6);
        }
    }
}
