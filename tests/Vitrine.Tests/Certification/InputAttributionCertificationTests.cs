using Vitrine.Certification;
using Vitrine.Certification.Methods;

namespace Vitrine.Tests.Certification;

public sealed class InputAttributionCertificationTests
{
    [Fact]
    public void Every_golden_of_attribution_to_inputs_agrees()
    {
        using var fixture = Fixture.Open(Fixtures.Of("methods", "captum"));
        var rows = new InputAttributionCertifier().Certify(fixture, TestContext.Current.CancellationToken).ToArray();
        rows.Where(r => !r.Passed).ShouldBeEmpty();
        var goldens = fixture.Keys.Count(k => !k.Contains("/in.", StringComparison.Ordinal) && !k.Contains(".in.", StringComparison.Ordinal));
        rows.Count(r => !r.Point.StartsWith("in.", StringComparison.Ordinal)).ShouldBe(goldens, "every golden was compared");
        TestContext.Current.SendDiagnosticMessage($"{rows.Length} rows, worst {rows.MaxBy(r => r.Error / r.Bound)}");
    }

    [Theory]
    [InlineData("mlp", "saliencey")]
    [InlineData("mlp", "layer_ig.pool1")]
    [InlineData("mlp", "ig.simpson")]
    [InlineData("mlp", "in.weights")]
    [InlineData("siglip-tiny", "lrp.alpha_beta")]
    [InlineData("siglip-tiny", "occlusion.diagonal")]
    public void A_key_that_is_not_known_fails_by_its_name(string @case, string key)
    {
        var folder = Copied();
        try
        {
            var golden = Path.Combine(folder, "methods", "captum", "golden.safetensors");
            using (var before = Vitrine.Checkpoints.SafetensorsFile.Open(Fixtures.Of("methods", "captum/golden.safetensors")))
            {
                using var scope = TorchSharp.torch.NewDisposeScope();
                var tensors = before.Tensors.Keys.ToDictionary(k => k, before.Read);
                tensors[$"{@case}/{key}"] = TorchSharp.torch.zeros(1);
                Vitrine.Checkpoints.SafetensorsFile.Save(golden, tensors);
            }

            var rows = Certifiers.Certify(Path.Combine(folder, "methods", "captum"), TestContext.Current.CancellationToken).Rows;
            rows.Where(r => !r.Passed).Select(r => (r.Case, r.Point, r.Note)).ShouldBe([(@case, key, "this key is not known")]);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static string Copied()
    {
        var folder = Directory.CreateTempSubdirectory("vitrine-captum").FullName;
        foreach (var name in (string[])["captum", "_models/llama-tiny", "_models/siglip-tiny"])
        {
            var to = Path.Combine(folder, "methods", name);
            Directory.CreateDirectory(to);
            foreach (var file in Directory.GetFiles(Fixtures.Of("methods", name)))
            {
                File.Copy(file, Path.Combine(to, Path.GetFileName(file)));
            }
        }

        return folder;
    }
}
