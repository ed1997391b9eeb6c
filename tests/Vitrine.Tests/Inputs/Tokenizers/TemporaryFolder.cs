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

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
