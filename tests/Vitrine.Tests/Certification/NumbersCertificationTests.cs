using Vitrine.Certification;
using Vitrine.Certification.Methods;
using Vitrine.Checkpoints;
using static TorchSharp.torch;

namespace Vitrine.Tests.Certification;

public sealed class NumbersCertificationTests
{
    public static TheoryData<string> Folders()
    {
        var data = new TheoryData<string>();
        var methods = Path.Combine(Fixtures.Root, "methods");
        foreach (var folder in Directory.Exists(methods) ? Directory.GetDirectories(methods).Where(f => File.Exists(Path.Combine(f, "meta.json")))
            .Order(StringComparer.Ordinal) : Enumerable.Empty<string>())
        {
            using var fixture = Fixture.Open(folder);
            if (new NumbersCertifier().Knows(fixture))
            {
                data.Add(Path.GetFileName(folder));
            }
        }

        return data;
    }

    [Theory, MemberData(nameof(Folders))]
    public void Every_golden_is_compared_and_agrees(string name)
    {
        using var fixture = Fixture.Open(Fixtures.Of("methods", name));
        var rows = new NumbersCertifier().Certify(fixture, TestContext.Current.CancellationToken).ToArray();
        rows.Where(r => !r.Passed).ShouldBeEmpty();
        rows.Select(r => r.Point).Order(StringComparer.Ordinal)
            .ShouldBe(fixture.Keys.Where(k => !$".{k}".Contains(".in.", StringComparison.Ordinal)).Order(StringComparer.Ordinal));
        TestContext.Current.SendDiagnosticMessage($"{name}: {rows.Length} rows, worst {rows.MaxBy(r => r.Error / r.Bound)}");
    }

    [Theory]
    [InlineData("statistics", "ttest.trimmed.less")]
    [InlineData("statistics", "in.c")]
    [InlineData("similarity", "cka.kernel")]
    [InlineData("similarity", "in.view9")]
    [InlineData("probes", "svm.coef")]
    [InlineData("probes", "logistic.C9.coef")]
    [InlineData("probes", "logistic.C1.margin")]
    public void A_key_that_is_not_known_is_named_and_fails(string name, string key)
    {
        var rows = Changed(name, tensors => tensors[key] = ones(2, dtype: float64));
        rows.Where(r => !r.Passed).ShouldHaveSingleItem().ShouldSatisfyAllConditions(r => r.Point.ShouldBe(key), r => r.Note.ShouldBe("this key is not known"));
    }

    [Theory]
    [InlineData("statistics", "wilcoxon.exact.less")]
    [InlineData("statistics", "special.chi2_sf")]
    [InlineData("similarity", "procrustes.rotation")]
    [InlineData("probes", "logistic.balanced.coef")]
    [InlineData("probes", "kmeans.one.labels")]
    public void A_golden_that_is_off_fails(string name, string key)
    {
        var rows = Changed(name, tensors => tensors[key] = tensors[key] + (tensors[key].is_floating_point() ? 1e-3 : 1));
        rows.Where(r => !r.Passed).ShouldHaveSingleItem().Point.ShouldBe(key);
    }

    [Fact]
    public void A_golden_of_another_size_fails()
        => Changed("statistics", tensors => tensors["special.t_quantile"] = ones(9, dtype: float64)).Single(r => !r.Passed).Note.ShouldBe(
            "6 numbers found, expected [9]");

    private static CertificateRow[] Changed(string name, Action<Dictionary<string, Tensor>> change)
    {
        var folder = Directory.CreateTempSubdirectory("vitrine-numbers-").FullName;
        try
        {
            using var scope = NewDisposeScope();
            var source = Fixtures.Of("methods", name);
            File.Copy(Path.Combine(source, "meta.json"), Path.Combine(folder, "meta.json"));
            using var fixture = Fixture.Open(source);
            var tensors = fixture.Keys.ToDictionary(k => k, fixture.Read);
            change(tensors);
            SafetensorsFile.Save(Path.Combine(folder, "golden.safetensors"), tensors);
            using var changed = Fixture.Open(folder);
            return [.. new NumbersCertifier().Certify(changed, TestContext.Current.CancellationToken)];
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
