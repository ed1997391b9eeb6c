using Vitrine.Checkpoints.Gguf;
using static TorchSharp.torch;

namespace Vitrine.Tests.Checkpoints;

/// <summary>Files that are written are read again as they were meant.</summary>
public sealed class GgufWriterTests
{
    [Theory]
    [InlineData(null)]
    [InlineData(64)]
    public void Tensors_lie_as_the_metadata_aligns_them(int? alignment)
    {
        using var place = new Workplace();
        using var scope = NewDisposeScope();
        (string, object)[] metadata =
        [
            ("general.architecture", "controlvector"), ("a.whole", -3), ("a.part", 1.5f),
            .. alignment is { } bytes ? new (string, object)[] { ("general.alignment", (uint)bytes) } : [],
        ];
        (string Name, Tensor Tensor)[] tensors = [("first", arange(5, float32)), ("second", arange(6, float32).view(2, 3)), ("third", ones(1))];
        var path = place.Of("first.gguf");
        GgufWriter.Write(path, metadata, tensors);
        using var file = GgufFile.Open(path);
        file.Metadata.Integer("a.whole").ShouldBe(-3);
        file.Metadata.Number("a.part").ShouldBe(1.5);
        foreach (var (name, tensor) in tensors)
        {
            (file.Tensors[name].Begin % (alignment ?? 32)).ShouldBe(0, name);
            file.Read(name).ShouldHaveTheBitsOf(tensor, name);
        }

        var copy = place.Of("copy.gguf");
        GgufWriter.Write(copy, GgufPairs.Of(path), [.. tensors.Select(t => (t.Name, (IReadOnlyList<long>)t.Tensor.shape, GgufType.F32))],
            (stream, name) => stream.Write(File.ReadAllBytes(path).AsSpan((int)file.Tensors[name].Begin, (int)file.Tensors[name].ByteCount)));
        File.ReadAllBytes(copy).ShouldBe(File.ReadAllBytes(path), "the pairs of another file stand in it byte by byte");
    }
}
