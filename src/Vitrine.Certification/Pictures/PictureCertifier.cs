namespace Vitrine.Certification.Pictures;

/// <summary>Certifies the preparation of pictures: decoders, resamplers, processors, rendered frames.</summary>
internal sealed class PictureCertifier : ICertifier
{
    /// <inheritdoc/>
    public bool Knows(Fixture fixture) => fixture?.Family is "images" or Fixture.FramesFamily;

    /// <inheritdoc/>
    public IEnumerable<CertificateRow> Certify(Fixture fixture, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(fixture);
        foreach (var row in Rows(fixture))
        {
            cancellation.ThrowIfCancellationRequested();
            yield return row;
        }
    }

    private static IEnumerable<CertificateRow> Rows(Fixture fixture)
        => fixture.Family == Fixture.FramesFamily ? FrameCertificate.Rows(fixture)
            : Names(fixture, "out.raw") ? DecoderCertificate.Rows(fixture)
            : PictureGoldens.Inputs(fixture).Concat(
                File.Exists(Path.Combine(fixture.Folder, "preprocessor_config.json")) ? ProcessorCertificate.Rows(fixture)
                : Names(fixture, "out.pixel_values.") ? TowerCertificate.Rows(fixture)
                : Names(fixture, "out.geometry.") ? PaddingCertificate.Rows(fixture)
                : Names(fixture, "out.") ? ResamplingCertificate.Rows(fixture)
                : []);

    private static bool Names(Fixture fixture, string key) => fixture.Keys.Any(k => k.Contains($"/{key}", StringComparison.Ordinal));
}
