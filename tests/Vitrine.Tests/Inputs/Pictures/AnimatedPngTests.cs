using System.Buffers.Binary;
using System.Text;
using CsCheck;
using Vitrine.Inputs.Pictures;

namespace Vitrine.Tests.Inputs.Pictures;

public sealed class AnimatedPngTests
{
    [Fact]
    public void Every_frame_comes_back_pixel_by_pixel()
        => SamplePictures.Any.Sample(
            picture =>
            {
                Picture[] frames = [picture, new(picture.Width, picture.Height, [.. picture.Rgb.Select(b => (byte)(255 - b))]), picture];
                var film = Written(frames);
                FramesOf(film).Select(f => f.Rgb).Zip(frames).All(p => p.First.AsSpan().SequenceEqual(p.Second.Rgb)).ShouldBeTrue();
                PictureFile.Decode(film, "film").Rgb.ShouldBe(picture.Rgb); // who knows no animation sees the first
            },
            iter: 50);

    [Fact]
    public void Its_chunks_are_numbered_as_the_standard_asks_for()
    {
        var chunks = Chunks(Written([Grey(1), Grey(2), Grey(3)])).ToArray();
        chunks.Select(c => c.Type).ShouldBe(["IHDR", "acTL", "fcTL", "IDAT", "fcTL", "fdAT", "fcTL", "fdAT", "IEND"]);
        BinaryPrimitives.ReadUInt32BigEndian(chunks[1].Data).ShouldBe(3u);
        chunks.Where(c => c.Type is "fcTL" or "fdAT").Select(c => BinaryPrimitives.ReadUInt32BigEndian(c.Data)).ShouldBe([0u, 1u, 2u, 3u, 4u]);
        chunks.Where(c => c.Type == "fcTL").Select(c => BinaryPrimitives.ReadUInt16BigEndian(c.Data.AsSpan(20))).Distinct().ShouldBe([(ushort)250]);
    }

    [Fact]
    public void Frames_of_two_sizes_or_of_another_number_are_refused()
    {
        Should.Throw<VitrineException>(() => Written([Grey(1), new Picture(3, 2, new byte[18])])).Message.ShouldContain("frame 1 is 3 x 2; the first is 2 x 2");
        using var stream = new MemoryStream();
        Should.Throw<VitrineException>(() => AnimatedPng.Write(stream, [Grey(1)], 2)).Message.ShouldContain("1 frames; expected 2");
    }

    private static Picture Grey(byte level) => new(2, 2, [.. Enumerable.Repeat(level, 12)]);

    private static byte[] Written(Picture[] frames)
    {
        using var stream = new MemoryStream();
        AnimatedPng.Write(stream, frames, frames.Length, 250);
        return stream.ToArray();
    }

    /// <summary>Each frame as a picture of its own: the film's header with the frame's data.</summary>
    private static IEnumerable<Picture> FramesOf(byte[] film)
    {
        var chunks = Chunks(film).ToArray();
        foreach (var (type, data) in chunks.Where(c => c.Type is "IDAT" or "fdAT"))
        {
            using var alone = new MemoryStream();
            alone.Write(film.AsSpan(0, 8));
            PngChunk.Write(alone, "IHDR", chunks[0].Data);
            PngChunk.Write(alone, "IDAT", type == "IDAT" ? data : data[4..]);
            PngChunk.Write(alone, "IEND", []);
            yield return PictureFile.Decode(alone.ToArray(), "frame");
        }
    }

    private static IEnumerable<(string Type, byte[] Data)> Chunks(byte[] film)
    {
        for (var at = 8; at < film.Length;)
        {
            var length = (int)BinaryPrimitives.ReadUInt32BigEndian(film.AsSpan(at));
            yield return (Encoding.Latin1.GetString(film, at + 4, 4), film[(at + 8)..(at + 8 + length)]);
            at += length + 12;
        }
    }
}
