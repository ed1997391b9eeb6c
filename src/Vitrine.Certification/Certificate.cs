namespace Vitrine.Certification;

/// <summary>One comparison of the engine with a reference.</summary>
/// <param name="Case">Case of the fixture, e.g. <c>single</c> or <c>edit/zero_head</c>.</param>
/// <param name="Point">Address or output that was compared.</param>
/// <param name="Error">Largest absolute difference; for ids and flags the number that differ.</param>
/// <param name="Scale">Largest absolute value of the reference.</param>
/// <param name="Bound">Largest error that passes.</param>
/// <param name="Passed">The verdict.</param>
/// <param name="Note">What a reader should know of it.</param>
public sealed record CertificateRow(string Case, string Point, double Error, double Scale, double Bound, bool Passed, string Note = "")
{
    /// <summary>A comparison of float32 numbers: max|a-b| must not exceed 5e-5 max(1, max|b|).</summary>
    public static CertificateRow Of(string @case, string point, double error, double scale, string note = "")
        => Within(@case, point, error, scale, 5e-5 * Math.Max(1, scale), note);

    /// <summary>A comparison against a bound of its own. NaN fails.</summary>
    public static CertificateRow Within(string @case, string point, double error, double scale, double bound, string note = "")
        => new(@case, point, error, scale, bound, error <= bound, note);

    /// <summary>A comparison of ids, flags or texts: none may differ.</summary>
    public static CertificateRow Equal(string @case, string point, long differing, long count, string note = "")
        => new(@case, point, differing, count, 0, differing == 0, note);

    /// <summary>A golden that could not be compared, which is a failure.</summary>
    public static CertificateRow Failed(string @case, string point, string why) => new(@case, point, double.NaN, double.NaN, 0, false, why);
}

/// <summary>All comparisons of one folder.</summary>
/// <param name="Folder">Where the fixture lies.</param>
/// <param name="Family">The <c>family</c> of its meta.json.</param>
/// <param name="Rows">In the order of the cases.</param>
public sealed record Certificate(string Folder, string Family, IReadOnlyList<CertificateRow> Rows)
{
    /// <summary>Whether there was something to compare and all of it agrees.</summary>
    public bool Passed => Rows.Count > 0 && Rows.All(r => r.Passed);

    /// <summary>The largest error relative to its bound's scale, max(1, max|b|).</summary>
    public double LargestRelativeError => Rows.Where(r => r.Bound > 0).Select(r => r.Error / Math.Max(1, r.Scale)).DefaultIfEmpty(0).Max();
}

/// <summary>Holds fixtures of some families against what computes them.</summary>
public interface ICertifier
{
    /// <summary>Whether it can say something about a fixture, told by its meta.json.</summary>
    bool Knows(Fixture fixture);

    /// <summary>Compares, case by case.</summary>
    IEnumerable<CertificateRow> Certify(Fixture fixture, CancellationToken cancellation);
}
