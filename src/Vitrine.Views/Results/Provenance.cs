namespace Vitrine.Views;

/// <summary>What somebody needs to make the page again.</summary>
public sealed record Provenance
{
    /// <summary>The command line.</summary>
    public required string Command { get; init; }

    /// <summary>The seed or seeds.</summary>
    public required string Seed { get; init; }

    /// <summary>Digest of the model's files.</summary>
    public required string Fingerprint { get; init; }

    /// <summary>How much was run: episodes, states, draws.</summary>
    public IReadOnlyList<NamedValue> Counts { get; init; } = [];

    /// <summary>Versions of program, runtime and compute library.</summary>
    public IReadOnlyList<NamedValue> Versions { get; init; } = [];

    /// <summary>Files beside the page.</summary>
    public IReadOnlyList<string> Files { get; init; } = [];
}
