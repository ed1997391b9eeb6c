using System.Globalization;
using System.Text.RegularExpressions;

namespace Vitrine.Checkpoints.Gguf;

/// <summary>One file of a GGUF model, which llama-gguf-split may have cut into several.</summary>
/// <param name="Path">Where it lies.</param>
/// <param name="Length">Bytes.</param>
/// <param name="Tensors">Those that lie in it.</param>
internal sealed partial record GgufPart(string Path, long Length, IReadOnlyDictionary<string, GgufTensor> Tensors)
{
    private const string Count = "split.count", Number = "split.no", TensorCount = "split.tensors.count";

    /// <summary>All parts of a model whose first is at hand.</summary>
    /// <param name="path">Of the first.</param>
    /// <param name="length">Its bytes.</param>
    /// <param name="header">Its head.</param>
    /// <exception cref="VitrineException">It is not the first, or another is missing or belongs to another model.</exception>
    public static IReadOnlyList<GgufPart> All(string path, long length, GgufHeader header)
    {
        var first = new GgufPart(path, length, header.Tensors);
        var count = header.Metadata.Integer(Count, 1);
        if (count <= 1)
        {
            return [first];
        }

        var number = header.Metadata.Integer(Number, 0);
        if (Pattern().Match(path) is not { Success: true } name || name.Groups["of"].Value != Digits(count))
        {
            throw new VitrineException(
                $"{path}: is part {number + 1} of {count} of a model; its name should end in -{Digits(number + 1)}-of-{Digits(count)}.gguf, as "
                    + "llama-gguf-split names parts, so that the others are found.");
        }

        string PartPath(long i) => $"{name.Groups["model"].Value}-{Digits(i + 1)}-of-{Digits(count)}.gguf";
        if (number != 0)
        {
            throw new VitrineException($"{path}: is part {number + 1} of {count} of a model; open the first, {PartPath(0)}");
        }

        var parts = new List<GgufPart> { first };
        var names = new HashSet<string>(first.Tensors.Keys, StringComparer.Ordinal);
        for (var i = 1; i < count; i++)
        {
            var part = Read(PartPath(i), i, count);
            parts.Add(part);
            if (part.Tensors.Keys.FirstOrDefault(t => !names.Add(t)) is { } twice)
            {
                throw new VitrineException($"{part.Path}: has the tensor '{twice}', which a part before it has too.");
            }
        }

        return header.Metadata.Integer(TensorCount, names.Count) is var expected && expected == names.Count
            ? parts
            : throw new VitrineException($"{path}: {TensorCount} is {expected}; its {count} parts hold {names.Count} tensors.");
    }

    /// <summary>
    /// The one model among the .gguf files of a folder: the only file, or the first part where all are parts of one; null where there is no such file.
    /// </summary>
    /// <exception cref="VitrineException">There are several.</exception>
    public static string? OnlyModel(string folder)
    {
        string[] files = [.. Directory.GetFiles(folder, "*.gguf").Order(StringComparer.Ordinal)];
        if (files.Length <= 1)
        {
            return files.FirstOrDefault();
        }

        var matches = files.Select(f => Pattern().Match(f)).ToArray();
        return matches.All(m => m.Success) && matches.Select(m => (m.Groups["model"].Value, m.Groups["of"].Value)).Distinct().Count() == 1
            ? files[0]
            : throw new VitrineException($"{folder}: has {files.Length} .gguf files; name the one to open, e.g. {files[0]}.");
    }

    private static GgufPart Read(string path, long number, long count)
    {
        if (!File.Exists(path))
        {
            throw new VitrineException($"{path}: part {number + 1} of {count} of the model is missing.");
        }

        using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0);
        var header = GgufHeader.Read(stream, path, stream.Length);
        var (own, of) = (header.Metadata.Integer(Number, -1), header.Metadata.Integer(Count, 1));
        return own == number && of == count
            ? new GgufPart(path, stream.Length, header.Tensors)
            : throw new VitrineException($"{path}: says that it is part {own + 1} of {of}; expected part {number + 1} of {count}.");
    }

    private static string Digits(long number) => number.ToString("00000", CultureInfo.InvariantCulture);

    [GeneratedRegex(@"^(?<model>.*)-(?<no>\d{5})-of-(?<of>\d{5})\.gguf$", RegexOptions.CultureInvariant | RegexOptions.Singleline)]
    private static partial Regex Pattern();
}
