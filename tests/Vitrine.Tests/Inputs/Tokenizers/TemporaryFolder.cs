using System.Text.Json.Nodes;

namespace Vitrine.Tests.Inputs.Tokenizers;

/// <summary>A folder of its own for one test, with copies of the files of another.</summary>
internal sealed class TemporaryFolder : IDisposable
{
    public TemporaryFolder(string? copied = null)
    {
        Path = Directory.CreateTempSubdirectory("vitrine-tests-").FullName;
        foreach (var file in copied is null ? [] : Directory.GetFiles(copied))
        {
            File.WriteAllBytes(System.IO.Path.Combine(Path, System.IO.Path.GetFileName(file)), File.ReadAllBytes(file));
        }
    }

    public string Path { get; }

    public string Write(string name, string content)
    {
        var file = System.IO.Path.Combine(Path, name);
        File.WriteAllText(file, content);
        return file;
    }

    public string Write(string name, byte[] content)
    {
        var file = System.IO.Path.Combine(Path, name);
        File.WriteAllBytes(file, content);
        return file;
    }

    /// <summary>Changes the JSON object of a file; an empty one where there is none yet.</summary>
    public void Change(string name, Action<JsonObject> change)
    {
        var file = System.IO.Path.Combine(Path, name);
        var json = File.Exists(file) ? JsonNode.Parse(File.ReadAllText(file))!.AsObject() : [];
        change(json);
        File.WriteAllText(file, json.ToJsonString());
    }

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
