using Vitrine.Transformers;
using static TorchSharp.torch;

namespace Vitrine.Certification.Methods;

/// <summary>
/// Certifies goldens of analyses of text models: lenses, direct logit attribution, circuits, weight processing. They are told apart by their keys.
/// </summary>
internal sealed class MethodsCertifier : ICertifier
{
    private delegate IEnumerable<CertificateRow> Method(Fixture fixture, string name, TextModel model);

    /// <inheritdoc/>
    public bool Knows(Fixture fixture) => fixture is not null && Of(fixture) is not null;

    /// <inheritdoc/>
    public IEnumerable<CertificateRow> Certify(Fixture fixture, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(fixture);
        var method = Of(fixture) ?? throw new VitrineException($"{fixture.Folder}: holds goldens of '{fixture.Family}', which this version does not certify.");
        foreach (var named in fixture.Meta.GetProperty("models").EnumerateObject())
        {
            cancellation.ThrowIfCancellationRequested();
            using var scope = NewDisposeScope();
            using var model = TextModel.Open(Folder(fixture, named.Value.GetString()!));
            foreach (var row in method(fixture, named.Name, model).ToArray())
            {
                yield return row;
            }
        }
    }

    private static Method? Of(Fixture fixture)
        => !fixture.Meta.TryGetProperty("models", out _) ? null
            : fixture.Keys.Any(k => k.EndsWith("/components.logit_diff", StringComparison.Ordinal)) ? AttributionGoldens.Compare
            : fixture.Keys.Any(k => k.EndsWith("/lens.logits", StringComparison.Ordinal)) ? LensGoldens.Compare
            : fixture.Keys.Any(k => k.Contains("/w.translator.", StringComparison.Ordinal)) ? TunedLensGoldens.Compare
            : fixture.Keys.Any(k => k.EndsWith("/full_OV.diagonal", StringComparison.Ordinal)) ? CircuitGoldens.Compare
            : fixture.Keys.Any(k => k.Contains("/weights.blocks.", StringComparison.Ordinal)) ? WeightGoldens.Compare
            : fixture.Meta.TryGetProperty("edges", out _) ? EdgePatchingCertifier.Compare
            : fixture.Keys.Any(k => k.EndsWith("/edges.code", StringComparison.Ordinal)) ? EdgePatchingCertifier.ComparePaths
            : null;

    /// <remarks>meta.json gives paths from the root of the fixtures, two folders up.</remarks>
    internal static string Folder(Fixture fixture, string path)
    {
        var root = Path.GetFullPath(Path.Combine(fixture.Folder, "..", ".."));
        var folder = Path.GetFullPath(Path.Combine(root, path));
        return folder.StartsWith(root + Path.DirectorySeparatorChar, StringComparison.Ordinal) && Directory.Exists(folder)
            ? folder
            : throw new VitrineException($"{fixture.Folder}: meta.json names the model '{path}', which is not below {root}.");
    }
}
