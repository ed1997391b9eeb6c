using static TorchSharp.torch;

namespace Vitrine.Checkpoints;

/// <summary>A file of named tensors, whatever its format.</summary>
internal interface ITensorFile : IDisposable
{
    /// <summary>Where it lies.</summary>
    string Path { get; }

    /// <summary>Every tensor by name, as <see cref="Read"/> gives it; where it lies is told in the file's own bytes.</summary>
    IReadOnlyDictionary<string, TensorEntry> Tensors { get; }

    /// <summary>One tensor, owned by the caller, not to be written in place.</summary>
    Tensor Read(string name);
}
