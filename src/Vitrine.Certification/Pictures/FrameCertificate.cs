using System.Security.Cryptography;
using System.Text.Json;
using Vitrine.Inputs.Pictures;

namespace Vitrine.Certification.Pictures;

/// <summary>Rendered frames: checksums of their pixels, and of what openpi's client makes of them.</summary>
internal static class FrameCertificate
{
    private const string Resized = "resized_", Suffix = "_pixels_sha256";

    public static IEnumerable<CertificateRow> Rows(Fixture fixture)
        => fixture.Meta.GetProperty("frames").EnumerateArray()
            .SelectMany(frame => frame.EnumerateObject())
            .Where(p => p.Value.ValueKind == JsonValueKind.Object && p.Value.TryGetProperty("pixels_sha256", out _))
            .SelectMany(camera => Camera(fixture, camera.Value));

    private static IEnumerable<CertificateRow> Camera(Fixture fixture, JsonElement camera)
    {
        var file = Path.GetFileName(camera.GetProperty("file").GetString()!);
        var path = Path.Combine(fixture.Folder, file);
        if (!File.Exists(path))
        {
            yield return CertificateRow.Failed(file, "pixels", "the file is not there");
            yield break;
        }

        var picture = PictureFile.Read(path);
        yield return Checked(file, "pixels", picture, camera.GetProperty("pixels_sha256"));
        foreach (var key in camera.EnumerateObject()
            .Where(p => p.Name.StartsWith(Resized, StringComparison.Ordinal) && p.Name.EndsWith(Suffix, StringComparison.Ordinal)))
        {
            var size = key.Name[Resized.Length..^Suffix.Length];
            var side = int.Parse(size, System.Globalization.CultureInfo.InvariantCulture);
            var resized = new ResizeWithPad(side, side).Apply(picture, PictureGoldens.Engine(fixture));
            yield return Checked(file, $"resized to {side}", resized, key.Value);
            var stored = Path.Combine(fixture.Folder, $"{Path.GetFileNameWithoutExtension(file)}_{size}.png");
            if (File.Exists(stored))
            {
                yield return PictureGoldens.Bytes(
                    file, $"resized to {side}, pixel by pixel", resized.Rgb, [.. PictureFile.Read(stored).Rgb.Select(v => (double)v)]);
            }
        }
    }

    private static CertificateRow Checked(string file, string point, Picture picture, JsonElement sum)
        => CertificateRow.Equal(file, point,
            Convert.ToHexString(SHA256.HashData(picture.Rgb)).Equals(sum.GetString(), StringComparison.OrdinalIgnoreCase) ? 0 : 1, 1, "checksum");
}
