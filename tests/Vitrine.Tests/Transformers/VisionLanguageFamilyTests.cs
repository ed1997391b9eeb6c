using System.Text.Json;
using System.Text.Json.Nodes;
using Vitrine.Checkpoints;
using Vitrine.Transformers;
using Vitrine.Transformers.Families;
using static TorchSharp.torch;

namespace Vitrine.Tests.Transformers;

/// <summary>How files of models of pictures and texts spell their keys and tensors, in every layout that there is.</summary>
public sealed class VisionLanguageFamilyTests : IDisposable
{
    private readonly Cli.TemporaryFolder folder = new();

    /// <remarks>What stands in front of the tensors' names: the hub's layout, transformers' from 4.52 on, and 5.23's, which drops vision_model.</remarks>
    public static TheoryData<string, string, string> Layouts()
    {
        var data = new TheoryData<string, string, string>();
        foreach (var name in (string[])["paligemma", "llava"])
        {
            data.Add(name, "language_model.model.=model.language_model.;language_model.lm_head.=lm_head.;vision_tower.=model.vision_tower.;"
                + "multi_modal_projector.=model.multi_modal_projector.", "from 4.52 on");
            data.Add(name, "vision_tower.vision_model.=vision_tower.", "5.23");
        }

        data.Add("qwen2.5-vl", "model.=model.language_model.;visual.=model.visual.", "from 4.52 on");
        data.Add("qwen3-vl", "model.language_model.=model.;model.visual.=visual.", "as Qwen2.5-VL's first files");
        return data;
    }

    [Theory, MemberData(nameof(Layouts))]
    public void Every_layout_of_tensor_names_answers_alike(string name, string renaming, string layout)
    {
        var original = Fixtures.Of("models", name);
        folder.LinkFrom(original, "model.safetensors");
        var rules = renaming.Split(';').Select(r => r.Split('=')).ToArray();
        using (var scope = NewDisposeScope())
        {
            using var file = SafetensorsFile.Open(Path.Combine(original, "model.safetensors"));
            var renamed = file.Tensors.Keys.ToDictionary(
                key => rules.FirstOrDefault(r => key.StartsWith(r[0], StringComparison.Ordinal)) is { } rule ? rule[1] + key[rule[0].Length..] : key,
                file.Read);
            renamed.Keys.Order().SequenceEqual(file.Tensors.Keys.Order()).ShouldBeFalse("something was renamed");
            SafetensorsFile.Save(folder["model.safetensors"], renamed, new Dictionary<string, string>());
        }

        var batch = Seeing.Batch(name);
        using var expected = Seeing.Open(name);
        using var model = TextModel.Open(folder.Path);
        using var a = expected.Run(batch);
        using var b = model.Run(batch);
        b.Logits.ShouldHaveTheBitsOf(a.Logits, layout);
    }

    /// <remarks>transformers 4.49 to 4.51 wrote the text's keys beside vision_config, and called the rotation by three axes "mrope".</remarks>
    [Fact]
    public void The_first_configurations_of_Qwen25_VL_read_alike()
    {
        var original = Fixtures.Of("models", "qwen2.5-vl");
        folder.LinkFrom(original, "config.json");
        var config = JsonNode.Parse(File.ReadAllText(Path.Combine(original, "config.json")))!.AsObject();
        var text = config["text_config"]!.AsObject();
        var rope = text["rope_parameters"]!;
        config.Remove("text_config");
        foreach (var (key, value) in text.Where(p => p.Key is not ("rope_parameters" or "model_type" or "layer_types")))
        {
            config[key] = value?.DeepClone();
        }

        config["rope_theta"] = rope["rope_theta"]!.DeepClone();
        config["rope_scaling"] = new JsonObject { ["type"] = "mrope", ["mrope_section"] = rope["mrope_section"]!.DeepClone() };
        config["vision_token_id"] = 294;
        var vision = config["vision_config"]!.AsObject();
        vision.Remove("rope_parameters");
        vision.Remove("in_channels");
        (vision["in_chans"], vision["spatial_patch_size"]) = (3, vision["patch_size"]!.DeepClone());
        File.WriteAllText(folder["config.json"], config.ToJsonString());
        var batch = Seeing.Batch("qwen2.5-vl");
        using var expected = Seeing.Open("qwen2.5-vl");
        using var model = TextModel.Open(folder.Path);
        using var a = expected.Run(batch);
        using var b = model.Run(batch);
        b.Logits.ShouldHaveTheBitsOf(a.Logits, "the same numbers");
    }

    /// <remarks>
    /// Keys of published configurations, as far as they change numbers or might: sizes after the files, what is left out takes the class's default.
    /// </remarks>
    [Theory]
    [InlineData("paligemma", """
        {"model_type":"paligemma","image_token_index":257152,"projection_dim":2048,"bos_token_id":2,"eos_token_id":1,"pad_token_id":0,"ignore_index":-100,
         "hidden_size":2048,"vocab_size":257152,
         "text_config":{"model_type":"gemma","hidden_size":2048,"intermediate_size":16384,"num_attention_heads":8,"num_hidden_layers":18,"num_image_tokens":256,
          "num_key_value_heads":1,"torch_dtype":"float32","vocab_size":257216},
         "vision_config":{"hidden_size":1152,"intermediate_size":4304,"model_type":"siglip_vision_model","num_attention_heads":16,"num_hidden_layers":27,
          "num_image_tokens":256,"patch_size":14,"projection_dim":2048,"projector_hidden_act":"gelu_fast","vision_use_head":false}}
        """)]
    [InlineData("llava", """
        {"model_type":"llava","ignore_index":-100,"image_token_index":32000,"pad_token_id":32001,"projector_hidden_act":"gelu","vision_feature_layer":-2,
         "vision_feature_select_strategy":"default","vocab_size":32064,"tie_word_embeddings":false,
         "text_config":{"_name_or_path":"lmsys/vicuna-7b-v1.5","model_type":"llama","max_position_embeddings":4096,"rms_norm_eps":1e-05,"vocab_size":32064},
         "vision_config":{"hidden_size":1024,"image_size":336,"intermediate_size":4096,"model_type":"clip_vision_model","num_attention_heads":16,
          "num_hidden_layers":24,"patch_size":14,"projection_dim":768,"vocab_size":32000}}
        """)]
    [InlineData("idefics3", """
        {"model_type":"idefics3","image_token_id":49190,"pad_token_id":2,"scale_factor":4,"tie_word_embeddings":false,"vocab_size":49280,
         "transformers.js_config":{"kv_cache_dtype":{"fp16":"float16"}},
         "text_config":{"_flash_attn_2_enabled":true,"head_dim":64,"hidden_size":576,"intermediate_size":1536,"is_llama_config":true,"model_type":"llama",
          "neftune_noise_alpha":0.0,"num_attention_heads":9,"num_hidden_layers":30,"num_key_value_heads":3,"perceiver_config":{"attention_dropout":0.0},
          "pixel_shuffle_factor":4,"qk_layer_norms":false,"rms_norm_eps":1e-05,"rope_interleaved":false,"rope_theta":100000,"use_resampler":false,
          "vocab_size":49280},
         "vision_config":{"hidden_size":768,"image_size":512,"max_image_size":{"longest_edge":512},"model_type":"idefics3_vision","num_attention_heads":12,
          "patch_size":16,"size":{"longest_edge":2048},"use_base_siglip":false}}
        """)]
    [InlineData("qwen2_5_vl", """
        {"model_type":"qwen2_5_vl","vision_start_token_id":151652,"vision_end_token_id":151653,"vision_token_id":151654,"image_token_id":151655,
         "video_token_id":151656,"hidden_size":2048,"intermediate_size":11008,"max_window_layers":70,"num_attention_heads":16,"num_hidden_layers":36,
         "num_key_value_heads":2,"rms_norm_eps":1e-06,"rope_theta":1000000.0,"sliding_window":32768,"tie_word_embeddings":true,"use_sliding_window":false,
         "rope_scaling":{"type":"mrope","mrope_section":[16,24,24]},"vocab_size":151936,"hidden_act":"silu",
         "vision_config":{"depth":32,"hidden_act":"silu","hidden_size":1280,"intermediate_size":3420,"num_heads":16,"in_chans":3,"out_hidden_size":2048,
          "patch_size":14,"spatial_merge_size":2,"spatial_patch_size":14,"window_size":112,"fullatt_block_indexes":[7,15,23,31],"tokens_per_second":2,
          "temporal_patch_size":2}}
        """)]
    [InlineData("qwen3_vl", """
        {"model_type":"qwen3_vl","image_token_id":151655,"video_token_id":151656,"vision_start_token_id":151652,"vision_end_token_id":151653,
         "tie_word_embeddings":true,
         "text_config":{"model_type":"qwen3_vl_text","attention_bias":false,"head_dim":128,"hidden_act":"silu","hidden_size":2048,"intermediate_size":6144,
          "num_attention_heads":16,"num_hidden_layers":28,"num_key_value_heads":8,"rms_norm_eps":1e-06,"rope_theta":5000000,"tie_word_embeddings":true,
          "rope_scaling":{"mrope_interleaved":true,"mrope_section":[24,20,20],"rope_type":"default"},"vocab_size":151936},
         "vision_config":{"deepstack_visual_indexes":[5,11,17],"depth":24,"hidden_act":"gelu_pytorch_tanh","hidden_size":1024,"in_channels":3,
          "intermediate_size":4096,"model_type":"qwen3_vl","num_heads":16,"num_position_embeddings":2304,"out_hidden_size":2048,"patch_size":16,
          "spatial_merge_size":2,"temporal_patch_size":2}}
        """)]
    public void Published_configurations_are_read(string family, string json)
        => VisionLanguageFamily.All.Single(f => f.ModelType == family).Read(new ConfigReader(JsonDocument.Parse(json).RootElement, "config.json"))
            .ShouldNotBeNull();

    [Theory]
    [InlineData("paligemma", "attention_temperature", "2", "attention_temperature")]
    [InlineData("paligemma", "text_config.use_bidirectional_attention", "false", "use_bidirectional_attention")]
    [InlineData("paligemma", "text_config.model_type", "\"gemma2\"", "gemma2")]
    [InlineData("paligemma", "projection_dim", "40", "projection_dim is 40")]
    [InlineData("paligemma", "vision_config.vision_use_head", "true", "vision_use_head")]
    [InlineData("smolvlm", "text_config.use_resampler", "true", "use_resampler")]
    [InlineData("smolvlm", "text_config.model_type", "\"gpt2\"", "model_type is 'gpt2'")]
    [InlineData("smolvlm", "scale_factor", "3", "scale_factor 3")]
    [InlineData("smolvlm", "vision_config.mscale", "2", "mscale")]
    [InlineData("llava", "vision_feature_layer", "[-2,-3]", "vision_feature_layer")]
    [InlineData("llava", "vision_feature_layer", "-9", "vision_feature_layer is -9")]
    [InlineData("llava", "vision_feature_select_strategy", "\"first\"", "'first'")]
    [InlineData("llava", "vision_config.model_type", "\"vit\"", "model_type is 'vit'")]
    [InlineData("qwen2.5-vl", "vision_config.out_hidden_size", "40", "out_hidden_size is 40")]
    [InlineData("qwen2.5-vl", "vision_config.fullatt_block_indexes", "[9]", "blocks 9 of 4")]
    [InlineData("qwen2.5-vl", "vision_config.rope_parameters", "{\"rope_type\":\"default\"}", "axial")]
    [InlineData("qwen2.5-vl", "text_config.rope_parameters", "{\"rope_type\":\"default\",\"mrope_section\":[2,2,3]}", "mrope_section is 2, 2, 3")]
    [InlineData("qwen3-vl", "vision_config.num_position_embeddings", "15", "num_position_embeddings is 15")]
    [InlineData("qwen3-vl", "vision_config.deepstack_visual_indexes", "[2,1]", "2, 1")]
    [InlineData("qwen3-vl", "text_config.use_mrope_twice", "true", "use_mrope_twice")]
    public void What_is_not_computed_is_refused_by_name(string name, string key, string value, string expected)
    {
        folder.LinkFrom(Fixtures.Of("models", name), "config.json");
        var config = JsonNode.Parse(File.ReadAllText(Path.Combine(Fixtures.Of("models", name), "config.json")))!;
        var (at, last) = (config, key.Split('.')[^1]);
        foreach (var part in key.Split('.').SkipLast(1))
        {
            at = at[part]!;
        }

        at[last] = JsonNode.Parse(value);
        File.WriteAllText(folder["config.json"], config.ToJsonString());
        var message = Should.Throw<VitrineException>(() => TextModel.Open(folder.Path)).Message;
        message.ShouldContain("config.json");
        message.ShouldContain(expected);
    }

    [Fact]
    public void A_tensor_that_nobody_reads_is_refused_and_so_is_a_missing_one()
    {
        var original = Fixtures.Of("models", "smolvlm");
        folder.LinkFrom(original, "model.safetensors");
        using var scope = NewDisposeScope();
        using var file = SafetensorsFile.Open(Path.Combine(original, "model.safetensors"));
        var tensors = file.Tensors.Keys.ToDictionary(key => key, file.Read);
        tensors["model.connector.extra"] = zeros(2);
        SafetensorsFile.Save(folder["model.safetensors"], tensors, new Dictionary<string, string>());
        Should.Throw<VitrineException>(() => TextModel.Open(folder.Path)).Message.ShouldContain("'model.connector.extra'");
        tensors.Remove("model.connector.extra");
        tensors.Remove("model.connector.modality_projection.proj.weight");
        SafetensorsFile.Save(folder["model.safetensors"], tensors, new Dictionary<string, string>());
        Should.Throw<VitrineException>(() => TextModel.Open(folder.Path)).Message.ShouldContain("model.connector.modality_projection.proj.weight");
    }

    public void Dispose() => folder.Dispose();
}
