using Vitrine.Certification.Methods;
using Vitrine.Certification.Models;
using Vitrine.Certification.Pictures;
using Vitrine.Certification.Tabletop;
using Vitrine.Certification.Tokenizers;

namespace Vitrine.Certification;

/// <summary>All that this version can hold against reference numbers.</summary>
public static class Certifiers
{
    /// <summary>One for each kind of reference numbers; several may have something to say about one folder.</summary>
    public static IReadOnlyList<ICertifier> All { get; } =
    [
        new TextCertifier(), new GgufCertifier(), new VisionCertifier(), new VisionLanguageCertifier(), new RealEncoderCertifier(), new PictureCertifier(),
        new TokenizerCertifier(), new MethodsCertifier(), new NumbersCertifier(), new InputAttributionCertifier(), new PatchingCertifier(),
        new AttributionPatchingCertifier(), new PathPatchingCertifier(), new DasCertifier(), new OpenVlaCertifier(),
        new OftCertifier(), new ActCertifier(), new FlowCertifier(), new Pi0FastCertifier(), new ValueVectorCertifier(), new GgufValueVectorCertifier(),
        new TabletopCertifier(), new TabletopPolicyCertifier(),
    ];

    /// <summary>All that they say about one folder.</summary>
    /// <param name="folder">Holds <c>golden.safetensors</c>, or <c>golden.json</c>, and <c>meta.json</c>.</param>
    /// <param name="cancellation">Stops between two cases.</param>
    /// <exception cref="VitrineException">The folder is no fixture, or no certifier knows its family.</exception>
    public static Certificate Certify(string folder, CancellationToken cancellation = default)
    {
        using var fixture = Fixture.Open(folder);
        var certifiers = All.Where(c => c.Knows(fixture)).ToArray();
        if (certifiers.Length == 0)
        {
            throw new VitrineException($"{folder}: holds goldens of '{fixture.Family}', which this version does not certify.");
        }

        try
        {
            return new Certificate(folder, fixture.Family, [.. certifiers.SelectMany(c => c.Certify(fixture, cancellation))]);
        }
        catch (Exception e) when (e is KeyNotFoundException or InvalidOperationException or FormatException)
        {
            throw new VitrineException($"{Path.Combine(folder, "meta.json")}: lacks what its goldens need, or has it of another kind ({e.Message}).", e);
        }
    }
}
