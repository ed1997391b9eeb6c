using Vitrine.Policies.Certification;
using Vitrine.Transformers.Certification;

namespace Vitrine.Tests.Transformers;

public sealed class CertificationTests
{
    private static readonly ICertifier[] Certifiers = [new TextCertifier(), new VisionCertifier(), new OpenVlaCertifier()];

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

    [Fact]
    public void Real_weights_of_an_image_encoder_agree_on_a_real_picture()
    {
        var certifier = new RealEncoderCertifier();
        var models = System.IO.Path.Combine(Fixtures.Root, "models");
        var compared = 0;
        foreach (var folder in Directory.Exists(models) ? Directory.GetDirectories(models).Order(StringComparer.Ordinal) : Enumerable.Empty<string>())
        {
            using var fixture = Fixture.Open(folder);
            if (certifier.Knows(fixture) && RealEncoderCertifier.Weights(fixture) is not null)
            {
                var rows = certifier.Certify(fixture, TestContext.Current.CancellationToken).ToArray();
                rows.Where(r => !r.Passed).ShouldBeEmpty();
                compared += rows.Length;
                TestContext.Current.SendDiagnosticMessage($"{folder}: {rows.Length} rows, worst {rows.MaxBy(r => r.Error / r.Bound)}");
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
