using System.Text.Json.Nodes;
using Vitrine.Inputs.Pictures;
using Vitrine.Policies;
using Vitrine.Tests.Checkpoints;
using Vitrine.Tests.Policies.Flow;

namespace Vitrine.Tests.Policies.LeRobot;

/// <summary>LeRobot folders and observations that are wrong: one line each, with what to do.</summary>
public sealed class BadFolderTests
{
    private const string Before = "policy_preprocessor.json", After = "policy_postprocessor.json";

    [Theory]
    [InlineData("smolvla", "adapt_to_pi_aloha", "true", "adapt_to_pi_aloha")]
    [InlineData("smolvla", "add_image_special_tokens", "true", "add_image_special_tokens")]
    [InlineData("smolvla", "attention_mode", "\"self_attn\"", "attention_mode")]
    [InlineData("smolvla", "num_vlm_layers", "7", "num_vlm_layers is 7 of 6")]
    [InlineData("smolvla", "num_expert_layers", "2", "num_expert_layers 2")]
    [InlineData("smolvla", "max_action_dim", "5", "the action has 6 numbers")]
    [InlineData("smolvla", "resize_imgs_with_padding", "null", "resize_imgs_with_padding is null")]
    [InlineData("smolvla", "n_obs_steps", "2", "n_obs_steps is 2")]
    [InlineData("smolvla", "rtc_config", "{\"enabled\": true}", "rtc_config is enabled")]
    [InlineData("smolvla", "use_peft", "true", "use_peft")]
    [InlineData("smolvla", "use_spectral_memory", "true", "use_spectral_memory")]
    [InlineData("smolvla", "vlm_model_name", "\"nobody/nothing\"", "vlm_model_name is 'nobody/nothing'")]
    [InlineData("pi0", "image_resolution", "[224, 224]", "the image tower of the weights sees 28 x 28")]
    [InlineData("pi0", "paligemma_variant", "\"gemma_7b\"", "paligemma_variant is 'gemma_7b'")]
    [InlineData("pi05", "use_visual_memory", "true", "use_visual_memory")]
    [InlineData("pi05", "use_proprioceptive_memory", "true", "use_proprioceptive_memory")]
    [InlineData("pi0-fast", "temperature", "0.7", "temperature is 0.7")]
    [InlineData("pi0-fast", "action_tokenizer_name", "\"nobody/fast\"", "")]
    [InlineData("act", "temporal_ensemble_coeff", "0.01", "temporal_ensemble_coeff is set")]
    [InlineData("act", "pre_norm", "true", "pre_norm")]
    public void Keys_that_change_numbers_are_refused_by_name(string name, string key, string value, string message)
    {
        using var place = new Workplace();
        var folder = FlowExample.Copy(name, place.Folder);
        FlowExample.Change(folder, "config.json", json => json[key] = JsonNode.Parse(value));
        if (message.Length == 0)
        {
            // The pipeline's own name of the tokenizer goes before that of config.json.
            Policy.Open(folder, FlowExample.Options(name)).Dispose();
            return;
        }

        var told = Should.Throw<VitrineException>(() => Policy.Open(folder, FlowExample.Options(name))).Message;
        told.ShouldContain(message);
        told.ShouldContain(folder);
    }

    [Theory]
    [InlineData("smolvla")]
    [InlineData("pi0")]
    [InlineData("pi05")]
    [InlineData("pi0-fast")]
    [InlineData("act")]
    public void Missing_statistics_are_told(string name)
    {
        using var place = new Workplace();
        var folder = FlowExample.Copy(name, place.Folder);
        var state = Directory.GetFiles(folder, "policy_postprocessor_step_*.safetensors").Single();
        File.Delete(state);
        Told(name, folder, Path.GetFileName(state));
        File.Delete(Path.Combine(folder, Before));
        Told(name, folder, $"has neither {Before} nor statistics inside its weights");
    }

    [Fact]
    public void A_feature_without_statistics_is_told()
    {
        using var place = new Workplace();
        var folder = FlowExample.Copy("smolvla", place.Folder);
        FlowExample.Change(folder, After, json => Step(json, "unnormalizer_processor")["norm_map"]!["ACTION"] = "QUANTILE10");
        Told("smolvla", folder, "has no 'action.q10', by which QUANTILE10 normalises it");
    }

    [Fact]
    public void An_unknown_step_and_an_unknown_key_of_a_step_are_refused()
    {
        using var place = new Workplace();
        var folder = FlowExample.Copy("smolvla", place.Folder);
        var original = File.ReadAllText(Path.Combine(folder, Before));
        FlowExample.Change(folder, Before, json => json["steps"]!.AsArray().Add(JsonNode.Parse("""{"registry_name": "spectral_processor", "config": {}}""")));
        Told("smolvla", folder, "spectral_processor");
        File.WriteAllText(Path.Combine(folder, Before), original);
        FlowExample.Change(folder, Before, json => Step(json, "tokenizer_processor")["lower_case"] = true);
        Told("smolvla", folder, "lower_case");
        File.WriteAllText(Path.Combine(folder, Before), original);
        FlowExample.Change(folder, Before, json => Step(json, "normalizer_processor")["features"]!["observation.state"]!["shape"] = new JsonArray(7));
        Told("smolvla", folder, "'observation.state' has 7 numbers");
    }

    [Fact]
    public void A_tensor_that_nobody_asks_for_and_one_that_is_missing_are_named()
    {
        using var place = new Workplace();
        var folder = FlowExample.Copy("pi0", place.Folder);
        FlowExample.Change(folder, "config.json", json => json["type"] = "pi05");
        Told("pi0", folder, "input_layernorm.dense.weight");
    }

    [Theory]
    [InlineData("smolvla", "top, wrist", "tpo", "tpo -> top")]
    [InlineData("pi0", "base_0_rgb, left_wrist_0_rgb, right_wrist_0_rgb", "left_wrist", "left_wrist -> left_wrist_0_rgb")]
    public void Wrong_cameras_are_told_with_those_that_are_meant(string name, string expected, string given, string nearest)
    {
        using var policy = FlowExample.Open(name);
        var seen = FlowExample.Observe(name);
        var wrong = seen with { Cameras = new Dictionary<string, Picture> { [given] = seen.Cameras.Values.First() } };
        var told = Should.Throw<VitrineException>(() => policy.Act([wrong])).Message;
        told.ShouldContain($"has the cameras {given}; the policy was trained on {expected}");
        told.ShouldContain(nearest);
        Should.Throw<VitrineException>(() => policy.Act([seen with { Cameras = new Dictionary<string, Picture>() }])).Message.ShouldContain("the cameras none");
    }

    [Fact]
    public void A_camera_may_be_given_by_its_whole_name()
    {
        using var policy = FlowExample.Open("smolvla");
        var seen = FlowExample.Observe("smolvla");
        var whole = seen with { Cameras = seen.Cameras.ToDictionary(c => $"observation.images.{c.Key}", c => c.Value) };
        using var one = policy.Act([seen], cancellation: TestContext.Current.CancellationToken);
        using var other = policy.Act([whole], cancellation: TestContext.Current.CancellationToken);
        other.Actions[0].IsSameAs(one.Actions[0]).ShouldBeTrue();
    }

    [Fact]
    public void A_state_of_another_width_or_name_is_told()
    {
        using var policy = FlowExample.Open("smolvla");
        var seen = FlowExample.Observe("smolvla");
        Should.Throw<VitrineException>(() => policy.Act([seen with { State = new Dictionary<string, StateVector> { ["state"] = new([1, 2]) } }])).Message
            .ShouldBe("act: the state has 2 numbers; the policy reads 6.");
        Should.Throw<VitrineException>(() => policy.Act([seen with { State = new Dictionary<string, StateVector>() }])).Message
            .ShouldBe("act: the policy reads a state of 6 numbers; the observation has none.");
        Should.Throw<VitrineException>(() => policy.Act(
            [seen with { State = new Dictionary<string, StateVector> { ["arm"] = new([1]), ["hand"] = new([1]) } }])).Message
            .ShouldContain("has arm, hand: expected one of them to be called 'state'");
    }

    [Fact]
    public void An_instruction_that_is_empty_or_too_long_is_told()
    {
        using var policy = FlowExample.Open("smolvla");
        Should.Throw<VitrineException>(() => policy.Act([FlowExample.Observe("smolvla", " ")])).Message.ShouldContain("the instruction is empty");
        var words = string.Join(' ', Enumerable.Repeat("block", 30));
        Should.Throw<VitrineException>(() => policy.Act([FlowExample.Observe("smolvla", words)])).Message.ShouldContain("the policy reads 16");
    }

    private static void Told(string name, string folder, string message)
        => Should.Throw<VitrineException>(() => Policy.Open(folder, FlowExample.Options(name)).Dispose()).Message.ShouldContain(message);

    private static JsonNode Step(JsonObject pipeline, string name)
        => pipeline["steps"]!.AsArray().Single(s => s!["registry_name"]!.GetValue<string>() == name)!["config"]!;
}
