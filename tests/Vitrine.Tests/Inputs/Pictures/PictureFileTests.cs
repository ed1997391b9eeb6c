using System.Text;
using CsCheck;
using Vitrine.Inputs.Pictures;

namespace Vitrine.Tests.Inputs.Pictures;

public sealed class PictureFileTests
{
    private static readonly (int Type, int Depth)[] Kinds = [(0, 1), (0, 2), (0, 4), (0, 8), (0, 16), (2, 8), (2, 16), (3, 1), (3, 2), (3, 4), (3, 8), (4, 8),
        (4, 16), (6, 8), (6, 16)];

    private static readonly byte[] Palette = [.. Enumerable.Range(0, 768).Select(i => (byte)(i * 7))];

    [Fact]
    public void A_png_written_and_read_again_is_the_same()
        => SamplePictures.Any.Sample(picture => PictureFile.Decode(PictureFile.EncodePng(picture), "png").Rgb.SequenceEqual(picture.Rgb), iter: 100);

    [Fact]
    public void A_jpeg_of_a_smooth_picture_is_nearly_the_same()
    {
        var picture = SamplePictures.Waves(61, 47);
        var read = PictureFile.Decode(PictureFile.EncodeJpeg(picture), "jpeg");
        (read.Width, read.Height).ShouldBe((61, 47));
        read.Rgb.Zip(picture.Rgb).Average(p => Math.Abs(p.First - p.Second)).ShouldBeLessThan(3);
    }

    [Fact]
    public void Png_of_every_depth_colour_filter_and_interlacing_is_read_as_it_was_written()
        => Gen.Select(Gen.Int[1, 19], Gen.Int[1, 19], Gen.Int[0, Kinds.Length - 1].Select(i => Kinds[i]), Gen.Int[0, 4], Gen.Bool, Gen.Int[0, int.MaxValue])
            .Sample(
            (width, height, kind, filter, interlaced, seed) =>
            {
                var random = new Random(seed);
                var samples = Enumerable.Range(0, width * height * PngWriter.ChannelsOf(kind.Type)).Select(_ => random.Next(1 << kind.Depth)).ToArray();
                var png = PngFile.Parse(
                    PngWriter.Write(width, height, kind.Depth, kind.Type, samples, filter, interlaced, kind.Type == 3 ? [("PLTE", Palette)] : []), "png");
                png.Samples()
                    .ShouldBe(samples.Select(s => (kind.Type, kind.Depth) switch { (0, 2) => s * 85, (0, 4) => s * 17, (not 0, 16) => s >> 8, _ => s }));
                var rgb = png.ToPicture().Rgb;
                for (var i = 0; i < width * height; i++)
                {
                    var pixel = samples.Skip(i * PngWriter.ChannelsOf(kind.Type)).Select(s => kind.Depth == 16 && kind.Type != 0 ? s >> 8 : s).ToArray();
                    int[] expected = kind.Type switch
                    {
                        3 => [Palette[3 * pixel[0]], Palette[(3 * pixel[0]) + 1], Palette[(3 * pixel[0]) + 2]],
                        2 or 6 => pixel[..3],
                        0 when kind.Depth < 8 => [.. Enumerable.Repeat(pixel[0] * 255 / ((1 << kind.Depth) - 1), 3)],
                        _ => [.. Enumerable.Repeat(Math.Min(pixel[0], 255), 3)],
                    };
                    rgb[(3 * i)..((3 * i) + 3)].Select(v => (int)v).ShouldBe(expected);
                }
            },
            iter: 300);

    [Fact]
    public void Transparency_is_read_from_palettes_keys_and_alpha()
    {
        PngFile.Parse(PngWriter.Write(3, 1, 8, 3, [0, 1, 2], 0, false, ("PLTE", Palette), ("tRNS", [0, 77])), "png").Alpha().ShouldBe([0, 77, 255]);
        PngFile.Parse(PngWriter.Write(2, 1, 8, 2, [1, 2, 3, 4, 5, 6], 0, false, ("tRNS", [0, 4, 0, 5, 0, 6])), "png").Alpha().ShouldBe([255, 0]);
        PngFile.Parse(PngWriter.Write(2, 1, 16, 4, [9, 0x1234, 9, 0xFFFF], 0, false), "png").Alpha().ShouldBe([0x12, 255]);
    }

    [Theory]
    [InlineData(1, "ABCDEF", 3)]
    [InlineData(2, "CBAFED", 3)]
    [InlineData(3, "FEDCBA", 3)]
    [InlineData(4, "DEFABC", 3)]
    [InlineData(5, "ADBECF", 2)]
    [InlineData(6, "DAEBFC", 2)]
    [InlineData(7, "FCEBDA", 2)]
    [InlineData(8, "CFBEAD", 2)]
    public void A_picture_is_turned_upright_only_when_asked(int orientation, string upright, int width)
    {
        byte[] tiff = [.. "MM\0*"u8, 0, 0, 0, 8, 0, 1, 0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, (byte)orientation, 0, 0, 0, 0, 0, 0];
        var file = PngWriter.Write(3, 2, 8, 0, [.. "ABCDEF".Select(c => (int)c)], 0, false, ("eXIf", tiff));
        Letters(PictureFile.Decode(file, "png")).ShouldBe("ABCDEF");
        var turned = PictureFile.Decode(file, "png", upright: true);
        turned.Width.ShouldBe(width);
        Letters(turned).ShouldBe(upright);

        static string Letters(Picture picture) => string.Concat(picture.Rgb.Where((_, i) => i % 3 == 0).Select(v => (char)v));
    }

    public static TheoryData<string, byte[], string> Refused()
    {
        var waves = SamplePictures.Waves(40, 30);
        var (png, jpeg) = (PictureFile.EncodePng(waves), PictureFile.EncodeJpeg(waves));
        return new()
        {
            { "an empty file", [], "is empty" },
            { "a GIF", [.. "GIF89a"u8, 1, 0, 1, 0, 0, 0, 0], "is a GIF file" },
            { "a BMP", [.. "BM"u8, .. new byte[60]], "is a BMP file" },
            { "a WebP", [.. "RIFF"u8, 0, 0, 0, 0, .. "WEBPVP8 "u8], "is a WebP file" },
            { "a TIFF", [.. "II*\0"u8, .. new byte[60]], "is a TIFF file" },
            { "a text", Encoding.UTF8.GetBytes("no picture at all"), "is no PNG or JPEG" },
            { "a PNG of no width", PngWriter.File(("IHDR", PngWriter.Header(0, 5, 8, 2, false)), ("IDAT", []), ("IEND", [])), "0 x 5 pixels" },
            { "a PNG of 30,000 x 30,000", PngWriter.File(("IHDR", PngWriter.Header(30_000, 30_000, 8, 2, false)), ("IDAT", new byte[10]),
                ("IEND", [])), "30000 x 30000 pixels" },
            { "a PNG that claims more than it holds", PngWriter.File(("IHDR", PngWriter.Header(9_000, 9_000, 8, 2, false)), ("IDAT", new byte[10]),
                ("IEND", [])), "cannot hold them" },
            { "a PNG of 3 bits", PngWriter.File(("IHDR", PngWriter.Header(5, 5, 3, 2, false)), ("IDAT", new byte[10]), ("IEND", [])), "3 bits" },
            { "a PNG without palette", PngWriter.File(("IHDR", PngWriter.Header(5, 5, 8, 3, false)), ("IDAT", new byte[10]),
                ("IEND", [])), "palette has 0 bytes" },
            { "a PNG with a colour beyond its palette", PngWriter.Write(2, 1, 8, 3, [0, 9], 0, false, ("PLTE", [1, 2, 3])), "colour 9 of a palette of 1" },
            { "a PNG with an unknown critical chunk", PngWriter.Write(2, 1, 8, 0, [0, 9], 0, false, ("QQQQ", [1])), "QQQQ" },
            { "a PNG with a wrong filter", PngWriter.Write(2, 1, 8, 0, [0, 9], 7, false), "filter 7" },
            { "a truncated PNG", png[..(png.Length / 2)], "truncated" },
            { "a PNG without its end", png[..^12], "no end mark" },
            { "a PNG with a flipped bit", [.. png[..60], (byte)(png[60] ^ 4), .. png[61..]], "checksum" },
            { "the start of a JPEG", jpeg[..20], "broken or truncated" },
            { "a JPEG truncated in its header", jpeg[..(jpeg.Length / 2)], "broken or truncated" },
            { "a JPEG truncated in its pixels", jpeg[..^60], "is truncated" },
            { "a JPEG that claims more than it holds", [0xFF, 0xD8, 0xFF, 0xC0, 0, 11, 8, 0x23, 0x28, 0x23, 0x28, 1, 1, 0x11,
                0], "9000 x 9000 pixels; its 15 bytes cannot hold them" },
            { "a JPEG without tables", [0xFF, 0xD8, 0xFF, 0xC0, 0, 11, 8, 0, 5, 0, 5, 1, 1, 0x11, 0, 0xFF, 0xDA, 0, 8, 1, 1, 0, 0, 63, 0, 1, 2, 3, 0xFF,
                0xD9], "JPEG picture is" },
            { "a JPEG of no height", [0xFF, 0xD8, 0xFF, 0xC0, 0, 11, 8, 0, 0, 0, 5, 1, 1, 0x11, 0], "5 x 0 pixels" },
            { "a JPEG of 30,000 x 30,000", [0xFF, 0xD8, 0xFF, 0xC0, 0, 11, 8, 0x75, 0x30, 0x75, 0x30, 1, 1, 0x11, 0], "30000 x 30000 pixels" },
        };
    }

    [Theory, MemberData(nameof(Refused))]
    public void A_file_that_is_no_good_picture_is_refused_by_name(string what, byte[] bytes, string why)
    {
        var before = GC.GetAllocatedBytesForCurrentThread();
        var message = Should.Throw<VitrineException>(() => PictureFile.Decode(bytes, "shelf.png"), what).Message;
        (GC.GetAllocatedBytesForCurrentThread() - before).ShouldBeLessThan(1 << 20, what);
        message.ShouldStartWith("shelf.png: ");
        message.ShouldContain(why);
        message.ShouldNotContain("\n");
    }

    [Fact]
    public void A_file_that_is_not_there_is_named()
        => Should.Throw<VitrineException>(() => PictureFile.Read("nowhere/none.png")).Message.ShouldStartWith("nowhere/none.png: cannot be read");

    [Fact]
    public void Damaged_files_give_a_picture_or_an_error_and_never_anything_else()
    {
        var waves = SamplePictures.Waves(33, 21);
        byte[][] files =
        [
            PictureFile.EncodePng(waves), PictureFile.EncodeJpeg(waves), PictureFile.EncodeJpeg(waves, 30),
            PngWriter.Write(9, 7, 4, 3, [.. Enumerable.Range(0, 63).Select(i => i % 16)], 4, true, ("PLTE", Palette), ("tRNS", [0, 5])),
            PngWriter.Write(9, 7, 16, 6, [.. Enumerable.Range(0, 252).Select(i => i * 200)], 3, false),
        ];
        var clock = System.Diagnostics.Stopwatch.StartNew();
        Gen.Select(Gen.Int[0, files.Length - 1], Gen.Select(Gen.Int[0, 1 << 20], Gen.Byte).Array[1, 12], Gen.Int[0, 1 << 20], Gen.Bool).Sample(
            (which, changes, cut, cuts) =>
            {
                var bytes = (byte[])files[which].Clone();
                foreach (var (at, value) in changes)
                {
                    bytes[at % bytes.Length] = value;
                }

                bytes = cuts ? bytes[..(cut % bytes.Length)] : bytes;
                try
                {
                    var picture = PictureFile.Decode(bytes, "damaged", upright: true);
                    picture.Rgb.Length.ShouldBe(3 * picture.Width * picture.Height);
                }
                catch (VitrineException e)
                {
                    e.Message.ShouldStartWith("damaged: ");
                }
            },
            iter: 3000);
        clock.Elapsed.ShouldBeLessThan(TimeSpan.FromSeconds(60));
    }

    [Fact]
    public void Damaged_png_data_behind_right_checksums_give_a_picture_or_an_error()
        => Gen.Select(Gen.Byte.Array[0, 60], Gen.Int[1, 30], Gen.Int[1, 30], Gen.Int[0, Kinds.Length - 1].Select(i => Kinds[i]), Gen.Bool).Sample(
            (data, width, height, kind, interlaced) =>
            {
                var file = PngWriter.File(("IHDR", PngWriter.Header(width, height, kind.Depth, kind.Type, interlaced)), ("PLTE", Palette[..30]),
                    ("IDAT", [0x78, 0x9C, .. data]), ("IEND", []));
                try
                {
                    PictureFile.Decode(file, "damaged");
                }
                catch (VitrineException e)
                {
                    e.Message.ShouldStartWith("damaged: ");
                }
            },
            iter: 2000);
}
