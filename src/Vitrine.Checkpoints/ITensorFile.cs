using Vitrine.Checkpoints.Gguf;
using static TorchSharp.torch;

namespace Vitrine.Checkpoints;

/// <summary>A file of named tensors, whatever its format.</summary>
internal interface ITensorFile : IDisposable
{
    /// <summary>Where it lies.</summary>
    string Path { get; }

    /// <summary>All its files.</summary>
    IReadOnlyList<string> Paths => [Path];

    /// <summary>Every tensor by name, as <see cref="Read"/> gives it; where it lies is told in the file's own bytes.</summary>
    IReadOnlyDictionary<string, TensorEntry> Tensors { get; }

    /// <summary>One tensor, owned by the caller, not to be written in place.</summary>
    Tensor Read(string name);

    /// <summary>
    /// A matrix as its rows lie in the file, mapped (rows, row bytes), where products can read it so; null for another. Owned by the caller.
    /// </summary>
    /// <remarks>Rows are outputs, also where <see cref="Read"/> gives a tensor transposed.</remarks>
    (Tensor Bytes, BlockRows Rows)? ReadRows(string name) => null;

    /// <summary>Whether <see cref="ReadRows"/> gives a matrix.</summary>
    bool HasRows(string name) => false;
}
