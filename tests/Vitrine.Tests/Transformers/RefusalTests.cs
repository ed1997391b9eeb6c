using System.Text.Json.Nodes;
using Vitrine.Certification;
using Vitrine.Transformers;

namespace Vitrine.Tests.Transformers;

/// <summary>Configurations that would change numbers without being understood are refused by name.</summary>
public sealed class RefusalTests
{
    [Theory]
    [InlineData("hidden_act", "\"slu\"", "slu", "silu")]
    [InlineData("attention_temperature", "2", "attention_temperature", "unknown key")]
    [InlineData("rope_scaling", """{"rope_type":"yarn","factor":2}""", "yarn", "llama3")]
    [InlineData("rope_scaling", """{"rope_type":"default","mscale":2}""", "mscale", "unknown key")]
    [InlineData("model_type", "\"lama\"", "lama", "'llama'")]
    [InlineData("hidden_size", "\"wide\"", "hidden_size", "whole number")]
    [InlineData("num_key_value_heads", "3", "3 key/value heads", "cannot share")]
    [InlineData("rope_interleaved", "true", "rope_interleaved", "only without it")]
    public void A_changed_llama_configuration_is_refused(string key, string value, string names, string expected)
    {
        using var folder = new ChangedFolder("llama", config => config[key] = JsonNode.Parse(value));
        var message = Should.Throw<VitrineException>(() => TextModel.Open(folder.Path)).Message;
        message.ShouldContain("config.json");
        message.ShouldContain(names);
        message.ShouldContain(expected);
    }

    [Theory]
    [InlineData("gpt2", "scale_attn_by_inverse_layer_idx", "true")]
    [InlineData("gpt2", "activation_function", "\"gelu_newer\"")]
    [InlineData("gemma", "use_bidirectional_attention", "true")]
    [InlineData("gemma", "hidden_act", "\"relu\"")]
    [InlineData("gemma2", "layer_types", "[\"full_attention\"]")]
    [InlineData("qwen2", "use_mrope", "true")]
    [InlineData("bert", "position_embedding_type", "\"relative_key\"")]
    [InlineData("bert", "is_decoder", "true")]
    [InlineData("bert", "num_labels", "7")]
    [InlineData("bert", "id2label", "{\"0\":\"a\",\"2\":\"b\"}")]
    [InlineData("bert", "problem_type", "\"ranking\"")]
    public void What_a_family_does_not_compute_is_refused_by_name(string family, string key, string value)
    {
        using var folder = new ChangedFolder(family, config => config[key] = JsonNode.Parse(value));
        Should.Throw<VitrineException>(() => TextModel.Open(folder.Path)).Message.ShouldContain(key == "num_labels" ? "id2label" : key);
    }

    [Theory]
    [InlineData("dinov2", "use_swiglu_ffn", "true", "use_swiglu_ffn")]
    [InlineData("vit", "model_type", "\"vitt\"", "'vit'")]
    [InlineData("vit", "image_size", "25", "do not divide 25")]
    [InlineData("vit", "num_channels", "1", "num_channels")]
    [InlineData("siglip_vision_model", "hidden_act", "\"gelu_tanh\"", "gelu_pytorch_tanh")]
    [InlineData("siglip_vision_model", "attention_temperature", "2", "unknown key")]
    [InlineData("clip", "vision_config", "{\"hidden_act\":\"quick_gelo\"}", "quick_gelu")]
    public void A_changed_configuration_of_an_image_model_is_refused(string family, string key, string value, string expected)
    {
        using var folder = new ChangedFolder(family, config => config[key] = JsonNode.Parse(value));
        Should.Throw<VitrineException>(() => VisionModel.Open(folder.Path)).Message.ShouldContain(expected);
    }

    [Fact]
    public void Pictures_of_a_size_that_no_patch_divides_are_refused_with_the_sizes_that_fit()
    {
        using var folder = new ChangedFolder("vit", _ => { });
        using var model = VisionModel.Open(folder.Path);
        using var pixels = TorchSharp.torch.zeros(1, 3, model.Tower.ImageSize + 1, model.Tower.ImageSize);
        Should.Throw<VitrineException>(() => model.Run(pixels)).Message.ShouldContain($"multiples of {model.Tower.Around.PatchSize}");
    }

    [Fact]
    public void A_wrong_size_names_the_tensor_the_found_and_the_expected()
    {
        using var folder = new ChangedFolder("llama", config => config["intermediate_size"] = 9);
        var message = Should.Throw<VitrineException>(() => TextModel.Open(folder.Path)).Message;
        message.ShouldContain("mlp.gate_proj.weight");
        message.ShouldContain("asks for [9, ");
    }

    [Fact]
    public void A_block_too_few_leaves_unknown_tensors_and_is_refused()
    {
        using var folder = new ChangedFolder("llama", config => config["num_hidden_layers"] = 1);
        Should.Throw<VitrineException>(() => TextModel.Open(folder.Path)).Message.ShouldContain("model.layers.1.");
    }

    [Fact]
    public void Labels_are_ordered_by_number_and_get_their_default_names()
    {
        using var reversed = new ChangedFolder("bert",
            config
                => config["id2label"] = new JsonObject(config["id2label"]!.AsObject().Reverse()
                    .Select(p => KeyValuePair.Create(p.Key, (JsonNode?)JsonValue.Create($"class {p.Key}")))));
        using var model = TextModel.Open(reversed.Path);
        model.Labels!.Names.ShouldBe(Enumerable.Range(0, model.Labels.Names.Count).Select(i => $"class {i}"));
        using var nameless = new ChangedFolder("bert", config =>
        {
            config["num_labels"] = config["id2label"]!.AsObject().Count;
            config.Remove("id2label");
        });
        using var other = TextModel.Open(nameless.Path);
        other.Labels!.Names.ShouldBe(Enumerable.Range(0, model.Labels.Names.Count).Select(i => $"LABEL_{i}"));
    }

    [Fact]
    public void Without_a_padding_token_a_batch_cannot_be_classified_but_a_row_can()
    {
        using var folder = new ChangedFolder("llama", config => config["pad_token_id"] = null, classifier: true);
        using var model = TextModel.Open(folder.Path);
        int[][] ids = [[3, 4, 5], [6, 7, 8]];
        long[][] mask = [[1, 1, 1], [1, 1, 1]];
        Should.Throw<VitrineException>(() => model.Classify(TokenBatch.Masked(ids, mask))).Message.ShouldContain("pad_token_id");
        using var one = model.Classify(TokenBatch.Masked([ids[0]], [mask[0]]));
        one.Tokens.ShouldBe([2]);
    }

    [Fact]
    public void A_text_longer_than_the_learned_positions_is_refused()
    {
        using var folder = new ChangedFolder("gpt2", _ => { });
        using var model = TextModel.Open(folder.Path);
        Should.Throw<VitrineException>(() => model.Run(TokenBatch.Of([.. Enumerable.Repeat(3, 2000)]))).Message.ShouldContain("positions");
    }

    [Fact]
    public void Segments_are_refused_where_the_family_knows_none()
    {
        using var folder = new ChangedFolder("llama", _ => { });
        using var model = TextModel.Open(folder.Path);
        var batch = TokenBatch.Masked([[3, 4]], [[1, 1]], segments: [[0, 1]]);
        Should.Throw<VitrineException>(() => model.Run(batch)).Message.ShouldContain("segments");
    }

    /// <summary>The first fixture of a family with another config.json.</summary>
    private sealed class ChangedFolder : IDisposable
    {
        public ChangedFolder(string family, Action<JsonObject> change, bool? classifier = null)
        {
            var source = Subject.Names().Select(row => System.IO.Path.Combine(Fixtures.Root, "models", row.Data)).FirstOrDefault(f =>
            {
                using var fixture = Fixture.Open(f);
                return fixture.Family == family
                    && (classifier is null ? family is "bert" or "vit" || !fixture.Has("single/out.class_logits") : fixture.Has("single/out.class_logits"));
            });
            Assert.SkipUnless(source is not null, $"the fixtures have no {family}");
            Path = Directory.CreateTempSubdirectory("vitrine-").FullName;
            foreach (var file in Directory.GetFiles(source!, "model*"))
            {
                File.Copy(file, System.IO.Path.Combine(Path, System.IO.Path.GetFileName(file)));
            }

            var config = JsonNode.Parse(File.ReadAllText(System.IO.Path.Combine(source!, "config.json")))!.AsObject();
            change(config);
            File.WriteAllText(System.IO.Path.Combine(Path, "config.json"), config.ToJsonString());
        }

        public string Path { get; }

        public void Dispose() => Directory.Delete(Path, recursive: true);
    }
}
