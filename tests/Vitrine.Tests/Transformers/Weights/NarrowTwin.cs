using Vitrine.Checkpoints;
using static TorchSharp.torch;

namespace Vitrine.Tests.Transformers.Weights;

/// <summary>A copy of a fixture whose weights are stored in 16 bits.</summary>
internal sealed class NarrowTwin : IDisposable
{
    private NarrowTwin(string folder) => Folder = folder;

    public string Folder { get; }

    /// <param name="original">A folder of configuration files and safetensors.</param>
    /// <param name="dtype">bfloat16 or float16.</param>
    public static NarrowTwin Of(string original, ScalarType dtype)
    {
        var twin = new NarrowTwin(Directory.CreateTempSubdirectory("vitrine-narrow-").FullName);
        foreach (var file in Directory.GetFiles(original).Where(f => Path.GetFileName(f) is not ("golden.safetensors" or "meta.json")))
        {
            var copy = Path.Combine(twin.Folder, Path.GetFileName(file));
            if (Path.GetExtension(file) != ".safetensors")
            {
                File.Copy(file, copy);
                continue;
            }

            using var scope = NewDisposeScope();
            using var read = SafetensorsFile.Open(file);
            SafetensorsFile.Save(copy, read.Tensors.Keys.ToDictionary(name => name, name => Narrow(read.Read(name), dtype)));
        }

        return twin;
    }

    public void Dispose() => Directory.Delete(Folder, recursive: true);

    private static Tensor Narrow(Tensor tensor, ScalarType dtype) => tensor.is_floating_point() ? tensor.to(dtype) : tensor;
}
