using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using Vitrine.Checkpoints;

namespace Vitrine.Certification.Certified;

/// <summary>The certificate that comes with this version: <c>certified.json</c>, written by <c>vitrine certify DIR... --record FILE</c>.</summary>
internal sealed record CertifiedFile
{
    private const string Resource = "certified.json";

    private static readonly JsonSerializerOptions Json = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        WriteIndented = true,
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        Converters = { new JsonStringEnumConverter<FamilyKind>(JsonNamingPolicy.SnakeCaseLower) },
        TypeInfoResolver = CertifiedJsonContext.Default,
    };

    private static JsonTypeInfo<CertifiedFile> Contract => (JsonTypeInfo<CertifiedFile>)Json.GetTypeInfo(typeof(CertifiedFile));

    /// <summary>Every family of this version, then what is no model.</summary>
    public required IReadOnlyList<CertifiedFamily> Families { get; init; }

    /// <summary>That of this build.</summary>
    public static CertifiedFile Embedded()
    {
        using var stream = typeof(CertifiedFile).Assembly.GetManifestResourceStream(Resource)
            ?? throw new VitrineException($"{Resource}: is not part of this build.");
        return JsonSerializer.Deserialize(stream, Contract) ?? throw new VitrineException($"{Resource}: is empty.");
    }

    /// <summary>Puts certificates under their families; families without one stay in the list.</summary>
    public static CertifiedFile Of(IReadOnlyList<Certificate> certificates)
    {
        var found = certificates.ToLookup(c => KnownFamilies.Of(c.Family)?.Name ?? c.Family, CertifiedFixture.Of);
        return new CertifiedFile
        {
            Families =
            [
                .. KnownFamilies.All.Select(f => new CertifiedFamily(f.Name, f.Kind, f.Alike, Sorted(found[f.Name]))),
                .. found.Where(g => KnownFamilies.Of(g.Key) is null).OrderBy(g => g.Key, StringComparer.Ordinal)
                .Select(g => new CertifiedFamily(g.Key, FamilyKind.Part, [], Sorted(g))),
            ],
        };
    }

    /// <summary>What was certified of a family; null where it is unknown.</summary>
    public CertifiedFamily? Find(string family) => KnownFamilies.Of(family) is { } known ? Families.FirstOrDefault(f => f.Name == known.Name) : null;

    /// <summary>Writes the file.</summary>
    public void Save(string path) => AtomicFile.WriteAllText(path, JsonSerializer.Serialize(this, Contract) + "\n");

    private static IReadOnlyList<CertifiedFixture> Sorted(IEnumerable<CertifiedFixture> fixtures)
        => [.. fixtures.OrderBy(f => f.Folder, StringComparer.Ordinal)];
}
