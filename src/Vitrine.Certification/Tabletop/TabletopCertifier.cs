namespace Vitrine.Certification.Tabletop;

/// <summary>Certifies the tabletop among other families: the cases that concern the world alone.</summary>
/// <remarks>
/// The cases of a policy in it need a checkpoint and are certified where one is at hand; its <c>episode</c> is acted out here from the reference's tokens.
/// </remarks>
internal sealed class TabletopCertifier : ICertifier
{
    /// <inheritdoc/>
    public bool Knows(Fixture fixture) => fixture?.Family == TabletopCertificate.Family;

    /// <inheritdoc/>
    public IEnumerable<CertificateRow> Certify(Fixture fixture, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(fixture);
        foreach (var name in TabletopCertificate.Cases)
        {
            cancellation.ThrowIfCancellationRequested();
            foreach (var row in TabletopCertificate.Check(fixture, [name]))
            {
                yield return row;
            }
        }
    }
}
