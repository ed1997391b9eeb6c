using Vitrine.Certification;
using Vitrine.Certification.Certified;
using Vitrine.Tests.Cli;
using Vitrine.Transformers.Families;

namespace Vitrine.Tests.Certification;

/// <summary>The certificate that comes along, and the pages that are made of it.</summary>
public sealed class CertifiedTests : IDisposable
{
    private const string Renewed = "run: vitrine certify DIR... --record src/Vitrine.Certification/certified.json --markdown docs/models.md --readme "
        + "README.md (see docs/models.md)";

    /// <summary>Families whose only reference numbers are of weights that may not lie here (Gemma's terms); the pages say so. See Gemma3Tests.</summary>
    private static readonly string[] WithoutFixture = ["gemma3_text"];

    private readonly TemporaryFolder folder = new();

    [Fact]
    public void Every_fixture_of_a_model_is_in_the_certificate()
    {
        var certified = CertifiedFile.Embedded().Families.SelectMany(f => f.Fixtures).Select(f => f.Folder).ToHashSet();
        foreach (var path in Directory.GetDirectories(Path.Combine(Fixtures.Repository, "tests", "fixtures", "models")))
        {
            using var fixture = Fixture.Open(path);
            if (Certifiers.All.Any(c => c.Knows(fixture)))
            {
                certified.ShouldContain($"models/{Path.GetFileName(path)}", Renewed);
            }
        }
    }

    [Fact]
    public void Every_family_is_in_the_certificate_with_reference_numbers()
    {
        var families = CertifiedFile.Embedded().Families;
        foreach (var name in TextFamily.All.Select(f => f.ModelType).Concat(VisionFamily.All.Select(f => f.ModelType))
            .Concat(VisionLanguageFamily.All.Select(f => f.ModelType)).Append(VisionFamily.Timm.ModelType)
            .Append("openvla"))
        {
            families.ShouldContain(
                f => (f.Name == name || f.Alike.Contains(name)) && (f.Fixtures.Count > 0 || WithoutFixture.Contains(name)), $"{name}; {Renewed}");
        }
    }

    [Fact]
    public void All_that_was_recorded_agrees()
    {
        foreach (var family in CertifiedFile.Embedded().Families.Where(f => f.Fixtures.Count > 0 || !WithoutFixture.Contains(f.Name)))
        {
            family.Verdict.ShouldBe("certified", family.Name);
            family.Fixtures.ShouldAllBe(f => f.Compared > 0 && f.LargestRelativeError <= 5e-5);
        }
    }

    [Fact]
    public void The_page_of_the_families_is_the_certificate_s()
        => Text("docs", "models.md").ShouldBe(CertifiedPages.Page(CertifiedFile.Embedded()), Renewed);

    [Fact]
    public void The_list_of_the_README_is_the_certificate_s()
        => CertifiedPages.WithList(Text("README.md"), CertifiedFile.Embedded(), "README.md").ShouldBe(Text("README.md"), Renewed);

    [Fact]
    public async Task What_certify_records_is_what_it_compared()
    {
        var name = InspectCommandTests.Models().First().Data;
        File.WriteAllText(folder["README.md"], "before\n<!-- families -->\nold\n<!-- /families -->\nbehind\n");
        var (exit, @out, error) = await CommandLine.RunAsync(
            "certify", Fixtures.Of("models", name), "--record", folder["c.json"], "--markdown", folder["c.md"], "--readme", folder["README.md"]);
        exit.ShouldBe(0, error);
        var line = @out.Trim().Split('\n')[^1];
        var json = File.ReadAllText(folder["c.json"]);
        json.ShouldContain($"\"models/{name}\"");
        json.ShouldContain($"\"compared\": {line.Split(" of ")[1].Split(' ')[0]}");
        File.ReadAllText(folder["c.md"]).ShouldContain($"| models/{name} |");
        var readme = File.ReadAllText(folder["README.md"]);
        readme.ShouldStartWith("before\n<!-- families -->\n- Text models: ");
        readme.ShouldEndWith("<!-- /families -->\nbehind\n");
        readme.ShouldContain("(no fixture)", customMessage: "one fixture cannot certify every family");
    }

    [Fact]
    public async Task A_page_without_a_place_for_the_list_is_refused()
    {
        File.WriteAllText(folder["README.md"], "no place");
        var name = InspectCommandTests.Models().First().Data;
        var (exit, _, error) = await CommandLine.RunAsync("certify", Fixtures.Of("models", name), "--readme", folder["README.md"]);
        exit.ShouldBe(1);
        error.ShouldContain("<!-- families -->");
        File.ReadAllText(folder["README.md"]).ShouldBe("no place");
    }

    public void Dispose() => folder.Dispose();

    private static string Text(params string[] parts) => File.ReadAllText(Path.Combine([Fixtures.Repository, .. parts])).ReplaceLineEndings("\n");
}
