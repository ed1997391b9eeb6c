using System.Text.Json;
using Vitrine.Certification;
using Vitrine.Certification.Models;
using Vitrine.Policies;
using Vitrine.Policies.Flow;
using Vitrine.Transformers;
using static TorchSharp.torch;

namespace Vitrine.Tests.Policies.Flow;

/// <summary>The small flow policies of the fixtures, with what their goldens show them.</summary>
internal static class FlowExample
{
    public const string Task = "pick up the red block";

    public static TheoryData<string> All => ["smolvla", "pi0", "pi05"];

    public static string Folder(string name) => Fixtures.Of("models", name);

    public static FlowPolicy Open(string name) => (FlowPolicy)Open(name, Folder(name));

    public static Policy Open(string name, string folder) => Policy.Open(folder, Options(name));

    /// <summary>Head counts that no file of a policy has.</summary>
    public static ModelOptions Options(string name)
    {
        using var fixture = Fixture.Open(Folder(name));
        return FlowCertifier.Options(fixture);
    }

    /// <summary>What the golden's first case shows.</summary>
    public static Observation Observe(string name, string task = Task)
    {
        using var fixture = Fixture.Open(Folder(name));
        var features = JsonDocument.Parse(File.ReadAllText(Path.Combine(Folder(name), "config.json"))).RootElement.GetProperty("input_features");
        var names = features.EnumerateObject().Select(f => f.Name).Where(n => n.Contains("images", StringComparison.Ordinal));
        string[] cameras = [.. names.Select(n => n.Split('.')[^1])];
        var shown = fixture.Meta.GetProperty("cases").EnumerateArray().Select(c => c.GetProperty("name").GetString()!);
        return PolicyCase.Observation(fixture, shown.First(n => fixture.KeysOf(n).Any(IsPicture)), task, cameras);
    }

    private static bool IsPicture(string key) => key.StartsWith("in.image.", StringComparison.Ordinal);

    /// <summary>A copy that a test may change.</summary>
    public static string Copy(string name, string to)
    {
        var from = Folder(name);
        foreach (var file in Directory.GetFiles(from, "*", SearchOption.AllDirectories)
            .Where(f => Path.GetFileName(f) is not ("golden.safetensors" or "meta.json")))
        {
            var copied = Path.Combine(to, Path.GetRelativePath(from, file));
            Directory.CreateDirectory(Path.GetDirectoryName(copied)!);
            File.Copy(file, copied);
            File.SetAttributes(copied, FileAttributes.Normal);
        }

        return to;
    }

    /// <summary>Whether two tensors are equal bit for bit.</summary>
    public static bool IsBitFor(this Tensor a, Tensor b)
    {
        using var same = a.eq(b).all();
        return same.item<bool>();
    }

    /// <summary>A JSON file of a copy, changed.</summary>
    public static void Change(string folder, string file, Action<System.Text.Json.Nodes.JsonObject> change)
    {
        var path = Path.Combine(folder, file);
        var json = System.Text.Json.Nodes.JsonNode.Parse(File.ReadAllText(path))!.AsObject();
        change(json);
        File.WriteAllText(path, json.ToJsonString());
    }
}
