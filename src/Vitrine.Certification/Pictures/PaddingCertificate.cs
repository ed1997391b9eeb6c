using System.Globalization;
using Vitrine.Inputs.Pictures;

namespace Vitrine.Certification.Pictures;

/// <summary>Resizing that keeps the shape and pads: openpi's client, lerobot's pi0 family, lerobot's SmolVLA.</summary>
/// <remarks>Keys: out.KIND.N, and out.geometry.KIND.N with new height, new width, top, left, bottom, right.</remarks>
internal static class PaddingCertificate
{
    public static IEnumerable<CertificateRow> Rows(Fixture fixture)
        => PictureGoldens.Cases(fixture)
            .SelectMany(@case => fixture.KeysOf(@case).Where(k => k.StartsWith("out.", StringComparison.Ordinal)).Select(key => Row(fixture, @case, key)));

    private static CertificateRow Row(Fixture fixture, string @case, string key)
    {
        var parts = key.Split('.');
        var (kind, side) = (parts[^2], int.Parse(parts[^1], CultureInfo.InvariantCulture));
        var picture = PictureGoldens.Read(fixture, @case);
        var centred = kind != "lerobot_smolvla";
        if (parts[1] == "geometry")
        {
            var place = centred
                ? Placement.Centred(picture.Width, picture.Height, side, side)
                : Placement.BottomRight(picture.Width, picture.Height, side, side);
            return PictureGoldens.Whole(
                @case, key, [place.Height, place.Width, place.Top, place.Left, place.Bottom, place.Right], fixture.Numbers($"{@case}/{key}"));
        }

        var engine = PictureGoldens.Engine(fixture);
        if (kind == "openpi")
        {
            return PictureGoldens.Bytes(fixture, @case, key, new ResizeWithPad(side, side).Apply(picture, engine));
        }

        // Large goldens keep their first channel only.
        var pixels = new InterpolateWithPad(side, side, centred).Apply(new Preparation { Frames = [picture] }, engine).Pixels[0];
        var channels = (int)fixture.Shape($"{@case}/{key}")[1];
        return PictureGoldens.Near(fixture, @case, key, new Pixels(channels, side, side, pixels.Values[..(channels * side * side)]));
    }
}
