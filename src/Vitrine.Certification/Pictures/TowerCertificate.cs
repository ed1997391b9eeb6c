using Vitrine.Inputs.Pictures;

namespace Vitrine.Certification.Pictures;

/// <summary>OpenVLA's processor, tower by tower, letterboxed and not.</summary>
/// <remarks>Keys: out.letterbox.TOWER, out.resized.STRATEGY.TOWER, out.pixel_values.STRATEGY.TOWER.</remarks>
internal static class TowerCertificate
{
    /// <summary>DINOv2's are ImageNet's, rounded to bfloat16 as in the published files.</summary>
    private static readonly Normalise Dino = new([0.484375f, 0.455078125f, 0.40625f], [0.228515625f, 0.2236328125f, 0.224609375f]);

    private static readonly Normalise SigLip = new([0.5f, 0.5f, 0.5f], [0.5f, 0.5f, 0.5f]);

    public static IEnumerable<CertificateRow> Rows(Fixture fixture)
        => PictureGoldens.Cases(fixture)
            .SelectMany(@case => fixture.KeysOf(@case).Where(k => k.StartsWith("out.", StringComparison.Ordinal)).Select(key => Row(fixture, @case, key)));

    private static CertificateRow Row(Fixture fixture, string @case, string key)
    {
        var parts = key.Split('.');
        var normalise = parts[^1] == "dino" ? Dino : SigLip;
        var (engine, picture) = (PictureGoldens.Engine(fixture), new Preparation { Frames = [PictureGoldens.Read(fixture, @case)] });
        var shape = fixture.Shape($"{@case}/{key}");
        var box = new Letterbox((byte)(normalise.Mean[0] * 255), (byte)(normalise.Mean[1] * 255), (byte)(normalise.Mean[2] * 255));
        var boxed = parts.Contains("letterbox") ? box.Apply(picture, engine) : picture;
        if (parts[1] == "letterbox")
        {
            return PictureGoldens.Bytes(fixture, @case, key, boxed.Frames[0]);
        }

        var (height, width) = parts[1] == "resized" ? ((int)shape[0], (int)shape[1]) : ((int)shape[^2], (int)shape[^1]);
        var resized = new Resize(width, height, ResampleFilter.Bicubic).Apply(boxed, engine);
        return parts[1] == "resized"
            ? PictureGoldens.Bytes(fixture, @case, key, resized.Frames[0])
            : PictureGoldens.Near(fixture, @case, key, new Towers([[normalise]]).Apply(resized, engine).Pixels[0]);
    }
}
