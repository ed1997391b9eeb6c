using Vitrine.Certification;
using Vitrine.Certification.Methods;
using Vitrine.Tests.Cli;

namespace Vitrine.Tests.Certification;

public sealed class MethodsCertificationTests
{
    public static TheoryData<string> Folders()
    {
        var data = new TheoryData<string>();
        var methods = Path.Combine(Fixtures.Root, "methods");
        foreach (var folder in Directory.Exists(methods) ? Directory.GetDirectories(methods).Where(f => File.Exists(Path.Combine(f, "meta.json")))
            .Order(StringComparer.Ordinal) : Enumerable.Empty<string>())
        {
            using var fixture = Fixture.Open(folder);
            if (new MethodsCertifier().Knows(fixture) && !new PathPatchingCertifier().Knows(fixture)) // that folder is of two certifiers; see below
            {
                data.Add(Path.GetFileName(folder));
            }
        }

        return data;
    }

    [Theory, MemberData(nameof(Folders))]
    public void Every_golden_of_an_analysis_agrees(string name)
    {
        using var fixture = Fixture.Open(Fixtures.Of("methods", name));
        var rows = new MethodsCertifier().Certify(fixture, TestContext.Current.CancellationToken).ToArray();
        rows.ShouldNotBeEmpty();
        rows.Where(r => !r.Passed).ShouldBeEmpty();
        rows.Count(r => fixture.Has($"{r.Case}/{r.Point}"))
            .ShouldBe(fixture.Keys.Count(k => !k.Contains("/in.", StringComparison.Ordinal)), "every golden was compared");
        TestContext.Current.SendDiagnosticMessage($"{name}: {rows.Length} rows, worst {rows.Where(r => r.Bound > 0).MaxBy(r => r.Error / r.Bound)}");
    }

    [Fact]
    public void Goldens_of_other_analyses_are_not_claimed()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder["meta.json"], """{"description": "", "models": {"one": "methods/_models/one"}}""");
        File.Copy(Fixtures.Of("models", "llama", "golden.safetensors"), folder["golden.safetensors"]);
        using var fixture = Fixture.Open(folder.Path);
        new MethodsCertifier().Knows(fixture).ShouldBeFalse();
        Should.Throw<VitrineException>(() => new MethodsCertifier().Certify(fixture, default).ToArray()).Message.ShouldContain(fixture.Family);
    }

    [Theory]
    [InlineData("patching")]
    [InlineData("attribution-patching")]
    [InlineData("das")]
    [InlineData("path-patching")]
    public void Every_golden_of_causing_agrees(string name)
    {
        using var fixture = Fixture.Open(Fixtures.Of("methods", name));
        var certificate = Certifiers.Certify(fixture.Folder, TestContext.Current.CancellationToken);
        certificate.Rows.Where(r => !r.Passed).ShouldBeEmpty();
        var compared = certificate.Rows.Select(r => r.Case == "modules" ? r.Point : $"{r.Case}/{r.Point}").ToHashSet();
        fixture.Keys.Where(k => !k.Contains("in.", StringComparison.Ordinal) && !compared.Contains(k) && !k.EndsWith("nodes.code", StringComparison.Ordinal))
            .ShouldBeEmpty("every golden was compared, or is an input");
    }
}
