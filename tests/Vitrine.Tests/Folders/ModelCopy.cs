using System.Text.Json.Nodes;
using Vitrine.Certification;
using Vitrine.Checkpoints;
using Vitrine.Tests.Transformers;
using Vitrine.Transformers;
using static TorchSharp.torch;

namespace Vitrine.Tests.Folders;

/// <summary>A folder of one of the fixtures' models, for a test to change.</summary>
internal sealed class ModelCopy : IDisposable
{
    private ModelCopy(string source)
    {
        Source = source;
        Path = Directory.CreateTempSubdirectory("vitrine-").FullName;
        foreach (var file in Directory.GetFiles(source)
            .Where(f => System.IO.Path.GetFileName(f) is not ("golden.safetensors" or "meta.json" or "config.v5.json")))
        {
            File.Copy(file, this[System.IO.Path.GetFileName(file)]);
        }
    }

    public string Path { get; }

    public string Source { get; }

    public string this[string name] => System.IO.Path.Combine(Path, name);

    /// <summary>The first fixture of a family that predicts tokens (or sees pictures); the test is skipped where there is none.</summary>
    public static ModelCopy Of(string family)
    {
        var found = Subject.Names().Select(row => System.IO.Path.Combine(Fixtures.Root, "models", row.Data)).FirstOrDefault(folder =>
        {
            using var fixture = Fixture.Open(folder);
            return fixture.Family == family && !fixture.Has("single/out.class_logits") && File.Exists(System.IO.Path.Combine(folder, Checkpoint.Order[0]));
        });
        Assert.SkipUnless(found is not null, $"the fixtures have no {family} in one file");
        return new ModelCopy(found);
    }

    /// <summary>A copy of any folder.</summary>
    public static ModelCopy OfFolder(string folder) => new(folder);

    /// <summary>The fixture's first prompt.</summary>
    public int[] Prompt()
    {
        using var fixture = Fixture.Open(Source);
        return fixture.IdRows("single/in.input_ids")[0];
    }

    /// <summary>Writes a JSON file.</summary>
    public void Write(string name, string json) => File.WriteAllText(this[name], json);

    /// <summary>Changes a JSON file.</summary>
    public void Edit(string name, Action<JsonObject> change)
    {
        var json = JsonNode.Parse(File.ReadAllText(this[name]))!.AsObject();
        change(json);
        Write(name, json.ToJsonString());
    }

    /// <summary>Rewrites the only weight file, tensor by tensor.</summary>
    public void Reweigh(Func<string, Tensor, Tensor> change)
    {
        using var scope = NewDisposeScope();
        Dictionary<string, Tensor> tensors = [];
        using (var file = SafetensorsFile.Open(this["model.safetensors"]))
        {
            foreach (var name in file.Tensors.Keys)
            {
                tensors[name] = change(name, file.Read(name).clone());
            }
        }

        SafetensorsFile.Save(this["model.safetensors"], tensors);
    }

    /// <summary>Logits behind the last token of a prompt (V).</summary>
    public float[] Logits(int[] prompt, ModelOptions? options = null)
    {
        using var model = TextModel.Open(Path, options);
        return Logits(model, prompt);
    }

    /// <summary>Logits behind the last token of a prompt (V).</summary>
    public static float[] Logits(TextModel model, int[] prompt)
    {
        using var run = model.Run(TokenBatch.Of(prompt));
        return run.Logits[0, -1].data<float>().ToArray();
    }

    /// <summary>The one line of a refusal.</summary>
    public string Refusal(ModelOptions? options = null) => Should.Throw<VitrineException>(() => TextModel.Open(Path, options).Dispose()).Message;

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
