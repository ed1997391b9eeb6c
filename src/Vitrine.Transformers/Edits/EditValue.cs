using static TorchSharp.torch;

namespace Vitrine.Transformers.Edits;

/// <summary>Numbers that travel with an edit: a plain copy, free of any run, that serialises as shape and data.</summary>
/// <param name="Shape">Sizes of the axes, outermost first.</param>
/// <param name="Data">Row-major float32 values.</param>
public sealed record EditValue(IReadOnlyList<long> Shape, IReadOnlyList<float> Data)
{
    /// <summary>Copies a tensor.</summary>
    public static EditValue Of(Tensor tensor)
    {
        ArgumentNullException.ThrowIfNull(tensor);
        using var plain = tensor.detach().to(float32).cpu().contiguous();
        return new EditValue([.. plain.shape], plain.data<float>().ToArray());
    }

    /// <summary>One vector.</summary>
    public static EditValue Of(params float[] vector) => new([vector.LongLength], vector);

    /// <summary>The numbers as a tensor; owned by the caller.</summary>
    /// <remarks>Copied to memory that libtorch aligned: its matrix kernels round otherwise for numbers that lie in a managed array.</remarks>
    /// <exception cref="VitrineException">Shape and data do not agree.</exception>
    public Tensor ToTensor(ScalarType dtype = ScalarType.Float32)
    {
        if (Shape.Any(s => s < 0) || Shape.Aggregate(1L, (a, s) => checked(a * s)) != Data.Count)
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
