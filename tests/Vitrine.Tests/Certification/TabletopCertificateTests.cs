using Vitrine.Certification;
using Vitrine.Certification.Tabletop;

namespace Vitrine.Tests.Certification;

public sealed class TabletopCertificateTests
{
    public static TheoryData<string> Cases => [.. TabletopCertificate.Cases];

    [Theory, MemberData(nameof(Cases))]
    public void The_world_equals_its_reference(string name)
    {
        var rows = TabletopCertificate.Check(Fixtures.Of("tabletop", "world"), [name]);
        rows.ShouldNotBeEmpty();
        rows.ShouldAllBe(row => row.Passed);
    }

    [Fact]
    public void The_certifier_holds_every_case_of_the_world_against_its_reference()
    {
        using var fixture = Fixture.Open(Fixtures.Of("tabletop", "world"));
        var certifier = new TabletopCertifier();
        certifier.Knows(fixture).ShouldBeTrue();
        certifier.Certify(fixture, TestContext.Current.CancellationToken).Select(row => row.Case).Distinct().ShouldBe(TabletopCertificate.Cases);
    }

    [Fact]
    public void A_single_wrong_reference_value_fails_its_row_and_no_other()
    {
        var copy = Directory.CreateTempSubdirectory();
        try
        {
            foreach (var file in Directory.EnumerateFiles(Fixtures.Of("tabletop", "world")))
            {
                File.Copy(file, Path.Combine(copy.FullName, Path.GetFileName(file)));
            }

            // The last bytes of the file belong to the tensor with the highest offsets: the flags of transition_strict.
            var path = Path.Combine(copy.FullName, "golden.safetensors");
            var bytes = File.ReadAllBytes(path);
            bytes[^1] ^= 1;
            File.WriteAllBytes(path, bytes);
            TabletopCertificate.Check(copy.FullName).Where(row => !row.Passed).ShouldHaveSingleItem().Error.ShouldBe(1);
        }
        finally
        {
            copy.Delete(recursive: true);
        }
    }

    [Fact]
    public void A_folder_that_is_no_tabletop_fixture_is_refused_by_name()
    {
        var folder = Directory.CreateTempSubdirectory();
        try
        {
            Should.Throw<VitrineException>(() => TabletopCertificate.Check(folder.FullName)).Message.ShouldContain("meta.json");
            File.Copy(Fixtures.Of("tabletop", "world", "golden.safetensors"), Path.Combine(folder.FullName, "golden.safetensors"));
            File.WriteAllText(Path.Combine(folder.FullName, "meta.json"), """{ "family": "llama" }""");
            Should.Throw<VitrineException>(() => TabletopCertificate.Check(folder.FullName)).Message.ShouldContain("'llama'; expected 'tabletop'");
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }
}
