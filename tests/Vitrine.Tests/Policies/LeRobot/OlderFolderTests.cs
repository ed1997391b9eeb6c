using System.Buffers.Binary;
using System.Text.Json.Nodes;
using Vitrine.Policies;
using Vitrine.Tests.Checkpoints;
using Vitrine.Tests.Policies.Flow;

namespace Vitrine.Tests.Policies.LeRobot;

/// <summary>Checkpoints from before there were pipelines carry their statistics inside the weights.</summary>
public sealed class OlderFolderTests
{
    [Fact]
    public void Statistics_inside_the_weights_do_what_the_pipelines_do()
    {
        using var place = new Workplace();
        var folder = FlowExample.Copy("smolvla", place.Folder);
        var buffers = Path.Combine(folder, "legacy", "normalization_buffers.safetensors");
        Merge(Path.Combine(folder, "model.safetensors"), buffers);
        foreach (var file in Directory.GetFiles(folder, "policy_*"))
        {
            File.Delete(file);
        }

        using var newer = FlowExample.Open("smolvla");
        using var older = Policy.Open(folder);
        var seen = FlowExample.Observe("smolvla");
        using var expected = newer.Act([seen], cancellation: TestContext.Current.CancellationToken);
        using var found = older.Act([seen], cancellation: TestContext.Current.CancellationToken);
        found.Actions[0].Chunk.SelectMany(r => r).ShouldBe(expected.Actions[0].Chunk.SelectMany(r => r));
    }

    /// <summary>The tensors of one file behind those of another.</summary>
    private static void Merge(string into, string from)
    {
        var ((head, data), (more, added)) = (Parts(into), Parts(from));
        foreach (var (name, entry) in more.ToArray())
        {
            if (name != "__metadata__")
            {
                var offsets = entry!["data_offsets"]!.AsArray().Select(o => o!.GetValue<long>() + data.Length).ToArray();
                var moved = entry.DeepClone();
                moved["data_offsets"] = new JsonArray(offsets[0], offsets[1]);
                head[name] = moved;
            }
        }

        File.WriteAllBytes(into, Material.Safetensors(head.ToJsonString(), [.. data, .. added]));
    }

    private static (JsonObject Head, byte[] Data) Parts(string path)
    {
        var bytes = File.ReadAllBytes(path);
        var length = (int)BinaryPrimitives.ReadInt64LittleEndian(bytes);
        return (JsonNode.Parse(bytes.AsSpan(8, length))!.AsObject(), bytes[(8 + length)..]);
    }
}
