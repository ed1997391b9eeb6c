using System.Buffers.Binary;
using System.Text;
using static TorchSharp.torch;

namespace Vitrine.Tests.Checkpoints;

/// <summary>A folder of its own for a test.</summary>
internal sealed class Workplace : IDisposable
{
    public string Folder { get; } = Directory.CreateTempSubdirectory("vitrine-").FullName;

    public string Of(params string[] parts)
    {
        var path = Path.Combine([Folder, .. parts]);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        return path;
    }

    public string Write(string name, byte[] bytes)
    {
        File.WriteAllBytes(Of(name), bytes);
        return Of(name);
    }

    public void Dispose() => Directory.Delete(Folder, recursive: true);
}

/// <summary>What tests of files share.</summary>
internal static class Material
{
    /// <summary>Where material lies that is too large or not free enough for the repository.</summary>
    public static string? Shared { get; } = new[] { Environment.GetEnvironmentVariable("VITRINE_SHARED"), Path.Combine(Fixtures.Repository, "..",
        "shared") }.FirstOrDefault(Directory.Exists);

    /// <summary>Every folder of model fixtures, the repository's before the shared ones.</summary>
    public static IEnumerable<string> ModelFolders()
        => new[] { Path.Combine(Fixtures.Root, "models"), Shared is null ? "" : Path.Combine(Shared, "fixtures", "models") }
            .Where(Directory.Exists).SelectMany(Directory.GetDirectories).DistinctBy(Path.GetFileName).OrderBy(Path.GetFileName, StringComparer.Ordinal);

    /// <summary>A safetensors file of any header and data, right or wrong.</summary>
    public static byte[] Safetensors(string header, params byte[] data)
    {
        var json = Encoding.UTF8.GetBytes(header);
        var bytes = new byte[8 + json.Length + data.Length];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, json.Length);
        json.CopyTo(bytes, 8);
        data.CopyTo(bytes, 8 + json.Length);
        return bytes;
    }

    public static byte[] BytesOf(Tensor tensor)
    {
        using var plain = tensor.contiguous();
        return plain.numel() == 0 ? [] : plain.bytes.ToArray();
    }

    public static void ShouldEqualBitByBit(this Tensor actual, Tensor expected, string because)
    {
        actual.dtype.ShouldBe(expected.dtype, because);
        actual.shape.ShouldBe(expected.shape, because);
        BytesOf(actual).AsSpan().SequenceEqual(BytesOf(expected)).ShouldBeTrue(because);
    }

    public static string Refusal(Action act) => Should.Throw<VitrineException>(act).Message;
}
