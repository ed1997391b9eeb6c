using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Vitrine.Certification.Certified;

/// <summary>A folder of reference numbers that was held against the engine.</summary>
/// <param name="Folder">Its name with that of the folder around it, e.g. <c>models/llama</c>.</param>
/// <param name="Description">What its meta.json says it is.</param>
/// <param name="Compared">Comparisons.</param>
/// <param name="LargestRelativeError">Of the numbers; two digits, since machines differ in the rest.</param>
/// <param name="Passed">Whether all agree.</param>
/// <param name="Reference">Library to version: what the reference numbers were computed with.</param>
internal sealed record CertifiedFixture(
    string Folder, string Description, int Compared, double LargestRelativeError, bool Passed, IReadOnlyDictionary<string, string> Reference)
{
    public static CertifiedFixture Of(Certificate certificate)
    {
        using var fixture = Fixture.Open(certificate.Folder);
        var path = Path.TrimEndingDirectorySeparator(Path.GetFullPath(certificate.Folder));
        return new CertifiedFixture(
            $"{Path.GetFileName(Path.GetDirectoryName(path))}/{Path.GetFileName(path)}",
            fixture.Meta.TryGetProperty("description", out var description) ? description.GetString() ?? "" : "",
            certificate.Rows.Count,
            double.Parse(certificate.LargestRelativeError.ToString("0.0e+0", CultureInfo.InvariantCulture), CultureInfo.InvariantCulture),
            certificate.Passed,
            fixture.Meta.TryGetProperty("reference", out var reference) && reference.ValueKind == JsonValueKind.Object
                ? reference.EnumerateObject().Where(p => p.Value.ValueKind == JsonValueKind.String).ToDictionary(p => p.Name, p => p.Value.GetString()!)
                : new Dictionary<string, string>());
    }
}

/// <summary>A family with all that was certified of it.</summary>
/// <param name="Name">As in <see cref="KnownFamily"/>.</param>
/// <param name="Kind">What it is for.</param>
/// <param name="Alike">Other names that are read alike.</param>
/// <param name="Fixtures">None where no reference numbers were at hand.</param>
internal sealed record CertifiedFamily(string Name, FamilyKind Kind, IReadOnlyList<string> Alike, IReadOnlyList<CertifiedFixture> Fixtures)
{
    /// <summary>Comparisons of all fixtures.</summary>
    [JsonIgnore]
    public int Compared => Fixtures.Sum(f => f.Compared);

    /// <summary>The largest of the fixtures'.</summary>
    [JsonIgnore]
    public double LargestRelativeError => Fixtures.Select(f => f.LargestRelativeError).DefaultIfEmpty(0).Max();

    /// <summary>The verdict in words.</summary>
    [JsonIgnore]
    public string Verdict => Fixtures.Count == 0 ? "no fixture" : Fixtures.All(f => f.Passed) ? "certified" : "NOT certified";

    /// <summary>Names of the fixtures without the folder around them.</summary>
    [JsonIgnore]
    public string FixtureNames => Fixtures.Count == 0 ? "-" : string.Join(", ", Fixtures.Select(f => f.Folder.Split('/')[^1]));

    /// <summary>The verdict in one line.</summary>
    [JsonIgnore]
    public string Summary => Fixtures.Count == 0
        ? $"no fixture of {Name} was at hand when this version was certified"
        : string.Create(CultureInfo.InvariantCulture,
            $"{Verdict}: {Compared} comparisons in {FixtureNames}; largest relative error {Number(LargestRelativeError)}");

    /// <summary>A relative error as it is printed.</summary>
    public static string Number(double value) => value == 0 ? "0" : value.ToString("0.0e+0", CultureInfo.InvariantCulture);
}
