using Vitrine.Certification;
using Vitrine.Inputs.Pictures;
using Vitrine.Mechanisms.Pictures;
using static TorchSharp.torch;

namespace Vitrine.Tests.Mechanisms.Pictures;

/// <summary>The real DINOv2-S on a real picture: weights that are too large for the repository, found beside it or under VITRINE_SHARED.</summary>
public sealed class RealDinoTests
{
    private static string Shared { get; } = Environment.GetEnvironmentVariable("VITRINE_SHARED") is { Length: > 0 } chosen
        ? chosen
        : Path.Combine(Fixtures.Repository, "..", "shared");

    [Fact]
    public void From_the_picture_file_to_attention_and_norms_it_does_what_the_reference_does()
    {
        var (weights, golden) = (At("models", "dinov2-small-saliency"), At("fixtures", "models", "dinov2-small-saliency"));
        using var scope = NewDisposeScope();
        using var fixture = Fixture.Open(golden);
        using var model = Vitrine.Policies.ImageEncoder.Open(weights);
        using var input = model.Prepare(PictureFile.Read(At("fixtures", "images", "libero-frames", "libero_spatial_00_agentview_224.png")));
        var reading = PictureReading.Of(model, input.Pixels, new ReadingOptions());

        (input.Pixels.narrow(2, 0, 16) - fixture.Read("in.pixel_values_rows_0_15")).abs().max().item<float>().ShouldBeLessThan(1e-6f);
        foreach (var layer in new[] { 0, 5, 11 })
        {
            var row = fixture.Read($"vision.{layer}.attn.pattern/cls_row")[0];
            foreach (var head in reading.Attention.Where(h => h.Layer == layer))
            {
                var found = tensor([.. head.OnPrefix, .. head.Map.Values]);
                (found - row[head.Head]).abs().max().item<float>().ShouldBeLessThan(5e-5f);
            }
        }

        var norms = fixture.Read("vision.11.resid_post")[0].norm(-1);
        (tensor(reading.Norms.Layers[^1].Norms.ToArray()) - norms).abs().max().item<float>().ShouldBeLessThan(5e-5f * norms.max().item<float>());
    }

    /// <remarks>Darcet et al. 2024, section 2: high-norm tokens appear in large models, from ViT-L on; a ViT-S has none.</remarks>
    [Fact]
    public void A_small_model_has_no_high_norm_mode()
    {
        using var model = Vitrine.Policies.ImageEncoder.Open(At("models", "dinov2-small-saliency"));
        using var input = model.Prepare(PictureFile.Read(At("fixtures", "images", "libero-frames", "libero_spatial_00_agentview_224.png")));
        PictureReading.Of(model, input.Pixels, new ReadingOptions()).Norms.Layers.ShouldAllBe(l => l.HighNorm.Count == 0);
    }

    private static string At(params string[] parts)
    {
        var path = Path.Combine([Shared, .. parts]);
        Assert.SkipUnless(File.Exists(path) || Directory.Exists(path), $"there is no {string.Join('/', parts)} beside the repository");
        return path;
    }
}
