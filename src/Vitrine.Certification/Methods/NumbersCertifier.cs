using static TorchSharp.torch;

namespace Vitrine.Certification.Methods;

/// <summary>Goldens of analyses that need no model: numbers in, numbers out.</summary>
internal interface INumberGoldens
{
    /// <summary>Whether every entry is held to a relative bound of its own, instead of all to that of the largest.</summary>
    bool IsEntryByEntry { get; }

    /// <summary>Whether a key is read as an input.</summary>
    bool IsInput(string key);

    /// <summary>What is computed for a key, row by row; null where the key is not known.</summary>
    double[]? Of(string key);
}

/// <summary>Certifies statistics, probes and similarity of representations. They are told apart by their keys.</summary>
internal sealed class NumbersCertifier : ICertifier
{
    private const string Case = "numbers";

    /// <summary>Relative, entry by entry.</summary>
    private const double EntryBound = 1e-6;

    private static readonly (string Mark, Func<Fixture, INumberGoldens> Goldens)[] Kinds =
    [
        ("ttest.", f => new StatisticsGoldens(f)), ("cka.", f => new SimilarityGoldens(f)), ("logistic.", f => new ProbeGoldens(f)),
    ];

    /// <inheritdoc/>
    public bool Knows(Fixture fixture) => fixture is not null && Of(fixture) is not null;

    /// <inheritdoc/>
    public IEnumerable<CertificateRow> Certify(Fixture fixture, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(fixture);
        var goldens = Of(fixture)?.Invoke(fixture)
            ?? throw new VitrineException($"{fixture.Folder}: holds goldens of '{fixture.Family}', which this version does not certify.");
        using var owned = goldens as IDisposable;
        foreach (var key in fixture.Keys.Where(k => !goldens.IsInput(k)).Order(StringComparer.Ordinal))
        {
            cancellation.ThrowIfCancellationRequested();
            yield return Row(fixture, goldens, key);
        }
    }

    private static CertificateRow Row(Fixture fixture, INumberGoldens goldens, string key)
    {
        if (goldens.Of(key) is not { } found)
        {
            return CertificateRow.Failed(Case, key, "this key is not known");
        }

        var expected = fixture.Numbers(key);
        if (found.Length != expected.Length)
        {
            return CertificateRow.Failed(Case, key, $"{found.Length} numbers found, expected [{string.Join(", ", fixture.Shape(key))}]");
        }

        if (goldens.IsEntryByEntry)
        {
            var error = found.Zip(expected, (a, b) => Math.Abs(a - b) / Math.Max(Math.Abs(b), 1e-9)).DefaultIfEmpty(0).Max();
            return CertificateRow.Within(Case, key, error, 1, EntryBound, "relative, entry by entry");
        }

        using var scope = NewDisposeScope();
        return Comparison.Of(Case, key, tensor(found), tensor(expected));
    }

    private static Func<Fixture, INumberGoldens>? Of(Fixture fixture)
        => Kinds.FirstOrDefault(k => fixture.Keys.Any(key => key.StartsWith(k.Mark, StringComparison.Ordinal))).Goldens;
}
