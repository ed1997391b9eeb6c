using System.Diagnostics.CodeAnalysis;
using static TorchSharp.torch;

namespace Vitrine.Transformers.Engine;

/// <summary>A tensor of a model's weights; in an outline (<see cref="ModelOptions.Outline"/>) there are its shape and its type alone.</summary>
/// <remarks>What describes a model has no need of libtorch, whose loading takes longer than all else that a description does.</remarks>
internal sealed class StoredTensor
{
    private readonly Tensor? tensor;
    private readonly long[]? shape;
    private readonly ScalarType dtype;
    private readonly bool isTransposed;

    private StoredTensor(Tensor tensor) => this.tensor = tensor;

    private StoredTensor(long[] shape, ScalarType dtype, bool isTransposed) => (this.shape, this.dtype, this.isTransposed) = (shape, dtype, isTransposed);

    /// <summary>Whether there are numbers, or at least the meta device's place for them.</summary>
    [MemberNotNullWhen(true, nameof(tensor))]
    [MemberNotNullWhen(false, nameof(shape))]
    public bool IsHere => tensor is not null;

    /// <exception cref="VitrineException">There is an outline alone.</exception>
    public Tensor Value => tensor
        ?? throw new VitrineException("the model was opened as an outline (ModelOptions.Outline), which has no weights; open it without to run or read it.");

    public IReadOnlyList<long> Shape => IsHere ? tensor.shape : shape;

    public ScalarType Dtype => IsHere ? tensor.dtype : dtype;

    /// <summary>Whether it lies row by row where products run, or would.</summary>
    public bool LiesReady => IsHere
        ? tensor.device_type is (TorchSharp.DeviceType.CPU or TorchSharp.DeviceType.META) && tensor.is_contiguous()
        : !isTransposed;

    [return: NotNullIfNotNull(nameof(tensor))]
    public static implicit operator StoredTensor?(Tensor? tensor) => tensor is null ? null : new(tensor);

    /// <param name="shape">Of the tensor.</param>
    /// <param name="dtype">Its type.</param>
    /// <param name="isTransposed">Whether it is a turned view.</param>
    public static StoredTensor Outline(long[] shape, ScalarType dtype, bool isTransposed = false) => new(shape, dtype, isTransposed);

    /// <summary>Neighbouring rows.</summary>
    /// <param name="first">Row.</param>
    /// <param name="count">Rows.</param>
    /// <param name="own">Whose a view becomes.</param>
    public StoredTensor Rows(long first, long count, Func<Tensor, Tensor> own)
        => IsHere ? own(tensor.narrow(0, first, count)) : Outline([count, .. shape[1..]], dtype, isTransposed);

    /// <summary>A matrix turned.</summary>
    /// <param name="own">Whose the view becomes.</param>
    public StoredTensor Turned(Func<Tensor, Tensor> own) => IsHere ? own(tensor.t()) : Outline([shape[1], shape[0]], dtype, !isTransposed);
}
