using static TorchSharp.torch;

namespace Vitrine.Checkpoints;

/// <summary>A tensor that will be written: what a file's head must say before the data come.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Dtype">Number format in the file.</param>
/// <param name="Shape">Sizes of the axes, outermost first; none for a scalar.</param>
public sealed record TensorPlan(string Name, Dtype Dtype, IReadOnlyList<long> Shape)
{
    /// <summary>Bytes in the file.</summary>
    /// <exception cref="VitrineException">The shape is negative or larger than any file.</exception>
    public long ByteCount
        => (Shape.All(s => s >= 0) ? Shapes.ByteCount(Shape, Dtype.Size()) : null) ?? throw new VitrineException(
            $"tensor '{Name}' is [{string.Join(", ", Shape)}], which no file holds.");

    /// <summary>The plan of a tensor as it is.</summary>
    /// <exception cref="VitrineException">Files have no format for its type.</exception>
    public static TensorPlan Of(string name, Tensor tensor)
    {
        ArgumentNullException.ThrowIfNull(tensor);
        return new TensorPlan(name, Elements.FormatOf(tensor.dtype, $"tensor '{name}'"), tensor.shape);
    }
}
