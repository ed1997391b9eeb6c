namespace Vitrine.Views;

/// <summary>How the engine's numbers stand beside the reference numbers.</summary>
public sealed record CertificateSummary
{
    /// <summary>The bound on the relative error.</summary>
    public required double Bound { get; init; }

    /// <summary>One entry a folder of reference numbers.</summary>
    public required IReadOnlyList<CertificateFolder> Folders { get; init; }
}

/// <summary>One folder of reference numbers.</summary>
/// <param name="Name">The folder's name.</param>
/// <param name="Points">Points compared.</param>
/// <param name="LargestRelativeError">The largest relative error among them.</param>
/// <param name="Passed">Whether every point stayed within the bound.</param>
public sealed record CertificateFolder(string Name, int Points, double LargestRelativeError, bool Passed);
