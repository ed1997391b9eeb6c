using System.Text.Json.Nodes;
using Vitrine.Checkpoints;
using static TorchSharp.torch;

namespace Vitrine.Tests.Transformers;

/// <summary>A copy of a fixture with other tensors and another configuration.</summary>
internal sealed class ChangedModel : IDisposable
{
    private ChangedModel(string folder) => Folder = folder;

    public string Folder { get; }

    /// <param name="name">Of the fixture; it has one file of weights.</param>
    /// <param name="change">Replaces tensors by name.</param>
    /// <param name="configure">Changes config.json.</param>
    public static ChangedModel Of(string name, Action<Dictionary<string, Tensor>>? change = null, Action<JsonObject>? configure = null)
    {
        var from = Fixtures.Of("models", name);
        var copy = new ChangedModel(Directory.CreateTempSubdirectory("vitrine-").FullName);
        foreach (var file in Directory.GetFiles(from).Where(f => Path.GetFileName(f) is not ("golden.safetensors" or "meta.json" or "config.v5.json")))
        {
            File.Copy(file, copy[Path.GetFileName(file)]);
        }

        using var scope = NewDisposeScope();
        using (var read = SafetensorsFile.Open(Path.Combine(from, "model.safetensors")))
        {
            var tensors = read.Tensors.Keys.ToDictionary(n => n, n => read.Read(n));
            change?.Invoke(tensors);
            SafetensorsFile.Save(copy["model.safetensors"], tensors);
        }

        var config = JsonNode.Parse(File.ReadAllText(copy["config.json"]))!.AsObject();
        configure?.Invoke(config);
        File.WriteAllText(copy["config.json"], config.ToJsonString());
        return copy;
    }

    /// <summary>A classifier's fixture with another number of classes, called Q0 ..., the rows of its head taken in turns.</summary>
    /// <param name="name">Of the fixture.</param>
    /// <param name="classes">How many.</param>
    /// <param name="problem">The <c>problem_type</c>; none when null.</param>
    public static ChangedModel Head(string name, int classes, string? problem) => Of(
        name,
        tensors =>
        {
            foreach (var (key, rows) in tensors.Where(t => t.Key is "score.weight" or "classifier.weight" or "classifier.bias").ToArray())
            {
                tensors[key] = rows.index_select(0, tensor([.. Enumerable.Range(0, classes).Select(i => i % rows.shape[0])]));
            }
        },
        config =>
        {
            config.Remove("num_labels");
            config["id2label"] = new JsonObject(Enumerable.Range(0, classes).Select(i => KeyValuePair.Create($"{i}", (JsonNode?)JsonValue.Create($"Q{i}"))));
            config["label2id"] = new JsonObject(Enumerable.Range(0, classes).Select(i => KeyValuePair.Create($"Q{i}", (JsonNode?)JsonValue.Create(i))));
            if (problem is not null)
            {
                config["problem_type"] = problem;
            }
        });

    /// <summary>A path inside.</summary>
    public string this[string file] => Path.Combine(Folder, file);

    public void Dispose() => Directory.Delete(Folder, recursive: true);
}
