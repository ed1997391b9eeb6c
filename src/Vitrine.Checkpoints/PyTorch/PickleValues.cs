namespace Vitrine.Checkpoints.PyTorch;

/// <summary>A Python tuple.</summary>
internal sealed record PickleTuple(IReadOnlyList<object?> Items);

/// <summary>A Python list or set.</summary>
internal sealed class PickleList
{
    public List<object?> Items { get; } = [];
}

/// <summary>A Python dict or OrderedDict, in order of insertion.</summary>
internal sealed class PickleDict
{
    public List<KeyValuePair<object?, object?>> Items { get; } = [];
}

/// <summary>A class or function by its name; only those of <see cref="TorchGlobals"/> come to be.</summary>
internal sealed record PickleGlobal(string Module, string Name)
{
    public override string ToString() => $"{Module}.{Name}";
}

/// <summary>A stretch of numbers in a member of its own.</summary>
/// <param name="Key">Name of the member below <c>data/</c>.</param>
/// <param name="Dtype">Number format; null for bytes without one.</param>
/// <param name="Count">Elements, or bytes where there is no format.</param>
internal sealed record PickleStorage(string Key, Dtype? Dtype, long Count);

/// <summary>A view with strides into a storage.</summary>
internal sealed record PickleTensor(PickleStorage Storage, Dtype Dtype, long Offset, long[] Shape, long[] Strides);

/// <summary>A numpy dtype while it is put together.</summary>
internal sealed class PickleNumpyFormat(string code)
{
    public string Code { get; } = code;

    /// <summary>As the state of the object says; native is little.</summary>
    public bool BigEndian { get; set; }
}

/// <summary>A numpy array while it is put together.</summary>
internal sealed class PickleNumpyArray
{
    public PickleNumpyFormat? Format { get; set; }

    public long[] Shape { get; set; } = [];

    public bool FortranOrder { get; set; }

    public byte[] Data { get; set; } = [];
}

/// <summary>A device; its name does not matter here.</summary>
internal sealed record PickleDevice;
