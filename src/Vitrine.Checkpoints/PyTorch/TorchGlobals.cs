namespace Vitrine.Checkpoints.PyTorch;

/// <summary>The classes and functions that a torch file may name, and what calling them does here. Nothing else exists.</summary>
/// <remarks>After torch/_utils.py, torch/serialization.py and numpy's <c>__reduce__</c>: the functions rebuild tensors and arrays from parts.</remarks>
internal sealed class TorchGlobals(string file, Action<long> charge)
{
    private static readonly Dictionary<string, Dtype?> Storages = new()
    {
        ["FloatStorage"] = Dtype.F32,
        ["DoubleStorage"] = Dtype.F64,
        ["HalfStorage"] = Dtype.F16,
        ["BFloat16Storage"] = Dtype.BF16,
        ["LongStorage"] = Dtype.I64,
        ["IntStorage"] = Dtype.I32,
        ["ShortStorage"] = Dtype.I16,
        ["CharStorage"] = Dtype.I8,
        ["ByteStorage"] = Dtype.U8,
        ["BoolStorage"] = Dtype.Bool,
        ["ComplexFloatStorage"] = Dtype.C64,
        ["UntypedStorage"] = null,
    };

    private static readonly Dictionary<string, Dtype> Formats = new()
    {
        ["float32"] = Dtype.F32,
        ["float"] = Dtype.F32,
        ["float64"] = Dtype.F64,
        ["double"] = Dtype.F64,
        ["float16"] = Dtype.F16,
        ["half"] = Dtype.F16,
        ["bfloat16"] = Dtype.BF16,
        ["int64"] = Dtype.I64,
        ["long"] = Dtype.I64,
        ["int32"] = Dtype.I32,
        ["int"] = Dtype.I32,
        ["int16"] = Dtype.I16,
        ["short"] = Dtype.I16,
        ["int8"] = Dtype.I8,
        ["uint8"] = Dtype.U8,
        ["bool"] = Dtype.Bool,
        ["complex64"] = Dtype.C64,
        ["uint16"] = Dtype.U16,
        ["uint32"] = Dtype.U32,
        ["uint64"] = Dtype.U64,
        ["float8_e4m3fn"] = Dtype.F8E4M3,
        ["float8_e5m2"] = Dtype.F8E5M2,
    };

    private static readonly HashSet<string> Callables =
    [
        "collections.OrderedDict", "torch._utils._rebuild_tensor", "torch._utils._rebuild_tensor_v2", "torch._utils._rebuild_tensor_v3",
        "torch._utils._rebuild_parameter", "torch.Size", "torch.device",
        "numpy.core.multiarray._reconstruct", "numpy._core.multiarray._reconstruct", "numpy.core.multiarray.scalar", "numpy._core.multiarray.scalar",
        "numpy.dtype", "numpy.ndarray", "numpy.core.numeric._frombuffer", "numpy._core.numeric._frombuffer",
        "_codecs.encode", "builtins.bytes", "__builtin__.bytes", "builtins.set", "__builtin__.set", "builtins.frozenset", "__builtin__.frozenset",
    ];

    /// <summary>What a name stands for: a number format, or something to call.</summary>
    /// <exception cref="VitrineException">The name is not on the list.</exception>
    public object Find(string module, string name)
    {
        if (module == "torch" && Formats.TryGetValue(name, out var format))
        {
            return format;
        }

        var global = new PickleGlobal(module, name);
        return Callables.Contains(global.ToString()) || IsStorage(global)
            ? global
            : throw new VitrineException(
                $"{file}: names '{global}', which is not on the list of what a file of tensors may call; it is refused, and nothing of it was run.");
    }

    public object? Call(PickleGlobal global, IReadOnlyList<object?> arguments) => (global.ToString(), arguments) switch
    {
        ("collections.OrderedDict", []) => new PickleDict(),
        ("collections.OrderedDict", [PickleList pairs]) => Dict(pairs),
        ("torch._utils._rebuild_tensor" or "torch._utils._rebuild_tensor_v2",
            [PickleStorage { Dtype: { } dtype } storage, long offset, PickleTuple shape, PickleTuple strides, ..])
            => Tensor(storage, dtype, offset, shape, strides),
        ("torch._utils._rebuild_tensor_v3", [PickleStorage storage, long offset, PickleTuple shape, PickleTuple strides, _, _, Dtype dtype, ..])
            => Tensor(storage, dtype, offset, shape, strides),
        ("torch._utils._rebuild_parameter", [PickleTensor tensor, ..]) => tensor,
        ("torch.Size", [PickleTuple sizes]) => sizes,
        ("torch.device", _) => new PickleDevice(),
        ("numpy.core.multiarray._reconstruct" or "numpy._core.multiarray._reconstruct", [PickleGlobal { Module: "numpy", Name: "ndarray" }, ..])
            => new PickleNumpyArray(),
        ("numpy.core.multiarray.scalar" or "numpy._core.multiarray.scalar", [PickleNumpyFormat format, byte[] bytes]) => new PickleNumpyArray
        {
            Format = format,
            Data = bytes,
        },
        ("numpy.core.numeric._frombuffer" or "numpy._core.numeric._frombuffer",
            [byte[] bytes, PickleNumpyFormat format, PickleTuple shape, ("C" or "F") and var order])
            => new PickleNumpyArray { Format = format, Shape = Sizes(shape), FortranOrder = order is "F", Data = bytes },
        ("numpy.dtype", [string code, ..]) => new PickleNumpyFormat(code),
        ("_codecs.encode", [string text, "latin1"]) => Latin1(text),
        ("builtins.bytes" or "__builtin__.bytes", []) => Array.Empty<byte>(),
        ("builtins.set" or "__builtin__.set" or "builtins.frozenset" or "__builtin__.frozenset", [PickleList list]) => list,
        _ => throw new VitrineException($"{file}: calls '{global}' with {arguments.Count} arguments of kinds that it does not take."),
    };

    /// <summary>Gives an object its state.</summary>
    public void Build(object? target, object? state)
    {
        switch (target, state)
        {
            case (PickleDict, PickleDict):
                break; // Attributes of an OrderedDict: a state dict's _metadata.
            case (PickleNumpyFormat format, PickleTuple { Items: [_, string order, null, null, null, ..] }):
                format.BigEndian = order == ">";
                break;
            case (PickleNumpyArray array, PickleTuple { Items: [_, PickleTuple shape, PickleNumpyFormat format, bool fortran, var data] }):
                (array.Shape, array.Format, array.FortranOrder) = (Sizes(shape), format, fortran);
                array.Data = data as byte[]
                    ?? throw new VitrineException($"{file}: a numpy array of dtype '{format.Code}' holds Python objects; they are refused.");
                break;
            default:
                throw new VitrineException($"{file}: gives a state to what takes none ({Kind(target)}).");
        }
    }

    /// <summary>What a persistent reference of torch stands for.</summary>
    public PickleStorage Storage(object? reference)
        => reference is PickleTuple { Items: ["storage", PickleGlobal kind, string key, string, long count, ..] } && IsStorage(kind) && count >= 0
            ? new PickleStorage(key, Storages[kind.Name], count)
            : throw new VitrineException($"{file}: holds a persistent reference that is no storage of torch's.");

    public static string Kind(object? value) => value switch { null => "None", PickleGlobal g => g.ToString(), _ => value.GetType().Name };

    private static bool IsStorage(PickleGlobal global) => global.Module is "torch" or "torch.storage" && Storages.ContainsKey(global.Name);

    private PickleDict Dict(PickleList pairs)
    {
        charge(pairs.Items.Count);
        var dict = new PickleDict();
        foreach (var pair in pairs.Items)
        {
            var two = (pair as PickleTuple)?.Items ?? (pair as PickleList)?.Items;
            dict.Items.Add(two is [var key, var value]
                ? new(key, value)
                : throw new VitrineException($"{file}: builds an OrderedDict from what are no pairs."));
        }

        return dict;
    }

    private PickleTensor Tensor(PickleStorage storage, Dtype dtype, long offset, PickleTuple shape, PickleTuple strides)
    {
        var (sizes, steps) = (Sizes(shape), Sizes(strides));
        return sizes.Length == steps.Length && offset >= 0
            ? new PickleTensor(storage, dtype, offset, sizes, steps)
            : throw new VitrineException(
                $"{file}: a tensor of storage '{storage.Key}' has {sizes.Length} axes, {steps.Length} strides and the offset {offset}.");
    }

    private long[] Sizes(PickleTuple tuple)
    {
        if (tuple.Items.Count > 64 || tuple.Items.Any(i => i is not >= 0L))
        {
            throw new VitrineException($"{file}: a shape or stride of {tuple.Items.Count} entries is none of at most 64 whole numbers.");
        }

        return [.. tuple.Items.Select(i => (long)i!)];
    }

    /// <remarks>Pickle protocol 2 has no bytes: Python writes them as a text of code points below 256.</remarks>
    private byte[] Latin1(string text)
    {
        charge(text.Length);
        var bytes = new byte[text.Length];
        for (var i = 0; i < bytes.Length; i++)
        {
            bytes[i] = text[i] < 256 ? (byte)text[i] : throw new VitrineException($"{file}: holds bytes that are none.");
        }

        return bytes;
    }
}
