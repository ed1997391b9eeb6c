using Vitrine.Checkpoints;

namespace Vitrine.Tests.Checkpoints;

/// <summary>A model's folder of which numbers can be changed.</summary>
internal sealed class PatchedModel : IDisposable
{
    private const string Weights = "model.safetensors";

    /// <param name="source">A folder with model.safetensors in float32; it is copied.</param>
    public PatchedModel(string source)
    {
        Folder = Directory.CreateTempSubdirectory("vitrine-patched-").FullName;
        foreach (var file in Directory.GetFiles(source).Where(f => Path.GetFileName(f) is not "golden.safetensors"))
        {
            File.Copy(file, Path.Combine(Folder, Path.GetFileName(file)));
        }
    }

    public string Folder { get; }

    public string WeightsFile => Path.Combine(Folder, Weights);

    /// <summary>The tensor whose name ends so and has the layer's number in it.</summary>
    public string NameOf(string end, int? layer = null)
    {
        using var file = SafetensorsFile.Open(WeightsFile);
        return file.Tensors.Keys.Order(StringComparer.Ordinal)
            .First(n => n.EndsWith(end, StringComparison.Ordinal) && (layer is null || n.Contains($".{layer}.", StringComparison.Ordinal)));
    }

    /// <summary>Writes one number over in place; whoever has the file open sees it.</summary>
    public PatchedModel Set(string tensor, float value, long element = 0)
    {
        long at;
        using (var file = SafetensorsFile.Open(WeightsFile))
        {
            file.Tensors[tensor].Dtype.ShouldBe(Dtype.F32);
            at = file.Tensors[tensor].Begin + (element * sizeof(float));
        }

        using var stream = new FileStream(WeightsFile, FileMode.Open, FileAccess.Write, FileShare.ReadWrite) { Position = at };
        stream.Write(BitConverter.GetBytes(value));
        return this;
    }

    public void Dispose() => Directory.Delete(Folder, recursive: true);
}
