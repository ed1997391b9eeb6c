using Vitrine.Certification;
using Vitrine.Checkpoints.Gguf;
using Vitrine.Policies;
using Vitrine.Tests.Inputs.Tokenizers;
using Vitrine.Transformers;

namespace Vitrine.Tests.Folders;

/// <summary>What people of other libraries hand over is named for what it is, with what to do.</summary>
public sealed class NeighbourTests
{
    /// <remarks>As LeRobot writes a policy's config.json: the registered name in 'type', no 'model_type'.</remarks>
    private const string LeRobot = """{"type": "act", "n_obs_steps": 1, "input_features": {}, "output_features": {}, "chunk_size": 100}""";

    [Fact]
    public void A_policy_of_LeRobot_is_told_by_its_type_and_the_families_decide()
    {
        using var folder = new TemporaryFolder();
        var config = folder.Write("config.json", LeRobot.Replace("act", "no_such_policy", StringComparison.Ordinal));
        var known = Policy.Catalog.Families.Where(f => f.Kind == ModelKind.Policy).SelectMany(f => f.Alike.Prepend(f.Name)).ToArray();
        foreach (var open in (Action[])[() => Policy.Open(folder.Path), () => Policy.Catalog.Open(folder.Path)])
        {
            Should.Throw<VitrineException>(open).Message.ShouldStartWith(
                $"{config}: is a policy of LeRobot, its type is 'no_such_policy'; policies of this version are {string.Join(", ", known)}; the nearest is ");
        }

        Should.Throw<VitrineException>(() => TextModel.Open(folder.Path)).Message
            .ShouldBe($"{config}: is a policy of LeRobot, its type is 'no_such_policy'; expected a text model.");
        Should.Throw<VitrineException>(() => VisionModel.Open(folder.Path)).Message
            .ShouldBe($"{config}: is a policy of LeRobot, its type is 'no_such_policy'; expected an image model.");
    }

    [Fact]
    public void A_family_that_is_added_by_the_name_of_its_type_is_opened()
    {
        using var folder = new TemporaryFolder();
        folder.Write("config.json", LeRobot.Replace("act", "mine", StringComparison.Ordinal));
        var asked = "";
        var catalog = Policy.Catalog.With(new ModelFamily("mine", ModelKind.Policy, (source, _) =>
        {
            asked = source.Config.Text("type");
            throw new VitrineException("opened");
        }));
        Should.Throw<VitrineException>(() => Policy.Open(folder.Path, catalog: catalog)).Message.ShouldBe("opened");
        asked.ShouldBe("mine");
    }

    [Theory]
    [InlineData("model.onnx", "is an ONNX graph, which does not name what is inside a model; open the folder that it was exported from.")]
    [InlineData("policy.pt", "is a PyTorch file, and a pickled program is never executed; save the model with save_pretrained and open that folder")]
    [InlineData("last.ckpt", "is a PyTorch file, and a pickled program is never executed")]
    [InlineData("model.safetensors", "is a file of weights alone; a model is a folder that holds its config.json too.")]
    [InlineData("tf_model.h5", "is weights of another framework; open a folder with config.json and safetensors.")]
    [InlineData("notes.txt", "is a file, but no .gguf file; expected a model's folder, a .gguf file or ORG/NAME.")]
    public void A_single_file_is_told_by_its_ending(string name, string what)
    {
        using var folder = new TemporaryFolder();
        var file = folder.Write(name, "nothing");
        foreach (var open in (Action[])[() => TextModel.Open(file), () => Policy.Open(file), () => VisionModel.Open(file)])
        {
            Should.Throw<VitrineException>(open).Message.ShouldStartWith($"{file}: {what}");
        }
    }

    [Fact]
    public void Weights_with_their_configuration_beside_them_name_the_folder_to_open()
    {
        using var folder = new TemporaryFolder();
        folder.Write("config.json", "{}");
        Should.Throw<VitrineException>(() => TextModel.Open(folder.Write("model.safetensors", "x"))).Message.ShouldContain($"open its folder, '{folder.Path}'");
        Should.Throw<VitrineException>(() => TextModel.Open(folder.Write("adapter_model.safetensors", "x"))).Message
            .ShouldContain($"is the weights of a PEFT adapter; open its folder, '{folder.Path}'");
    }

    [Fact]
    public void Gguf_is_told_by_its_first_bytes_and_not_looked_for_where_a_folder_is_meant()
    {
        using var folder = new TemporaryFolder();
        var blob = folder.Write("sha256-abc", "GGUF and more");
        Should.Throw<VitrineException>(() => TextModel.Open(blob)).Message
            .ShouldBe($"{blob}: is a GGUF file by its first bytes; give it a name (or a link) that ends in .gguf.");
        Should.Throw<VitrineException>(() => GgufFile.Open(folder.Path)).Message.ShouldBe($"{folder.Path}: is a folder; expected a .gguf file.");
        Should.Throw<VitrineException>(() => Fixture.Open(blob)).Message
            .ShouldBe($"{blob}: is a file; expected a folder of reference numbers (meta.json beside golden.safetensors).");
    }

    [Theory]
    [InlineData("model.onnx", "holds an ONNX graph")]
    [InlineData("policy.pt", "holds PyTorch files and no config.json, and a pickled program is never executed")]
    [InlineData("model.safetensors", "holds weights and no config.json, which says what model they are of; put it beside them.")]
    [InlineData("meta/info.json", "is a LeRobot dataset and no policy")]
    [InlineData("pretrained_model/config.json", "is a training run of LeRobot; its policy is in '")]
    [InlineData("params/manifest.ocdbt", "is a checkpoint of openpi for JAX")]
    [InlineData("model_index.json", "is a pipeline of diffusers")]
    public void A_folder_without_a_configuration_is_told_by_what_it_holds(string file, string what)
    {
        using var folder = new TemporaryFolder();
        Directory.CreateDirectory(Path.GetDirectoryName(Path.Combine(folder.Path, file))!);
        folder.Write(file, "nothing");
        foreach (var open in (Action[])[() => TextModel.Open(folder.Path), () => Policy.Open(folder.Path), () => VisionModel.Open(folder.Path)])
        {
            Should.Throw<VitrineException>(open).Message.ShouldStartWith($"{folder.Path}: {what}");
        }
    }

    [Theory]
    [InlineData("cfg.json", "sae_weights.safetensors", "is a dictionary of SAELens (cfg.json) and no model")]
    [InlineData("params.json", "consolidated.00.pth", "is in the layout of the model's makers")]
    public void A_folder_of_another_layout_is_told_by_two_of_its_files(string first, string second, string what)
    {
        using var folder = new TemporaryFolder();
        folder.Write(first, "{}");
        folder.Write(second, "nothing");
        Should.Throw<VitrineException>(() => TextModel.Open(folder.Path)).Message.ShouldStartWith($"{folder.Path}: {what}");
    }

    [Fact]
    public void An_adapter_without_its_base_says_what_it_is()
    {
        using var folder = new TemporaryFolder();
        folder.Write("adapter_config.json", """{"peft_type": "LORA", "base_model_name_or_path": "nobody/has-this-model"}""");
        var message = Should.Throw<VitrineException>(() => TextModel.Open(folder.Path)).Message;
        message.ShouldContain("base_model_name_or_path is 'nobody/has-this-model'");
        message.ShouldContain("hf download nobody/has-this-model");
        message.ShouldContain("The folder is a PEFT adapter, which stands on that model.");
    }
}
