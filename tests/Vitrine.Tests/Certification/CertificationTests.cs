using Vitrine.Certification;
using Vitrine.Certification.Methods;
using Vitrine.Certification.Models;

namespace Vitrine.Tests.Certification;

public sealed class CertificationTests
{
    private static readonly ICertifier[] Certifiers = [new TextCertifier(), new VisionCertifier(), new VisionLanguageCertifier(), new OpenVlaCertifier()];

    public static TheoryData<string> Folders()
    {
        var models = System.IO.Path.Combine(Fixtures.Root, "models");
        var data = new TheoryData<string>();
        foreach (var folder in Directory.Exists(models) ? Directory.GetDirectories(models).Order(StringComparer.Ordinal) : Enumerable.Empty<string>())
        {
            using var fixture = Fixture.Open(folder);
            if (Certifiers.Any(c => c.Knows(fixture)))
            {
                data.Add(System.IO.Path.GetFileName(folder));
            }
        }

        return data;
    }

    [Theory]
    [InlineData(typeof(RealEncoderCertifier), RealEncoderCertifier.Hash, "model.safetensors")]
    [InlineData(typeof(GgufCertifier), GgufCertifier.Hash, "*.gguf")]
    [InlineData(typeof(GgufValueVectorCertifier), GgufCertifier.Hash, "*.gguf")]
    public void Real_weights_agree_where_they_are_at_hand(Type kind, string hash, string pattern)
    {
        var certifier = (ICertifier)Activator.CreateInstance(kind)!;
        var models = System.IO.Path.Combine(Fixtures.Root, "models");
        var compared = 0;
        foreach (var folder in Directory.Exists(models) ? Directory.GetDirectories(models).Order(StringComparer.Ordinal) : Enumerable.Empty<string>())
        {
            using var fixture = Fixture.Open(folder);
            if (certifier.Knows(fixture) && ReferenceWeights.Find(fixture, hash, pattern) is not null)
            {
                var rows = certifier.Certify(fixture, TestContext.Current.CancellationToken).ToArray();
                rows.Where(r => !r.Passed).ShouldBeEmpty();
                compared += rows.Length;
            }
        }

        Assert.SkipUnless(compared > 0, "the weights that the fixtures name are not in VITRINE_SHARED or ../shared");
    }

    [Theory, MemberData(nameof(Folders))]
    public void Every_point_of_every_case_agrees_with_the_reference(string name)
    {
        using var fixture = Fixture.Open(Fixtures.Of("models", name));
        var rows = Certifiers.Single(c => c.Knows(fixture)).Certify(fixture, TestContext.Current.CancellationToken).ToArray();
        rows.ShouldNotBeEmpty();
        rows.Where(r => !r.Passed).ShouldBeEmpty();
        TestContext.Current.SendDiagnosticMessage($"{name}: {rows.Length} rows, worst {rows.Where(r => r.Bound > 0).MaxBy(r => r.Error / r.Bound)}");
    }
}
