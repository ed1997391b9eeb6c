using Vitrine.Certification;
using Vitrine.Certification.Pictures;

namespace Vitrine.Tests.Certification;

public sealed class PictureCertificationTests
{
    public static TheoryData<string> Folders()
    {
        var images = System.IO.Path.Combine(Fixtures.Root, "images");
        return [.. Directory.Exists(images) ? Directory.GetDirectories(images).Select(f => System.IO.Path.GetFileName(f))
            .Order(StringComparer.Ordinal) : Enumerable.Empty<string>()];
    }

    [Theory, MemberData(nameof(Folders))]
    public void Every_picture_golden_agrees_with_the_reference(string name)
    {
        using var fixture = Fixture.Open(Fixtures.Of("images", name));
        var certifier = new PictureCertifier();
        certifier.Knows(fixture).ShouldBeTrue();
        var rows = certifier.Certify(fixture, TestContext.Current.CancellationToken).ToArray();
        rows.ShouldNotBeEmpty();
        rows.Where(r => !r.Passed).ShouldBeEmpty();
        TestContext.Current.SendDiagnosticMessage($"{name}: {rows.Length} rows, worst {rows.Where(r => r.Bound > 0).MaxBy(r => r.Error / r.Bound)}");
    }

    [Theory, MemberData(nameof(Folders))]
    public void Every_output_of_a_picture_golden_is_compared(string name)
    {
        using var fixture = Fixture.Open(Fixtures.Of("images", name));
        var compared = new PictureCertifier().Certify(fixture, TestContext.Current.CancellationToken).Select(r => $"{r.Case}/{r.Point}").ToHashSet();
        fixture.Keys.Where(k => k.Contains("/out.", StringComparison.Ordinal)).Where(k => !compared.Contains(k)).ShouldBeEmpty();
    }
}
