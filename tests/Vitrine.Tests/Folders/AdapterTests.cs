using System.Text.Json.Nodes;
using Vitrine.Checkpoints;
using Vitrine.Policies.OpenVla;
using Vitrine.Tests.Cli;
using Vitrine.Tests.Policies.OpenVla;
using Vitrine.Transformers;
using static TorchSharp.torch;

namespace Vitrine.Tests.Folders;

/// <summary>A LoRA adapter in a model's folder is merged as peft does, or refused by what is not computed.</summary>
/// <remarks>
/// Right values: the same model with the sum written into its weight file, W + alpha / r B A in double (peft, lora/layer.py, get_delta_weight).
/// </remarks>
public sealed class AdapterTests
{
    private const double Tolerance = 5e-5;
    private const string Query = "model.layers.0.self_attn.q_proj", Down = "model.layers.1.mlp.down_proj";

    /// <summary>The ways in which the scaling is spelled, and the two kinds of files.</summary>
    [Theory]
    [InlineData(false, false, false)]
    [InlineData(true, false, false)]
    [InlineData(false, true, false)]
    [InlineData(true, true, true)]
    [InlineData(false, false, true)]
    public void The_answer_is_that_of_the_merged_weights(bool rankStabilised, bool patterns, bool asTorch)
    {
        using var copy = ModelCopy.Of("llama");
        using var merged = ModelCopy.OfFolder(copy.Source);
        var files = new AdapterFiles(5);
        var (query, down) = (Shape(copy, Query), Shape(copy, Down));
        var rank = patterns ? 2 : 3;
        var (q, d) = (files.Adapt(Query, query[0], query[1]), files.Adapt(Down, down[0], down[1], rank));
        files.Config["use_rslora"] = rankStabilised;
        if (patterns)
        {
            files.Config["rank_pattern"] = new JsonObject { ["layers.1.mlp.down_proj"] = 2 };
            files.Config["alpha_pattern"] = new JsonObject { ["never"] = 99, [".*self_attn.q_proj"] = 5.5 };
        }

        files.Write(copy.Path, asTorch);
        double Scaling(double alpha, int r) => alpha / (rankStabilised ? Math.Sqrt(r) : r);
        merged.Reweigh((name, weight) => name == $"{Query}.weight" ? AdapterFiles.Sum(weight, q, Scaling(patterns ? 5.5 : 6, 3))
            : name == $"{Down}.weight" ? AdapterFiles.Sum(weight, d, Scaling(6, rank))
            : weight);
        Agree(copy, merged);
        var plain = copy.Logits(copy.Prompt(), new ModelOptions { Adapter = false });
        plain.ShouldBe(ModelLogits(copy.Source, copy.Prompt()), "without it the base model answers");
        Largest(plain, copy.Logits(copy.Prompt())).ShouldBeGreaterThan(0.01);
    }

    /// <remarks>
    /// Conv1D stores [in, out] and peft turns the product by the class of the layer, whatever fan_in_fan_out says; c_proj of attention is square.
    /// </remarks>
    [Theory]
    [InlineData("h.0.attn.c_attn", true)]
    [InlineData("h.1.attn.c_proj", false)]
    [InlineData("h.0.mlp.c_proj", true)]
    public void Turned_matrices_of_GPT2_get_a_turned_product(string module, bool spelled)
    {
        using var copy = ModelCopy.Of("gpt2");
        using var merged = ModelCopy.OfFolder(copy.Source);
        using var weights = Checkpoint.Open(copy.Path);
        var name = weights.Names.Single(n => n.EndsWith($"{module}.weight", StringComparison.Ordinal));
        var shape = weights.Entry(name).Shape;
        var files = new AdapterFiles(6);
        var product = files.Adapt($"transformer.{module}", shape[1], shape[0]);
        files.Config["fan_in_fan_out"] = spelled;
        files.Write(copy.Path);
        merged.Reweigh((n, weight) => n == name ? AdapterFiles.Sum(weight, product, 2, turned: true) : weight);
        Agree(copy, merged);
    }

    /// <summary>Fused, interleaved projections are merged before they are taken apart.</summary>
    [Fact]
    public void Interleaved_projections_are_merged_whole()
    {
        using var copy = ModelCopy.Of("gpt_neox");
        using var merged = ModelCopy.OfFolder(copy.Source);
        const string Fused = "gpt_neox.layers.1.attention.query_key_value";
        var shape = Shape(copy, Fused);
        var files = new AdapterFiles(7);
        var product = files.Adapt(Fused, shape[0], shape[1]);
        files.Write(copy.Path);
        merged.Reweigh((n, weight) => n == $"{Fused}.weight" ? AdapterFiles.Sum(weight, product, 2) : weight);
        Agree(copy, merged);
    }

    [Fact]
    public void An_embedding_gets_its_rows_and_a_tied_head_refuses()
    {
        const string Embedding = "model.embed_tokens";
        using var copy = ModelCopy.Of("llama");
        using var merged = ModelCopy.OfFolder(copy.Source);
        var shape = Shape(copy, Embedding);
        var files = new AdapterFiles(8);
        var product = files.AdaptEmbedding(Embedding, shape[0], shape[1]);
        files.Write(copy.Path);
        merged.Reweigh((n, weight) => n == $"{Embedding}.weight" ? AdapterFiles.Sum(weight, product, 2, turned: true) : weight);
        Agree(copy, merged);
        using var tied = ModelCopy.Of("gemma2");
        var other = new AdapterFiles(8);
        other.AdaptEmbedding(Embedding, Shape(tied, Embedding)[0], Shape(tied, Embedding)[1]);
        other.Write(tied.Path);
        tied.Refusal().ShouldContain("to which the head is tied");
    }

    /// <summary>Modules that were saved whole stand in place of the base's, and so do biases.</summary>
    [Fact]
    public void Saved_modules_and_biases_replace_those_of_the_base()
    {
        using var copy = ModelCopy.Of("qwen2");
        using var merged = ModelCopy.OfFolder(copy.Source);
        const string Key = "model.layers.0.self_attn.k_proj", Norm = "model.norm";
        var shape = Shape(copy, Key);
        var files = new AdapterFiles(9);
        var product = files.Adapt(Key, shape[0], shape[1]);
        var (bias, gain) = (files.Draw(shape[0]), files.Draw(shape[1], 1));
        files.Config["bias"] = "lora_only";
        files.Config["modules_to_save"] = new JsonArray("norm");
        files.Tensors[$"base_model.model.{Key}.base_layer.bias"] = ([shape[0]], bias);
        files.Tensors[$"base_model.model.{Norm}.weight"] = ([shape[1]], gain);
        files.Write(copy.Path);
        merged.Reweigh((n, weight) => n == $"{Key}.weight" ? AdapterFiles.Sum(weight, product, 2)
            : n == $"{Key}.bias" ? tensor(bias)
            : n == $"{Norm}.weight" ? tensor(gain)
            : weight);
        Agree(copy, merged);
    }

    /// <summary>A head that was tied becomes one of its own.</summary>
    [Fact]
    public void A_saved_head_unties_itself()
    {
        using var copy = ModelCopy.Of("gemma");
        using var merged = ModelCopy.OfFolder(copy.Source);
        var shape = Shape(copy, "model.embed_tokens");
        var files = new AdapterFiles(10);
        files.Config["modules_to_save"] = new JsonArray("lm_head");
        files.Target("q_proj");
        var head = files.Draw(shape[0] * shape[1]);
        files.Tensors["base_model.model.lm_head.weight"] = ([.. shape], head);
        files.Write(copy.Path);
        Dictionary<string, Tensor> tensors = [];
        using (var file = SafetensorsFile.Open(merged["model.safetensors"]))
        {
            using var scope = NewDisposeScope();
            foreach (var name in file.Tensors.Keys)
            {
                tensors[name] = file.Read(name).clone();
            }

            tensors["lm_head.weight"] = tensor(head, [.. shape]);
            SafetensorsFile.Save(merged["whole.safetensors"], tensors);
        }

        File.Move(merged["whole.safetensors"], merged["model.safetensors"], overwrite: true);
        Agree(copy, merged);
    }

    [Fact]
    public void A_bias_of_B_is_added_to_that_of_the_base()
    {
        using var copy = ModelCopy.Of("qwen2");
        using var merged = ModelCopy.OfFolder(copy.Source);
        const string Value = "model.layers.1.self_attn.v_proj";
        var shape = Shape(copy, Value);
        var files = new AdapterFiles(11);
        var product = files.Adapt(Value, shape[0], shape[1]);
        var bias = files.Draw(shape[0]);
        files.Config["lora_bias"] = true;
        files.Tensors[$"base_model.model.{Value}.lora_B.bias"] = ([shape[0]], bias);
        files.Write(copy.Path);
        merged.Reweigh((n, weight) => n == $"{Value}.weight" ? AdapterFiles.Sum(weight, product, 2)
            : n == $"{Value}.bias" ? weight.add(tensor(bias).mul(2))
            : weight);
        Agree(copy, merged);
    }

    /// <summary>Sixteen-bit weights get the sum in float32, rounded nowhere else.</summary>
    [Fact]
    public void Sixteen_bit_weights_are_widened_before_the_sum()
    {
        using var copy = ModelCopy.Of("llama");
        copy.Reweigh((_, weight) => weight.to(bfloat16));
        using var merged = ModelCopy.OfFolder(copy.Path);
        var shape = Shape(copy, Query);
        var files = new AdapterFiles(12);
        var product = files.Adapt(Query, shape[0], shape[1]);
        files.Write(copy.Path);
        merged.Reweigh((n, weight) => n == $"{Query}.weight" ? AdapterFiles.Sum(weight, product, 2) : weight);
        var prompt = Prompt("llama");
        foreach (var storage in new[] { WeightStorage.Widened, WeightStorage.AsStored })
        {
            Close(copy.Logits(prompt, new ModelOptions { Storage = storage }), merged.Logits(prompt, new ModelOptions { Storage = storage }));
        }
    }

    [Theory]
    [InlineData("peft_type", "\"IA3\"", "peft_type is 'IA3'")]
    [InlineData("peft_type", null, "'peft_type' is missing")]
    [InlineData("use_dora", "true", "use_dora is true; DoRA is not computed")]
    [InlineData("use_qalora", "true", "use_qalora")]
    [InlineData("init_lora_weights", "\"pissa_niter_4\"", "init_lora_weights")]
    [InlineData("init_lora_weights", "\"olora\"", "init_lora_weights")]
    [InlineData("layer_replication", "[[0, 2]]", "layer_replication")]
    [InlineData("trainable_token_indices", "[3]", "trainable_token_indices")]
    [InlineData("alora_invocation_tokens", "[3, 4]", "alora_invocation_tokens")]
    [InlineData("lora_magic", "1", "unknown key 'lora_magic'")]
    [InlineData("r", "3.0", "r is 3.0; expected a positive whole number")]
    [InlineData("r", "true", "r is true")]
    [InlineData("r", "4", "asks for rank 4")]
    [InlineData("r", null, "asks for rank 8")]
    [InlineData("lora_alpha", "\"6\"", "lora_alpha is \"6\"")]
    [InlineData("use_rslora", "1", "use_rslora is 1")]
    [InlineData("target_modules", null, "'target_modules' is missing")]
    [InlineData("target_modules", "[\"v_proj\"]", "does not name the module")]
    [InlineData("target_modules", "\".*\\\\.k_proj\"", "does not name the module")]
    [InlineData("target_modules", "\"(\"", "target_modules has a pattern that cannot be matched")]
    [InlineData("exclude_modules", "[\"q_proj\"]", "does not name the module")]
    [InlineData("layers_to_transform", "[1]", "does not name the module")]
    [InlineData("layers_to_transform", "[\"0\"]", "layers_to_transform")]
    [InlineData("bias", "\"some\"", "bias is 'some'")]
    [InlineData("rank_pattern", "{\"q_proj\": 2}", "asks for rank 2")]
    [InlineData("rank_pattern", "{\"q_proj\": \"3\"}", "rank_pattern: q_proj is \"3\"")]
    [InlineData("alpha_pattern", "[3]", "alpha_pattern")]
    [InlineData("modules_to_save", "\"norm\"", "modules_to_save is \"norm\"")]
    public void What_is_not_computed_or_of_another_kind_is_refused_by_file_and_key(string key, string? value, string named)
    {
        using var copy = ModelCopy.Of("llama");
        var files = new AdapterFiles(13);
        files.Adapt(Query, Shape(copy, Query)[0], Shape(copy, Query)[1]);
        files.Write(copy.Path);
        copy.Edit("adapter_config.json", json =>
        {
            json.Remove(key);
            if (value is not null)
            {
                json[key] = JsonNode.Parse(value);
            }
        });
        var message = copy.Refusal();
        message.ShouldContain(named);
        message.ShouldContain("adapter_");
        copy.Logits(copy.Prompt(), new ModelOptions { Adapter = false }).Length.ShouldBeGreaterThan(0);
    }

    [Theory]
    [InlineData("layers_to_transform", "[0, 5]")]
    [InlineData("layers_to_transform", "0")]
    [InlineData("target_modules", "\"all-linear\"")]
    [InlineData("target_modules", "\"model\\\\.layers\\\\.[01]\\\\..*q_proj\"")]
    [InlineData("exclude_modules", "[\"v_proj\"]")]
    [InlineData("layers_pattern", "\"layers\"")]
    [InlineData("init_lora_weights", "\"gaussian\"")]
    [InlineData("loftq_config", "{\"bits\": 4}")]
    [InlineData("lora_dropout", "0.5")]
    [InlineData("peft_version", "\"0.18.0\"")]
    [InlineData("use_dora", "null")]
    public void What_says_nothing_or_the_same_changes_nothing(string key, string value)
    {
        using var copy = ModelCopy.Of("llama");
        var files = new AdapterFiles(14);
        files.Adapt(Query, Shape(copy, Query)[0], Shape(copy, Query)[1]);
        files.Write(copy.Path);
        var before = copy.Logits(copy.Prompt());
        copy.Edit("adapter_config.json", json => json[key] = JsonNode.Parse(value));
        copy.Logits(copy.Prompt()).ShouldBe(before);
    }

    [Theory]
    [InlineData("base_model.model.model.layers.9.self_attn.q_proj.lora_A.weight", "the base model has no tensor")]
    [InlineData("base_model.model.model.layers.0.self_attn.q_proj.lora_magnitude_vector", "finds no place")]
    [InlineData("base_model.model.model.norm.weights", "finds no place")]
    [InlineData("model.layers.0.self_attn.q_proj.lora_A.weight", "does not begin with 'base_model.model.'")]
    [InlineData("base_model.model.model.layers.1.self_attn.q_proj.lora_A.weight", "only one half")]
    public void A_tensor_without_a_place_is_refused_by_name(string name, string said)
    {
        using var copy = ModelCopy.Of("llama");
        var files = new AdapterFiles(15);
        files.Adapt(Query, Shape(copy, Query)[0], Shape(copy, Query)[1]);
        files.Tensors[name] = ([3, Shape(copy, Query)[1]], files.Draw(3 * Shape(copy, Query)[1]));
        files.Write(copy.Path);
        var message = copy.Refusal();
        message.ShouldContain(said);
        message.ShouldContain("adapter_model.safetensors");
    }

    [Fact]
    public void An_adapter_without_weights_or_of_another_model_is_refused()
    {
        using var copy = ModelCopy.Of("llama");
        var files = new AdapterFiles(16);
        files.Adapt(Query, Shape(copy, Query)[0] + 1, Shape(copy, Query)[1]);
        files.Write(copy.Path);
        copy.Refusal().ShouldContain("Is it an adapter of another model?");
        File.Delete(copy["adapter_model.safetensors"]);
        copy.Refusal().ShouldContain("its weights are missing");
    }

    [Fact]
    public void An_adapter_has_part_in_the_fingerprint()
    {
        using var copy = ModelCopy.Of("llama");
        var files = new AdapterFiles(17);
        files.Adapt(Query, Shape(copy, Query)[0], Shape(copy, Query)[1]);
        files.Write(copy.Path);
        string Fingerprint(bool adapter)
        {
            using var model = TextModel.Open(copy.Path, new ModelOptions { Adapter = adapter });
            return model.Fingerprint;
        }

        using var plain = TextModel.Open(copy.Source);
        var first = Fingerprint(true);
        Fingerprint(false).ShouldBe(plain.Fingerprint);
        first.ShouldNotBe(plain.Fingerprint);
        copy.Edit("adapter_config.json", json => json["lora_alpha"] = 7);
        Fingerprint(true).ShouldNotBe(first);
    }

    /// <summary>A folder of an adapter alone opens the model that it names, with the tokenizer that was saved beside the adapter.</summary>
    [Fact]
    public async Task A_folder_of_an_adapter_alone_opens_its_base()
    {
        using var copy = ModelCopy.Of("llama");
        using var alone = new TemporaryFolder();
        var files = new AdapterFiles(18);
        files.Adapt(Query, Shape(copy, Query)[0], Shape(copy, Query)[1]);
        files.Write(copy.Path);
        files.Config["base_model_name_or_path"] = copy.Source;
        files.Write(alone.Path);
        var prompt = copy.Prompt();
        ModelLogits(alone.Path, prompt).ShouldBe(copy.Logits(prompt));
        ModelLogits(alone.Path, prompt, new ModelOptions { Adapter = false }).ShouldBe(ModelLogits(copy.Source, prompt));
        var (exit, @out, error) = await CommandLine.RunAsync("inspect", alone.Path);
        exit.ShouldBe(0, error);
        @out.ShouldContain($"{Path.GetFileName(alone.Path)}{Path.DirectorySeparatorChar}adapter_model.safetensors");
        files.Config["base_model_name_or_path"] = "nobody/has-this-model";
        files.Write(alone.Path);
        var message = Should.Throw<VitrineException>(() => TextModel.Open(alone.Path)).Message;
        message.ShouldContain("adapter_config.json: base_model_name_or_path is 'nobody/has-this-model'");
        message.ShouldContain("hf download nobody/has-this-model");
        files.Config["base_model_name_or_path"] = null;
        files.Write(alone.Path);
        Should.Throw<VitrineException>(() => TextModel.Open(alone.Path)).Message.ShouldContain("names no base model");
    }

    /// <summary>Where an adapter names another base than the weights beside it, transformers opens that one; those may hold the adapter already.</summary>
    [Fact]
    public async Task Another_base_than_the_weights_beside_goes_before_them()
    {
        using var copy = ModelCopy.Of("llama");
        using var merged = ModelCopy.OfFolder(copy.Source);
        var files = new AdapterFiles(19);
        var product = files.Adapt(Query, Shape(copy, Query)[0], Shape(copy, Query)[1]);
        merged.Reweigh((n, weight) => n == $"{Query}.weight" ? AdapterFiles.Sum(weight, product, 2) : weight);
        files.Write(copy.Path);
        files.Config["base_model_name_or_path"] = copy.Source;
        files.Write(merged.Path);
        merged.Logits(copy.Prompt()).ShouldBe(copy.Logits(copy.Prompt()), "and not twice the adapter");
        var (_, _, error) = await CommandLine.RunAsync("inspect", merged.Path);
        error.ShouldContain("the weights beside the adapter are not read");
        files.Config["base_model_name_or_path"] = "nobody/has-this-model";
        files.Write(merged.Path);
        merged.Refusal().ShouldContain("--no-adapter opens the weights beside the adapter alone");
        merged.Logits(copy.Prompt(), new ModelOptions { Adapter = false }).Length.ShouldBeGreaterThan(0);
    }

    /// <summary>The published recipe of OpenVLA's fine-tunes: LoRA on every linear layer, merged for use.</summary>
    [Fact]
    public void A_policy_acts_with_its_adapter()
    {
        using var copy = new TemporaryFolder();
        using var merged = new TemporaryFolder();
        Example.Copy(copy.Path);
        Example.Copy(merged.Path);
        var files = new AdapterFiles(20);
        string[] modules = ["language_model.model.layers.1.mlp.up_proj", "projector.fc2", "vision_backbone.featurizer.blocks.0.attn.qkv"];
        var products = new Dictionary<string, double[,]>();
        using (var weights = Checkpoint.Open(copy.Path))
        {
            foreach (var module in modules)
            {
                var shape = weights.Entry($"{module}.weight").Shape;
                products[$"{module}.weight"] = files.Adapt(module, shape[0], shape[1]);
            }
        }

        files.Write(copy.Path);
        using (var weights = Checkpoint.Open(merged.Path))
        {
            var plans = weights.Names.Select(n => TensorPlan.Of(n, weights.Read(n))).ToArray();
            using var target = new TemporaryFolder();
            SafetensorsShards.Save(target.Path, plans, n => products.TryGetValue(n, out var p) ? AdapterFiles.Sum(weights.Read(n), p, 2) : weights.Read(n));
            foreach (var file in Directory.GetFiles(merged.Path, "model*"))
            {
                File.Delete(file);
            }

            File.Copy(target["model.safetensors"], merged["model.safetensors"]);
        }

        float[] Logits(string folder)
        {
            using var policy = Example.Open(folder);
            using var run = policy.With(units: "bridge_orig").Act([Example.Observe()], cancellation: TestContext.Current.CancellationToken);
            return run.Run.Logits.data<float>().ToArray();
        }

        Close(Logits(copy.Path), Logits(merged.Path));
        using var with = Example.Open(copy.Path);
        using var without = Example.Open(copy.Path, new OpenVlaOptions { Adapter = false });
        with.Fingerprint.ShouldNotBe(without.Fingerprint);
    }

    private static IReadOnlyList<long> Shape(ModelCopy copy, string module)
    {
        using var weights = Checkpoint.Open(copy.Path);
        return weights.Entry($"{module}.weight").Shape;
    }

    private static int[] Prompt(string family)
    {
        using var copy = ModelCopy.Of(family);
        return copy.Prompt();
    }

    private static float[] ModelLogits(string folder, int[] prompt, ModelOptions? options = null)
    {
        using var model = TextModel.Open(folder, options);
        return ModelCopy.Logits(model, prompt);
    }

    private static void Agree(ModelCopy copy, ModelCopy merged) => Close(copy.Logits(copy.Prompt()), merged.Logits(copy.Prompt()));

    private static void Close(float[] actual, float[] expected)
    {
        actual.Length.ShouldBe(expected.Length);
        Largest(actual, expected).ShouldBeLessThan(Tolerance * Math.Max(1, expected.Max(Math.Abs)));
    }

    private static double Largest(float[] a, float[] b) => a.Zip(b, (x, y) => (double)Math.Abs(x - y)).Max();
}
