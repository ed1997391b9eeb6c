using Vitrine.Checkpoints;
using static TorchSharp.torch;

namespace Vitrine.Transformers.Edits;

/// <summary>Where the numbers of an edit were read from.</summary>
/// <param name="File">A safetensors file.</param>
/// <param name="Key">The tensor in it.</param>
public sealed record ValueSource(string File, string Key);

/// <summary>Numbers that travel with an edit: a plain copy, free of any run, that serialises as shape and data.</summary>
/// <param name="Shape">Sizes of the axes, outermost first.</param>
/// <param name="Data">Row-major float32 values.</param>
public sealed record EditValue(IReadOnlyList<long> Shape, IReadOnlyList<float> Data)
{
    /// <summary>The file they were read from; null where there is none. A saved plan then names it instead of repeating its numbers.</summary>
    public ValueSource? Source { get; private init; }

    /// <summary>Copies a tensor.</summary>
    public static EditValue Of(Tensor tensor)
    {
        ArgumentNullException.ThrowIfNull(tensor);
        using var plain = tensor.detach().to(float32).cpu().contiguous();
        return new EditValue([.. plain.shape], plain.data<float>().ToArray());
    }

    /// <summary>One vector.</summary>
    public static EditValue Of(params float[] vector) => new([vector.LongLength], vector);

    /// <summary>Copies a tensor of a safetensors file.</summary>
    /// <exception cref="VitrineException">The file is missing or broken, or lacks the tensor.</exception>
    public static EditValue FromFile(string path, string key)
    {
        using var file = SafetensorsFile.Open(path);
        using var tensor = file.Read(key);
        return Of(tensor) with { Source = new ValueSource(Path.GetFullPath(path), key) };
    }

    /// <summary>The numbers as a tensor; owned by the caller.</summary>
    /// <remarks>Copied to memory that libtorch aligned: its matrix kernels round otherwise for numbers that lie in a managed array.</remarks>
    /// <exception cref="VitrineException">Shape and data do not agree.</exception>
    public Tensor ToTensor(ScalarType dtype = ScalarType.Float32)
    {
        if (Shape.Any(s => s < 0) || Shape.Aggregate(1.0, (a, s) => a * s) != Data.Count)
        {
            throw new VitrineException($"edit value: {Data.Count} numbers for shape [{string.Join(", ", Shape)}].");
        }

        using var scope = NewDisposeScope();
        return tensor(Data as float[] ?? [.. Data]).reshape([.. Shape]).to(dtype).clone().MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public bool Equals(EditValue? other) => other is not null && Shape.SequenceEqual(other.Shape) && Data.SequenceEqual(other.Data);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Data.Count, Data.Count > 0 ? Data[0] : 0);
}
