using System.Buffers.Binary;
using System.Text.Json.Nodes;
using Vitrine.Checkpoints;
using Vitrine.Inputs.Pictures;
using Vitrine.Policies;
using Vitrine.Policies.Pi;
using Vitrine.Policies.Pi0;
using Vitrine.Policies.Pi05;
using Vitrine.Tests.Checkpoints;
using Vitrine.Tests.Policies.Flow;

namespace Vitrine.Tests.Policies.Pi;

/// <summary>Folders that openpi's converter wrote: the same weights under plain names, statistics in assets.</summary>
public sealed class OpenPiTests
{
    /// <remarks>
    /// Pictures have the size of the tower, so that the two ways of fitting them change nothing; 1e-6 instead of 1e-8 stands beside the spreads.
    /// </remarks>
    [Theory]
    [InlineData("pi0", "mean", "std")]
    [InlineData("pi05", "q01", "q99")]
    public void A_converted_checkpoint_acts_as_LeRobot_s_does(string name, string first, string second)
    {
        using var place = new Workplace();
        var lerobot = FlowExample.Copy(name, Path.Combine(place.Folder, "lerobot"));
        var openpi = Converted(name, Path.Combine(place.Folder, "openpi"), first, second);
        FlowExample.Change(lerobot, "config.json", json => json["num_inference_steps"] = 10);
        using var expected = FlowExample.Open(name, lerobot);
        using var found = FlowExample.Open(name, openpi);
        found.ShouldBeOfType(name == "pi0" ? typeof(Pi0Policy) : typeof(Pi05Policy));
        found.UnitKeys.ShouldBe(["my_robot"]);
        var original = FlowExample.Observe(name);
        var seen = original with { Cameras = original.Cameras.ToDictionary(c => c.Key, c => Square(c.Value)) };
        using var one = expected.Act([seen], cancellation: TestContext.Current.CancellationToken);
        using var other = found.Act([seen], cancellation: TestContext.Current.CancellationToken);
        other.Actions[0].Chunk.SelectMany(r => r).ShouldBe(one.Actions[0].Chunk.SelectMany(r => r), tolerance: 1e-4);
    }

    [Fact]
    public void Missing_statistics_several_robots_and_unknown_keys_are_told()
    {
        using var place = new Workplace();
        var folder = Converted("pi0", place.Folder, "mean", "std");
        FlowExample.Change(folder, "config.json", json => json["knowledge_insulation"] = true);
        Told("knowledge_insulation");
        FlowExample.Change(folder, "config.json", json => json.Remove("knowledge_insulation"));
        Directory.CreateDirectory(Path.Combine(folder, "assets", "other"));
        File.Copy(Path.Combine(folder, "assets", "my_robot", "norm_stats.json"), Path.Combine(folder, "assets", "other", "norm_stats.json"));
        Told("statistics of 2 robots (my_robot, other)");
        Directory.Delete(Path.Combine(folder, "assets"), recursive: true);
        Told("has no assets/ROBOT/norm_stats.json");

        void Told(string message) => Should.Throw<VitrineException>(() => FlowExample.Open("pi0", folder)).Message.ShouldContain(message);
    }

    [Fact]
    public void Heads_that_no_file_says_are_asked_for()
    {
        using var place = new Workplace();
        var folder = FlowExample.Copy("pi0", place.Folder);
        Should.Throw<VitrineException>(() => Policy.Open(folder)).Message.ShouldContain("PiOptions.VisionHeads");
        Should.Throw<VitrineException>(() => Policy.Open(folder, new PiOptions { VisionHeads = 5 })).Message.ShouldContain("5 heads do not divide");
    }

    private static Picture Square(Picture picture) => new(28, 28, [.. Enumerable.Range(0, 28 * 28 * 3).Select(i => picture.Rgb[i])]);

    /// <summary>A LeRobot fixture as openpi's converter would have written it.</summary>
    internal static string Converted(string name, string folder, string first, string second)
    {
        FlowExample.Copy(name, folder);
        var config = JsonNode.Parse(File.ReadAllText(Path.Combine(folder, "config.json")))!;
        var statistics = new JsonObject { ["state"] = new JsonObject(), ["actions"] = new JsonObject() };
        using (var file = SafetensorsFile.Open(Directory.GetFiles(folder, "policy_postprocessor_step_*.safetensors").Single()))
        {
            foreach (var (feature, key) in new[] { ("observation.state", "state"), ("action", "actions") })
            {
                foreach (var statistic in new[] { first, second })
                {
                    using var numbers = file.Read($"{feature}.{statistic}");
                    statistics[key]![statistic] = new JsonArray([.. numbers.data<float>().ToArray().Select(v => (JsonNode)v)]);
                }
            }
        }

        foreach (var file in Directory.GetFiles(folder, "policy_*"))
        {
            File.Delete(file);
        }

        var assets = Directory.CreateDirectory(Path.Combine(folder, "assets", "my_robot")).FullName;
        File.WriteAllText(Path.Combine(assets, "norm_stats.json"), new JsonObject { ["norm_stats"] = statistics }.ToJsonString());
        var plain = new JsonObject
        {
            ["action_dim"] = config["max_action_dim"]!.GetValue<int>(),
            ["action_horizon"] = config["chunk_size"]!.GetValue<int>(),
            ["paligemma_variant"] = "gemma_2b",
            ["action_expert_variant"] = "gemma_300m",
            ["precision"] = "float32",
        };
        File.WriteAllText(Path.Combine(folder, "config.json"), plain.ToJsonString());
        Rename(Path.Combine(folder, "model.safetensors"));
        return folder;
    }

    /// <summary>Takes LeRobot's <c>model.</c> off every name.</summary>
    private static void Rename(string path)
    {
        var bytes = File.ReadAllBytes(path);
        var length = (int)BinaryPrimitives.ReadInt64LittleEndian(bytes);
        var renamed = new JsonObject();
        foreach (var (name, entry) in JsonNode.Parse(bytes.AsSpan(8, length))!.AsObject())
        {
            renamed[name.StartsWith("model.", StringComparison.Ordinal) ? name["model.".Length..] : name] = entry!.DeepClone();
        }

        File.WriteAllBytes(path, Material.Safetensors(renamed.ToJsonString(), bytes[(8 + length)..]));
    }
}
