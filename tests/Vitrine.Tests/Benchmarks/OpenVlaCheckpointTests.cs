using Vitrine.Benchmarks;
using Vitrine.Checkpoints;
using Vitrine.Mechanisms.ValueVectors;
using Vitrine.Policies.OpenVla;

namespace Vitrine.Tests.Benchmarks;

public sealed class OpenVlaCheckpointTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("vitrine-openvla-").FullName;

    /// <remarks>982 tensors, 7,541,237,184 numbers, 15,082,474,368 bytes: the published openvla-7b.</remarks>
    [Fact]
    public void The_full_size_checkpoint_has_the_published_tensors()
    {
        var tensors = new OpenVlaSizes().Tensors().ToArray();
        tensors.Length.ShouldBe(982);
        tensors.Sum(t => t.Count).ShouldBe(7_541_237_184);
        tensors.Select(t => t.Name).Distinct().Count().ShouldBe(982);
        (tensors.Count(t => t.Name.StartsWith("vision_backbone.featurizer.", StringComparison.Ordinal)),
            tensors.Count(t => t.Name.StartsWith("vision_backbone.fused_featurizer.", StringComparison.Ordinal))).ShouldBe((343, 342));
    }

    [Fact]
    public void A_sparse_one_is_written_and_opened_at_once()
    {
        OpenVlaCheckpoint.Write(folder, new OpenVlaSizes(), random: false);
        Directory.GetFiles(folder, "*.safetensors").Length.ShouldBe(3);
        using var checkpoint = Checkpoint.Open(folder);
        checkpoint.Names.Count.ShouldBe(982);
        checkpoint.Names.Sum(n => checkpoint.Entry(n).ByteCount).ShouldBe(15_082_474_368);
        checkpoint.Names.ShouldAllBe(n => checkpoint.Entry(n).Dtype == Dtype.BF16);
        checkpoint.Entry("language_model.model.layers.31.mlp.down_proj.weight").Shape.ShouldBe([4096, 11_008]);
        OpenVlaCheckpoint.WriteConfiguration(folder, Fixtures.Of("models", "openvla"), new OpenVlaSizes());
        using var source = StackValueVectors.Open(folder);
        (source.Layers, source.Neurons, source.Vocabulary).ShouldBe((32, 11_008, 32_064));
        using var last = source.Vectors(31);
        last.shape.ShouldBe([11_008, 4096]);
    }

    /// <remarks>15 GB of which nothing but norms, biases and positions is read; widening the matrices would take 30 GB and minutes.</remarks>
    [Fact]
    public void A_sparse_one_opens_as_a_policy_at_once()
    {
        OpenVlaCheckpoint.Write(folder, new OpenVlaSizes(), random: false);
        OpenVlaCheckpoint.WriteConfiguration(folder, Fixtures.Of("models", "openvla"), new OpenVlaSizes());
        using var policy = OpenVlaPolicy.Open(folder, new OpenVlaOptions { Storage = WeightStorage.AsStored });
        policy.Parameters.ShouldBe(7_541_237_184);
        (policy.ImageTokens, policy.Language.Shape.Layers, policy.Language.Shape.Neurons, policy.Language.Shape.Vocabulary).ShouldBe((256, 32, 11_008, 32_064));
        policy.Language.Dtype.ShouldBe(TorchSharp.torch.ScalarType.Float32);
        policy.Language.Blocks.ShouldAllBe(b => b.Weights.Down.Stored.dtype == TorchSharp.torch.ScalarType.BFloat16);
        policy.Towers.SelectMany(t => t.Blocks).ShouldAllBe(b => b.Weights.Query.Stored.dtype == TorchSharp.torch.ScalarType.BFloat16);
        (policy.Actions.FirstId, policy.Template).ShouldBe((31_744, PromptTemplate.Current));
    }

    [Fact]
    public void The_fixture_in_the_published_layout_has_no_name_that_the_full_size_one_lacks()
    {
        var like = Fixtures.Of("models", "openvla");
        using var real = Checkpoint.Open(like);
        string[] known = [.. new OpenVlaSizes().Tensors().Select(t => Generic(t.Name)).Distinct()];
        real.Names.Where(n => !n.EndsWith("inv_freq", StringComparison.Ordinal)).Select(Generic).Distinct().ShouldBeSubsetOf(known);
    }

    public void Dispose() => Directory.Delete(folder, recursive: true);

    private static string Generic(string name) => string.Join('.', name.Split('.').Where(p => !int.TryParse(p, out _)));
}
