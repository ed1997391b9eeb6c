using System.Text.Json;
using System.Text.Json.Nodes;
using Vitrine.Certification;
using Vitrine.Certification.Models;
using Vitrine.Checkpoints;
using Vitrine.Policies.OpenVla;
using Vitrine.Tests.Checkpoints;
using Vitrine.Tests.Transformers.Weights;
using Vitrine.Transformers;
using static TorchSharp.torch;

namespace Vitrine.Tests.Policies.OpenVla;

/// <summary>Checkpoints of other layouts: 16-bit weights that stay as stored, and a single image tower.</summary>
public sealed class LayoutTests
{
    [Fact]
    public void Weights_kept_in_bfloat16_give_the_action_of_widened_ones()
    {
        using var twin = NarrowTwin.Of(Example.Folder, ScalarType.BFloat16);
        using var kept = Example.Open(twin.Folder, new OpenVlaOptions { Storage = WeightStorage.AsStored });
        using var widened = Example.Open(twin.Folder, new OpenVlaOptions { Storage = WeightStorage.Widened });
        kept.Language.Blocks.Concat(kept.Towers.SelectMany(t => t.Blocks)).ShouldAllBe(b => b.Weights.Up.Stored.dtype == ScalarType.BFloat16);
        var plan = RunPlan.Capturing("*.*.*@*", "projector.out");
        using var one = kept.With(plan, "bridge_orig")
            .Act([Example.Observe(), Example.Observe("push it")], cancellation: TestContext.Current.CancellationToken);
        using var other = widened.With(plan, "bridge_orig")
            .Act([Example.Observe(), Example.Observe("push it")], cancellation: TestContext.Current.CancellationToken);
        one.Actions.SelectMany(a => a.Tokens!.TokenIds).ShouldBe(other.Actions.SelectMany(a => a.Tokens!.TokenIds));
        one.Run.Logits.ShouldBeClose(other.Run.Logits);
        foreach (var (address, value) in other.Run.Activations)
        {
            one.Run.Activations[address].ShouldBeClose(value, address.ToString());
        }
    }

    /// <remarks>
    /// Prismatic models with one tower (openvla-v01 saw through SigLIP alone) have it in the first place, and a projector of two layers:
    /// fc2(gelu(fc1(features))). The fixture's SigLIP moves there, with
    /// corners of its projector's matrices; its features must not change.
    /// </remarks>
    [Fact]
    public void A_single_tower_sees_what_it_saw_beside_another_and_has_two_layers_of_projector()
    {
        using var place = new Workplace();
        using var scope = NewDisposeScope();
        var single = SingleTower(place.Folder);
        using var fixture = Fixture.Open(Example.Folder);
        JsonElement[] arguments = [OpenVlaCertifier.Options(fixture).TimmArguments![1]];
        using var policy = OpenVlaPolicy.Open(place.Folder, new OpenVlaOptions { TimmArguments = arguments });
        using var pair = Example.Open();
        policy.Stacks.Select(s => s.Name).ShouldBe(["siglip", "projector", "language"]);
        var plan = RunPlan.Capturing("siglip.features", "projector.out");
        using var pixels = randn([1, 6, 42, 42], generator: new Generator(5, CPU));
        using var alone = policy.Act(
            pixels.narrow(1, 3, 3), [policy.PromptIds(Example.Instruction)], plan, "bridge_orig", TestContext.Current.CancellationToken);
        using var both = pair.Act(
            pixels, [pair.PromptIds(Example.Instruction)], RunPlan.Capturing("siglip.features"), "bridge_orig", TestContext.Current.CancellationToken);
        alone.Run["siglip.features"].ShouldBeClose(both.Run["siglip.features"]);
        var hidden = nn.functional.gelu(nn.functional.linear(both.Run["siglip.features"], single["projector.fc1.weight"], single["projector.fc1.bias"]));
        alone.Run["projector.out"].ShouldBeClose(nn.functional.linear(hidden, single["projector.fc2.weight"], single["projector.fc2.bias"]));
    }

    [Fact]
    public void Towers_that_do_not_fit_the_configuration_are_refused()
    {
        using var place = new Workplace();
        SingleTower(place.Folder);
        using var fixture = Fixture.Open(Example.Folder);
        Should.Throw<VitrineException>(() => OpenVlaPolicy.Open(place.Folder,
            new OpenVlaOptions { TimmArguments = OpenVlaCertifier.Options(fixture).TimmArguments })).Message
            .ShouldContain("2 vision towers; expected 1, as use_fused_vision_backbone is off");
    }

    private static Dictionary<string, Tensor> SingleTower(string folder)
    {
        const string First = "vision_backbone.featurizer.", Second = "vision_backbone.fused_featurizer.";
        Example.Copy(folder);
        Directory.GetFiles(folder, "*.safetensors*").ToList().ForEach(File.Delete);
        using var checkpoint = Checkpoint.Open(Example.Folder);
        var tensors = new Dictionary<string, Tensor>();
        foreach (var name in checkpoint.Names.Where(n => !n.StartsWith(First, StringComparison.Ordinal) && !n.StartsWith("projector.",
            StringComparison.Ordinal)))
        {
            tensors[name.StartsWith(Second, StringComparison.Ordinal) ? First + name[Second.Length..] : name] = checkpoint.Read(name);
        }

        var (vision, width) = (checkpoint.Entry($"{Second}pos_embed").Shape[^1], checkpoint.Entry("language_model.model.norm.weight").Shape[0]);
        tensors["projector.fc1.weight"] = checkpoint.Read("projector.fc1.weight").narrow(0, 0, width).narrow(1, 0, vision).contiguous();
        tensors["projector.fc1.bias"] = checkpoint.Read("projector.fc1.bias").narrow(0, 0, width).contiguous();
        tensors["projector.fc2.weight"] = checkpoint.Read("projector.fc3.weight");
        tensors["projector.fc2.bias"] = checkpoint.Read("projector.fc3.bias");
        SafetensorsFile.Save(Path.Combine(folder, "model.safetensors"), tensors);
        var config = JsonNode.Parse(File.ReadAllText(Path.Combine(folder, "config.json")))!;
        (config["use_fused_vision_backbone"], config["timm_model_ids"]) = (false, new JsonArray("vit_so400m_patch14_siglip_224"));
        File.WriteAllText(Path.Combine(folder, "config.json"), config.ToJsonString());
        return tensors;
    }
}
