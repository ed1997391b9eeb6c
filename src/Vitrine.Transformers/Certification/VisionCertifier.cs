using static TorchSharp.torch;

namespace Vitrine.Transformers.Certification;

/// <summary>Certifies image encoders in timm's layout.</summary>
public sealed class VisionCertifier : ICertifier
{
    /// <inheritdoc/>
    public bool Knows(Fixture fixture) => fixture?.Family == "timm_vit";

    /// <inheritdoc/>
    public IEnumerable<CertificateRow> Certify(Fixture fixture, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(fixture);
        using var model = VisionModel.Open(fixture.Folder);
        foreach (var @case in fixture.Meta.GetProperty("cases").EnumerateArray().Select(c => c.GetString()!))
        {
            cancellation.ThrowIfCancellationRequested();
            using var scope = NewDisposeScope();
            var keys = fixture.KeysOf(@case);
            var points = keys.Where(k => k.StartsWith("vision.", StringComparison.Ordinal)).ToArray();
            using var run = model.Run(fixture.Read($"{@case}/in.pixel_values"), RunPlan.Capturing(points));
            foreach (var key in points)
            {
                yield return Comparison.Of(@case, key, run[key], fixture.Read($"{@case}/{key}"));
            }

            if (keys.Contains("out.pooled"))
            {
                yield return Comparison.Of(@case, "out.pooled", run.Logits, fixture.Read($"{@case}/out.pooled"));
            }
        }
    }
}
