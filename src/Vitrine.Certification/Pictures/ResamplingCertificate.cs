using Vitrine.Inputs.Pictures;

namespace Vitrine.Certification.Pictures;

/// <summary>Resamplers: Pillow on bytes and floats, torch on bytes and floats.</summary>
internal static class ResamplingCertificate
{
    private const string VerticalFirst = "out.vertical_first", FloatSuffix = "_float";

    public static IEnumerable<CertificateRow> Rows(Fixture fixture)
        => PictureGoldens.Cases(fixture)
            .SelectMany(@case => fixture.KeysOf(@case).Where(k => k.StartsWith("out.", StringComparison.Ordinal)).Select(key => Row(fixture, @case, key)));

    /// <remarks>Keys: out.FILTER or out.FILTER.HxW (Pillow), out.MODE.KIND.HxW and out.uint8.MODE.antialias.HxW (torch).</remarks>
    private static CertificateRow Row(Fixture fixture, string @case, string key)
    {
        var parts = key.Split('.')[1..];
        var engine = PictureGoldens.Engine(fixture);
        if (key == VerticalFirst)
        {
            return Order(fixture, @case);
        }

        var torch = parts.Length >= 3;
        var (height, width) = Size(fixture, $"{@case}/{key}", torch);
        if (!Enum.TryParse<ResampleFilter>(parts[parts[0] == "uint8" ? 1 : 0], ignoreCase: true, out var filter))
        {
            return CertificateRow.Failed(@case, key, "names no filter that is known");
        }

        if (!torch && @case.EndsWith(FloatSuffix, StringComparison.Ordinal) && !fixture.Has($"in.{@case}"))
        {
            // The same picture divided by 255, as one plane of floats.
            var grey = PictureGoldens.Read(fixture, @case[..^FloatSuffix.Length]);
            var plane = new Pixels(1, grey.Height, grey.Width, [.. grey.Rgb.Where((_, i) => i % 3 == 0).Select(v => v / 255f)]);
            return PictureGoldens.Near(fixture, @case, key, Interpolation.Pillow(plane, width, height, filter));
        }

        var picture = PictureGoldens.Read(fixture, @case);
        return !torch ? PictureGoldens.Bytes(fixture, @case, key, Resampling.Resize(picture, width, height, filter, engine))
            : parts[0] == "uint8" ? Planar(fixture, @case, key, Resampling.Resize(picture, width, height, filter, ResizeEngine.Torchvision))
            : PictureGoldens.Near(
                fixture, @case, key,
                Interpolation.Torch(Pixels.Of(picture, (_, v) => v / 255f), width, height, filter, antialias: parts[1] == "antialias",
                    alignCorners: parts[1] == "align_corners"));
    }

    private static CertificateRow Planar(Fixture fixture, string @case, string key, Picture found)
        => PictureGoldens.Bytes(@case, key, [.. Pixels.Of(found).Values.Select(v => (byte)v)], fixture.Numbers($"{@case}/{key}"));

    private static CertificateRow Order(Fixture fixture, string @case)
    {
        var expected = fixture.Integers($"{@case}/{VerticalFirst}")[0] != 0;
        var picture = PictureGoldens.Read(fixture, @case);
        var key = fixture.KeysOf(@case).First(k => k.StartsWith("out.", StringComparison.Ordinal) && k != VerticalFirst);
        var (height, width) = Size(fixture, $"{@case}/{key}", torch: false);
        return CertificateRow.Equal(
            @case, VerticalFirst, Resampling.VerticalFirst(picture, width, height, PictureGoldens.Engine(fixture)) == expected ? 0 : 1, 1);
    }

    private static (int Height, int Width) Size(Fixture fixture, string key, bool torch)
    {
        var shape = fixture.Shape(key);
        return torch ? ((int)shape[^2], (int)shape[^1]) : ((int)shape[0], (int)shape[1]);
    }
}
