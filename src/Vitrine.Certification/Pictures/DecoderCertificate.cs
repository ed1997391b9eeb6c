using Vitrine.Inputs.Pictures;

namespace Vitrine.Certification.Pictures;

/// <summary>PNG and JPEG files as Pillow decodes them: as stored, as RGB, with alpha, turned upright.</summary>
internal static class DecoderCertificate
{
    /// <summary>Levels by which a correct JPEG decoder may differ, as the fixture says. PNG may not differ.</summary>
    private const double JpegBound = 2;

    public static IEnumerable<CertificateRow> Rows(Fixture fixture)
        => fixture.Meta.GetProperty("cases").EnumerateArray().Select(c => c.GetString()!).SelectMany(file => Case(fixture, file));

    private static IEnumerable<CertificateRow> Case(Fixture fixture, string file)
    {
        var path = Path.Combine(fixture.Folder, file);
        var @case = file.Replace('.', '_');
        var bytes = File.ReadAllBytes(path);
        return fixture.KeysOf(@case).Select(key => key switch
        {
            "out.rgb" => Compared(fixture, @case, key, bytes, PictureFile.Decode(bytes, path)),
            "out.rgb_transposed" => Compared(fixture, @case, key, bytes, PictureFile.Decode(bytes, path, upright: true)),
            "out.raw" when PngFile.IsPng(bytes)
                => PictureGoldens.Whole(@case, key, [.. PngFile.Parse(bytes, path).Samples().Select(s => (long)s)], fixture.Numbers($"{@case}/{key}")),
            "out.raw" => Compared(fixture, @case, key, bytes, PictureFile.Decode(bytes, path)),
            "out.rgba" when PngFile.IsPng(bytes) => PictureGoldens.Bytes(@case, key, WithAlpha(PngFile.Parse(bytes, path)), fixture.Numbers($"{@case}/{key}")),
            _ => CertificateRow.Failed(@case, key, "no decoder computes it here"),
        });
    }

    private static CertificateRow Compared(Fixture fixture, string @case, string key, byte[] bytes, Picture found)
    {
        if (PngFile.IsPng(bytes))
        {
            return PictureGoldens.Bytes(fixture, @case, key, found);
        }

        var shape = fixture.Shape($"{@case}/{key}");
        var values = shape.Count == 2 ? found.Rgb.Where((_, i) => i % 3 == 0) : found.Rgb;
        return shape[0] == found.Height && shape[1] == found.Width
            ? PictureGoldens.Near(@case, key, [.. values.Select(v => (double)v)], fixture.Numbers($"{@case}/{key}"), JpegBound, "JPEG: levels")
            : CertificateRow.Failed(@case, key, $"found {found.Height} x {found.Width}, expected [{string.Join(", ", shape)}]");
    }

    private static byte[] WithAlpha(PngFile png)
    {
        var (rgb, alpha) = (png.ToPicture().Rgb, png.Alpha());
        return [.. alpha.SelectMany((a, i) => (byte[])[rgb[3 * i], rgb[(3 * i) + 1], rgb[(3 * i) + 2], a])];
    }
}
