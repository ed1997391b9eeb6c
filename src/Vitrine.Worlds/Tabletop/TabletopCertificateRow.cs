namespace Vitrine.Worlds.Tabletop;

/// <summary>One line of a certificate: how far a computed value is from its reference.</summary>
/// <param name="Case">The case of the fixture, e.g. <c>render</c>.</param>
/// <param name="Point">What was compared, e.g. <c>out.image</c>.</param>
/// <param name="Error">Largest absolute difference.</param>
/// <param name="Scale">Largest absolute value of the reference.</param>
/// <param name="Bound">The largest error that passes.</param>
/// <param name="Passed">The verdict.</param>
/// <param name="Note">How many values were compared, and how.</param>
public sealed record TabletopCertificateRow(string Case, string Point, double Error, double Scale, double Bound, bool Passed, string Note);
