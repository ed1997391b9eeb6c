using System.Globalization;
using System.Text;
using Vitrine.Checkpoints.Archives;
using Vitrine.Checkpoints.Numpy;
using static TorchSharp.torch;

namespace Vitrine.Checkpoints.PyTorch;

/// <summary>
/// A file that torch.save wrote (.pt, .bin; the zip container of torch 1.6 and later): tensors, numpy arrays and plain values, nested containers joined by
/// dots.
/// </summary>
/// <remarks>
/// Its pickle is read as data: it can call nothing but what puts tensors and arrays together, and a file that names anything else is refused by that name.
/// Storages are mapped, not copied; tensors may be views with strides.
/// Tensors that were read stay valid after the file object is disposed.
/// </remarks>
public sealed class TorchFile : ITensorFile
{
    private const int DeepestNesting = 64;
    private readonly ZipDirectory archive;
    private readonly MappedFile mapped;
    private readonly string root;
    private readonly Dictionary<string, object> sources = new(StringComparer.Ordinal);
    private readonly Dictionary<string, TensorEntry> tensors = new(StringComparer.Ordinal);
    private readonly Dictionary<string, object> values = new(StringComparer.Ordinal);
    private string? nested;

    private TorchFile(ZipDirectory archive)
    {
        this.archive = archive;
        mapped = new MappedFile(Path, archive.Length);
        var pickles = archive.Members.Keys.Where(k => k.EndsWith("/data.pkl", StringComparison.Ordinal)).ToArray();
        root = pickles is [var only]
            ? only[..^"data.pkl".Length]
            : throw new VitrineException($"{Path}: is a zip archive with {pickles.Length} members NAME/data.pkl; a file of torch.save has one.");
        RequireLittleEndian();
        var pickle = Bytes(archive.Members[pickles[0]]);
        var budget = (32L * pickle.Length) + (1 << 16);
        Collect("", Unpickler.Read(pickle, Path), 0, ref budget);
    }

    /// <summary>Where it lies.</summary>
    public string Path => archive.Path;

    /// <summary>Every tensor and numpy array by name. A file that is one tensor calls it <c>value</c>.</summary>
    public IReadOnlyDictionary<string, TensorEntry> Tensors => tensors;

    /// <summary>Plain values in dictionaries by name: texts, whole numbers (long), numbers (double), true or false.</summary>
    public IReadOnlyDictionary<string, object> Values => values;

    /// <summary>Opens a file and reads its pickle, not yet the numbers.</summary>
    /// <exception cref="VitrineException">It cannot be read, is of before torch 1.6, is broken, or names what it may not.</exception>
    public static TorchFile Open(string path)
    {
        try
        {
            RequireZip(path);
            return new TorchFile(ZipDirectory.Open(path));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or InvalidDataException)
        {
            throw new VitrineException($"{path}: cannot be read ({e.Message}).", e);
        }
    }

    /// <summary>Opens a file that is a model's state alone: names to tensors, as transformers saves it.</summary>
    /// <exception cref="VitrineException">As <see cref="Open"/> says; or the state lies a level below, as trainers save it, whose name is told.</exception>
    internal static TorchFile OpenFlat(string path)
    {
        var file = Open(path);
        if (file.nested is not { } part)
        {
            return file;
        }

        file.Dispose();
        throw new VitrineException($"{path}: the tensors lie a level below, under '{part}'; expected names and tensors at the top, as transformers saves them. "
            + $"Is this a trainer's checkpoint? Save its part alone: torch.save(torch.load(FILE)['{part}'], FILE).");
    }

    /// <summary>One tensor, owned by the caller, not to be written in place. It may be a view with strides.</summary>
    /// <exception cref="VitrineException">The file lacks it.</exception>
    public Tensor Read(string name) => sources.TryGetValue(name, out var source)
        ? source switch
        {
            PickleTensor tensor when tensors[name].ByteCount == 0 => empty(tensor.Shape, Elements.TypeOf(tensor.Dtype)),
            PickleTensor tensor => mapped.Strided(Stretch(tensor, name), tensor.Shape, tensor.Strides, tensor.Offset),
            _ => Array((PickleNumpyArray)source, name),
        }
        : throw new VitrineException($"{Path}: has no tensor '{name}'.");

    /// <inheritdoc/>
    public void Dispose() => mapped.Dispose();

    private static void RequireZip(string path)
    {
        using var stream = File.OpenRead(path);
        Span<byte> start = stackalloc byte[2];
        if (stream.ReadAtLeast(start, 2, throwOnEndOfStream: false) == 2 && start[0] == 0x80 && start[1] is >= 2 and <= 5)
        {
            throw new VitrineException($"{path}: is a bare pickle, as torch.save wrote before torch 1.6; expected its zip container. Load it in a current "
                + "torch and save it again, or convert it to safetensors.");
        }
    }

    private void RequireLittleEndian()
    {
        if (archive.Members.TryGetValue($"{root}byteorder", out var member) && member.ByteCount <= 16 && Encoding.ASCII.GetString(Bytes(member)) is var order
            && order != "little")
        {
            throw new VitrineException($"{Path}: its numbers are {order}-endian; read are little-endian ones.");
        }
    }

    private byte[] Bytes(ZipMember member)
    {
        if (member.Deflated || member.ByteCount > System.Array.MaxLength)
        {
            throw new VitrineException($"{Path}: the member '{member.Name}' is "
                + $"{(member.Deflated ? "compressed, which torch.save does not do" : $"of {member.ByteCount} bytes, more than are read at once")}.");
        }

        using var stream = archive.Open(member);
        var bytes = new byte[member.ByteCount];
        stream.ReadExactly(bytes);
        return bytes;
    }

    /// <remarks>Containers can hold each other more than once, or themselves: depth and the sum of all names are bounded.</remarks>
    private void Collect(string name, object? value, int depth, ref long budget)
    {
        budget -= name.Length + 1;
        if (depth > DeepestNesting || budget < 0)
        {
            throw new VitrineException($"{Path}: its containers are nested deeper than {DeepestNesting} or hold each other over and over.");
        }

        switch (value)
        {
            case PickleDict dict:
                foreach (var (key, item) in dict.Items)
                {
                    var before = tensors.Count;
                    Collect(Joined(name, Key(key)), item, depth + 1, ref budget);
                    nested ??= depth == 0 && item is not (PickleTensor or PickleNumpyArray) && tensors.Count > before ? Key(key) : null;
                }

                break;
            case PickleList list:
                CollectAll(name, list.Items, depth, ref budget);
                break;
            case PickleTuple tuple:
                CollectAll(name, tuple.Items, depth, ref budget);
                break;
            case PickleTensor tensor:
                Add(Lone(name), tensor, EntryOf(tensor, Lone(name)));
                break;
            case PickleNumpyArray array:
                Add(Lone(name), array, EntryOf(array, Lone(name)));
                break;
            case string or long or double or bool:
                Unique(values.TryAdd(Lone(name), value), Lone(name));
                break;
        }
    }

    /// <remarks>Plain values in lists get no names: histories and vocabularies would drown the rest.</remarks>
    private void CollectAll(string name, IReadOnlyList<object?> items, int depth, ref long budget)
    {
        for (var i = 0; i < items.Count; i++)
        {
            if (items[i] is null or string or long or double or bool)
            {
                continue;
            }

            Collect(Joined(name, i.ToString(CultureInfo.InvariantCulture)), items[i], depth + 1, ref budget);
        }
    }

    private string Key(object? key) => key switch
    {
        string text => text,
        long number => number.ToString(CultureInfo.InvariantCulture),
        bool or double => Convert.ToString(key, CultureInfo.InvariantCulture)!,
        PickleTuple tuple when tuple.Items.All(i => i is string or long) => string.Join(',', tuple.Items.Select(Key)),
        _ => throw new VitrineException($"{Path}: a dictionary has a key of the kind {TorchGlobals.Kind(key)}."),
    };

    private static string Joined(string name, string key) => name.Length == 0 ? key : $"{name}.{key}";

    private static string Lone(string name) => name.Length == 0 ? "value" : name;

    private void Add(string name, object source, TensorEntry entry)
    {
        Unique(sources.TryAdd(name, source), name);
        tensors.Add(name, entry);
    }

    private void Unique(bool added, string name)
    {
        if (!added)
        {
            throw new VitrineException($"{Path}: has '{name}' twice.");
        }
    }

    private TensorEntry EntryOf(PickleTensor tensor, string name)
    {
        var stretch = Stretch(tensor, name);
        var size = tensor.Dtype.Size();
        var bytes = Shapes.ByteCount(tensor.Shape, size);
        long last = tensor.Offset;
        for (var a = 0; a < tensor.Shape.Length && bytes > 0; a++)
        {
            var steps = tensor.Shape[a] - 1;
            last = steps > 0 && tensor.Strides[a] > (long.MaxValue - last) / steps ? long.MaxValue : last + (steps * tensor.Strides[a]);
        }

        if (bytes is not { } count || (count > 0 && last >= stretch.ByteCount / size))
        {
            throw new VitrineException($"{Path}: tensor '{name}' is [{string.Join(", ", tensor.Shape)}] with strides [{string.Join(", ", tensor.Strides)}] "
                + $"from {tensor.Offset} on; its storage has {stretch.ByteCount / size} elements.");
        }

        // A view that repeats its storage would be larger than it, without bound.
        return count <= Math.Max(stretch.ByteCount, mapped.Length)
            ? new TensorEntry(name, tensor.Dtype, tensor.Shape, Math.Min(mapped.Length, stretch.Begin + (tensor.Offset * size)), count)
            : throw new VitrineException($"{Path}: tensor '{name}' repeats a storage of {stretch.ByteCount} bytes to {count}, more than the file has.");
    }

    /// <summary>A tensor's whole storage as one axis of the tensor's numbers.</summary>
    private TensorEntry Stretch(PickleTensor tensor, string name)
    {
        var (storage, size) = (tensor.Storage, tensor.Dtype.Size());
        if (storage.Dtype is { } typed && typed != tensor.Dtype)
        {
            throw new VitrineException($"{Path}: tensor '{name}' is {tensor.Dtype.Spelling()}; its storage '{storage.Key}' is {typed.Spelling()}.");
        }

        if (!archive.Members.TryGetValue($"{root}data/{storage.Key}", out var member) || member.Deflated)
        {
            throw new VitrineException(
                $"{Path}: the storage '{storage.Key}' of tensor '{name}' is {(member is null ? "missing" : "compressed, which torch.save does not do")}.");
        }

        var bytes = storage.Count <= member.ByteCount ? storage.Count * (storage.Dtype?.Size() ?? 1) : long.MaxValue;
        return bytes <= member.ByteCount
            ? new TensorEntry(name, tensor.Dtype, [bytes / size], member.Begin, bytes / size * size)
            : throw new VitrineException($"{Path}: the storage '{storage.Key}' of tensor '{name}' claims {storage.Count} elements; its member has "
                + $"{member.ByteCount} bytes. Is it truncated?");
    }

    private TensorEntry EntryOf(PickleNumpyArray array, string name)
    {
        var what = $"{Path}: the numpy array '{name}'";
        var (dtype, _) = NpyHeader.Format(array.Format?.Code ?? throw new VitrineException($"{what} has no dtype."), what);
        return Shapes.ByteCount(array.Shape, dtype.Size()) == array.Data.Length
            ? new TensorEntry(name, dtype, array.Shape, archive.Members[$"{root}data.pkl"].Begin, array.Data.Length)
            : throw new VitrineException($"{what} is [{string.Join(", ", array.Shape)}] of {dtype.Spelling()} and has {array.Data.Length} bytes.");
    }

    private Tensor Array(PickleNumpyArray array, string name)
    {
        var (entry, what) = (tensors[name], $"{Path}: the numpy array '{name}'");
        var head = NpyHeader.Write(entry.Dtype, array.Format!.BigEndian, array.FortranOrder, array.Shape, what);
        return NpyFile.Read([.. head, .. array.Data], what);
    }
}
