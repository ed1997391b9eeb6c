using System.Text.Json;
using System.Text.RegularExpressions;
using Vitrine.Inputs.Pictures;
using Vitrine.Transformers;
using static TorchSharp.torch;

namespace Vitrine.Certification.Models;

/// <summary>Certifies real image encoders whose weights lie outside the fixture: chosen rows of chosen points on a real picture.</summary>
/// <remarks>
/// The fixture names the weights by their hash and the picture by its path; see <see cref="ReferenceWeights"/> for where both are looked for.
/// </remarks>
internal sealed partial class RealEncoderCertifier : ICertifier
{
    /// <summary>Key of the weights' hash in meta.json.</summary>
    public const string Hash = "model_sha256";

    /// <inheritdoc/>
    public bool Knows(Fixture fixture)
        => fixture is not null && fixture.Has("in.pixel_values_rows_0_15") && fixture.Meta.TryGetProperty(Hash, out _)
            && !File.Exists(Path.Combine(fixture.Folder, "config.json"));

    /// <inheritdoc/>
    public IEnumerable<CertificateRow> Certify(Fixture fixture, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(fixture);
        var folder = Path.GetDirectoryName(ReferenceWeights.Needed(fixture, Hash, "model.safetensors"))!;
        using var scope = NewDisposeScope();
        using var model = VisionModel.Open(folder);
        var pixels = Pixels(Picture(fixture), Path.Combine(folder, "preprocessor_config.json"));
        yield return Comparison.Of("picture", "in.pixel_values_rows_0_15", pixels.narrow(2, 0, 16), fixture.Read("in.pixel_values_rows_0_15"));
        var keys = fixture.Keys.Where(k => k.StartsWith($"{model.Tower.Shape.Name}.", StringComparison.Ordinal)).Order(StringComparer.Ordinal).ToArray();
        using var run = model.Run(pixels, RunPlan.Capturing([.. keys.Select(k => k.Split('/')[0]).Distinct()]));
        var rows = tensor(fixture.Integers("rows"));
        foreach (var key in keys)
        {
            cancellation.ThrowIfCancellationRequested();
            var found = run[key.Split('/')[0]];
            found = key.Split('/') switch
            {
                [_, "rows"] => found.index_select(1, rows),
                [_, "cls_row"] => found.select(2, 0),
                _ => found,
            };
            yield return Comparison.Of("picture", key, found, fixture.Read(key));
        }
    }

    private static Picture Picture(Fixture fixture)
    {
        var named = fixture.Meta.GetProperty("notes").EnumerateArray().Select(n => ImageNote().Match(n.GetString()!))
            .FirstOrDefault(m => m.Success)?.Groups["path"].Value
            ?? throw new VitrineException($"{fixture.Folder}: meta.json names no picture.");
        string[] places = [Path.Combine(fixture.Folder, "..", "..", named), .. ReferenceWeights.Roots(fixture).Select(r => Path.Combine(r, "fixtures", named))];
        return PictureFile.Read(places.FirstOrDefault(File.Exists) ?? throw new VitrineException($"{fixture.Folder}: its picture {named} is absent."));
    }

    /// <remarks>(u8 / 255 - mean) / std, in this order of operations; no resize.</remarks>
    private static Tensor Pixels(Picture picture, string recipe)
    {
        using var json = JsonDocument.Parse(File.ReadAllBytes(recipe));
        var (mean, std) = (Channels("image_mean"), Channels("image_std"));
        var bytes = tensor(picture.Rgb).reshape(picture.Height, picture.Width, 3).permute(2, 0, 1).to(float32).unsqueeze(0);
        return (bytes / 255f - mean) / std;                                                               // (1, 3, H, W)

        Tensor Channels(string key) => tensor([.. json.RootElement.GetProperty(key).EnumerateArray().Select(v => v.GetSingle())]).reshape(1, 3, 1, 1);
    }

    [GeneratedRegex(@"^Image: fixtures/(?<path>[\w./-]+);")]
    private static partial Regex ImageNote();
}
