using Vitrine.Checkpoints;
using Vitrine.Checkpoints.PyTorch;
using Vitrine.Tests.Cli;
using static TorchSharp.torch;

namespace Vitrine.Tests.Folders;

/// <summary>Of a folder that holds weights more than once, what transformers takes is taken, and it is said.</summary>
public sealed class WeightOrderTests : IDisposable
{
    private const string Prompt = "the red bowl is on the table";
    private readonly TemporaryFolder folder = new();

    [Fact]
    public async Task A_single_file_goes_before_an_index()
    {
        using var copy = ModelCopy.OfFolder(Fixtures.Of("models", "llama-sharded-bf16"));
        using var single = ModelCopy.Of("llama");
        single.Reweigh((name, weight) => name == "model.embed_tokens.weight" ? weight.mul(1.5) : weight);
        var prompt = single.Prompt();
        File.Copy(single["model.safetensors"], copy["model.safetensors"]);
        copy.Logits(prompt).ShouldBe(single.Logits(prompt));
        var (exit, _, error) = await CommandLine.RunAsync("run", copy.Path, Prompt, "--json");
        exit.ShouldBe(0, error);
        error.Trim().Split('\n').ShouldHaveSingleItem().ShouldContain("model.safetensors is read, as transformers does, and the shards are not");
        var (_, @out, _) = await CommandLine.RunAsync("inspect", copy.Path);
        @out.ShouldContain("not read: model.safetensors.index.json (model.safetensors is read in its place, as transformers does)");
        File.Delete(copy["model.safetensors"]);
        copy.Logits(prompt).ShouldNotBe(single.Logits(prompt), "the shards alone are read as before");
        (await CommandLine.RunAsync("run", copy.Path, Prompt, "--json")).Error.ShouldBeEmpty();
    }

    /// <summary>safetensors before torch files, of both kinds; torch files among themselves in the same order.</summary>
    [Fact]
    public void Safetensors_go_before_torch_files_and_a_lone_one_before_shards()
    {
        using var scope = NewDisposeScope();
        var wanted = new Dictionary<string, (long[], float[])> { ["a"] = ([1], [1]) };
        var others = new Dictionary<string, (long[], float[])> { ["a"] = ([1], [2]) };
        AdapterFiles.WriteTorch(folder["pytorch_model-00001-of-00001.bin"], others);
        File.WriteAllText(folder["pytorch_model.bin.index.json"], """{"weight_map": {"a": "pytorch_model-00001-of-00001.bin"}}""");
        Value().ShouldBe(2);
        AdapterFiles.WriteTorch(folder["pytorch_model.bin"], wanted);
        Value().ShouldBe(1);
        SafetensorsFile.Save(folder["model-00001-of-00001.safetensors"], new Dictionary<string, Tensor> { ["a"] = tensor([3f]) });
        File.WriteAllText(folder["model.safetensors.index.json"], """{"weight_map": {"a": "model-00001-of-00001.safetensors"}}""");
        Value().ShouldBe(3);
        SafetensorsFile.Save(folder["model.safetensors"], new Dictionary<string, Tensor> { ["a"] = tensor([4f]) });
        Value().ShouldBe(4);
    }

    /// <summary>Shards over a single file, a single file over shards, fewer shards over more: what was saved last is what is opened.</summary>
    [Fact]
    public void A_save_leaves_nothing_that_would_be_opened_in_its_place()
    {
        foreach (var (value, shardBytes) in new[] { (1f, 4L), (2f, 1000L), (3f, 4L), (4f, 8L), (5f, 1000L) })
        {
            var plans = new[] { "a", "b", "c" }.Select(n => new TensorPlan(n, Dtype.F32, [1])).ToArray();
            var written = SafetensorsShards.Save(folder.Path, plans, _ => tensor([value]), shardBytes);
            Value().ShouldBe(value);
            Directory.GetFiles(folder.Path).Order(StringComparer.Ordinal).ShouldBe(written.Order(StringComparer.Ordinal));
        }

        File.WriteAllText(folder["model-card.md"], "mine");
        SafetensorsShards.Save(folder.Path, [new TensorPlan("a", Dtype.F32, [1])], _ => tensor([6f]));
        File.Exists(folder["model-card.md"]).ShouldBeTrue("what is not of a save stays");
    }

    [Theory]
    [InlineData("""{"weight_map": {"a": 3}}""", "weight_map: a is 3; expected a text")]
    [InlineData("""{"weight_map": {"a": null}}""", "weight_map: the key 'a' is missing")]
    [InlineData("""{"weight_map": ["a"]}""", "weight_map: expected an object")]
    [InlineData("""{"weight_map": {"a": "x.safetensors", "a": "x.safetensors"}}""", "'a' stands there twice")]
    [InlineData("""{"metadata": {}}""", "the key 'weight_map' is missing")]
    public void An_index_of_another_kind_is_refused_by_file_and_key(string index, string named)
    {
        File.WriteAllText(folder["model.safetensors.index.json"], index);
        var message = Should.Throw<VitrineException>(() => Checkpoint.Open(folder.Path)).Message;
        message.ShouldContain("model.safetensors.index.json");
        message.ShouldContain(named);
    }

    /// <summary>Trainers save the model's state below a key, beside the optimiser's; transformers would take nothing of it.</summary>
    [Theory]
    [InlineData("model")]
    [InlineData("state_dict")]
    [InlineData("module")]
    public void A_state_below_a_key_is_told(string key)
    {
        AdapterFiles.WriteTorch(folder["pytorch_model.bin"], new Dictionary<string, (long[], float[])> { ["embed_tokens.weight"] = ([1], [1]) }, below: key);
        var message = Should.Throw<VitrineException>(() => Checkpoint.Open(folder.Path)).Message;
        message.ShouldContain($"pytorch_model.bin: the tensors lie a level below, under '{key}'");
        using var file = TorchFile.Open(folder["pytorch_model.bin"]);
        file.Tensors.Keys.ShouldBe([$"{key}.embed_tokens.weight"], "as a file of its own it is read as before");
    }

    public void Dispose() => folder.Dispose();

    private float Value()
    {
        using var checkpoint = Checkpoint.Open(folder.Path);
        using var tensor = checkpoint.Read("a");
        return tensor.item<float>();
    }
}
