using System.IO.Compression;
using System.Text;
using Vitrine.Checkpoints;
using Vitrine.Checkpoints.Numpy;
using static TorchSharp.torch;

namespace Vitrine.Tests.Checkpoints;

public sealed class NumpyTests
{
    [Fact]
    public void Every_file_that_numpy_wrote_is_read_as_numpy_has_it()
    {
        var folder = Fixtures.Of("checkpoints", "numpy");
        using var golden = SafetensorsFile.Open(Path.Combine(folder, "golden.safetensors"));
        foreach (var name in golden.Tensors.Keys)
        {
            using var expected = golden.Read(name);
            using var actual = name.Split('/', 2) is [var archive, var member]
                ? NpzFile.Open(Path.Combine(folder, $"{archive}.npz")).Read(member)
                : NpyFile.Read(Path.Combine(folder, $"{name}.npy"));
            actual.ShouldEqualBitByBit(expected, name);
            actual.is_contiguous().ShouldBeTrue(name);
        }
    }

    [Fact]
    public void Every_file_that_numpy_wrote_is_written_byte_for_byte()
    {
        var folder = Fixtures.Of("checkpoints", "numpy");
        using var place = new Workplace();
        foreach (var path in Directory.GetFiles(folder, "*.npy")
            .Where(f => !Path.GetFileName(f).StartsWith("refused-", StringComparison.Ordinal) && !Path.GetFileName(f)
                .StartsWith("version-", StringComparison.Ordinal)))
        {
            using var tensor = NpyFile.Read(path);
            using var stream = File.OpenRead(path);
            var header = NpyHeader.Read(stream, stream.Length, path);
            NpyFile.Write(
                place.Of("again.npy"), tensor, new NpyLayout { Dtype = header.Dtype, BigEndian = header.BigEndian, FortranOrder = header.FortranOrder });
            var (expected, actual) = (File.ReadAllBytes(path), File.ReadAllBytes(place.Of("again.npy")));
            actual.AsSpan(header.ByteCount).SequenceEqual(expected.AsSpan(header.ByteCount)).ShouldBeTrue(path);
            Encoding.Latin1.GetString(actual, 10, header.ByteCount - 10).TrimEnd()
                .ShouldBe(Encoding.Latin1.GetString(expected, 10, header.ByteCount - 10).TrimEnd());
        }
    }

    [Theory]
    [InlineData("refused-object.npy", "Python objects")]
    [InlineData("refused-structured.npy", "structured")]
    [InlineData("refused-text.npy", "'<U2'")]
    public void What_is_no_array_of_numbers_is_refused_by_name(string file, string named)
    {
        var path = Fixtures.Of("checkpoints", "numpy", file);
        Material.Refusal(() => NpyFile.Read(path)).ShouldContain(named);
    }

    [Fact]
    public void A_value_that_a_format_cannot_hold_is_refused()
    {
        using var negative = tensor([-1L]);
        Material.Refusal(() => NpyFile.ToBytes(negative, new NpyLayout { Dtype = Dtype.U32 })).ShouldContain("holds -1");
        using var brain = ones(2, dtype: ScalarType.BFloat16);
        Material.Refusal(() => NpyFile.ToBytes(brain)).ShouldContain("no dtype for BF16");
        using var place = new Workplace();
        Material.Refusal(() => NpyFile.Write(place.Of("x.npy"), brain)).ShouldContain("x.npy");
        Material.Refusal(() => NpzFile.Write(place.Of("x.npz"), new Dictionary<string, Tensor> { ["good"] = negative, ["bad"] = brain }))
            .ShouldContain("'bad'");
        Material.Refusal(() => NpyFile.Write(Path.Combine(place.Folder, "no", "folder", "x.npy"), negative)).ShouldContain("cannot be written");
        Directory.GetFileSystemEntries(place.Folder).ShouldBeEmpty();
        var large = Npy("{'descr': '<u8', 'fortran_order': False, 'shape': (1,), }", [255, 255, 255, 255, 255, 255, 255, 255]);
        Material.Refusal(() => NpyFile.Read(large, "x")).ShouldContain("18446744073709551615");
    }

    [Theory]
    [InlineData("{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }", 4, "truncated")]
    [InlineData("{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }", 9, "takes 8 bytes; 9")]
    [InlineData("{'descr': '<f4', 'fortran_order': False, 'shape': (4611686018427387904, 4), }", 4, "more than any file")]
    [InlineData("{'descr': '<f4', 'fortran_order': False, 'shape': (0, 4611686018427387904, 4), }", 0, "more than any file")]
    [InlineData("{'descr': '<f4', 'fortran_order': False, 'shape': (-1,), }", 4, "sizes")]
    [InlineData("{'descr': '<f4', 'fortran_order': False, 'shape': 1, }", 4, "'('")]
    [InlineData("{'descr': '<f4', 'fortran_order': Maybe, 'shape': (1,), }", 4, "True or False")]
    [InlineData("{'descr': '<f4', 'descr': '<f4', 'shape': (1,), }", 4, "'descr' twice")]
    [InlineData("{'descr': '<f4', 'shape': (1,), }", 4, "lacks")]
    [InlineData("{'descr': '|O', 'fortran_order': False, 'shape': (1,), }", 8, "Python objects")]
    [InlineData("{'descr': '<O8', 'fortran_order': False, 'shape': (1,), }", 8, "Python objects")]
    [InlineData("{'descr': '<M8[ns]', 'fortran_order': False, 'shape': (1,), }", 8, "'<M8[ns]'")]
    [InlineData("{'descr': '', 'fortran_order': False, 'shape': (1,), }", 8, "dtype ''")]
    [InlineData("{'descr': '<f4', 'fortran_order': False, 'shape': (1,), } + __import__('os')", 4, "its end")]
    [InlineData("[]", 4, "'{'")]
    [InlineData("", 0, "'{'")]
    public void A_broken_head_is_refused_with_what_was_found(string head, int dataBytes, string named)
        => Material.Refusal(() => NpyFile.Read(Npy(head, new byte[dataBytes]), "x.npy"))
            .ShouldSatisfyAllConditions(m => m.ShouldStartWith("x.npy"), m => m.ShouldContain(named));

    [Fact]
    public void A_head_longer_than_the_file_is_refused_before_it_is_read()
    {
        Material.Refusal(() => NpyFile.Read([0x93, .. "NUMPY"u8, 1, 0, 255, 255, 1], "x")).ShouldContain("claims 65535");
        Material.Refusal(() => NpyFile.Read([0x93, .. "NUMPY"u8, 2, 0, 255, 255, 255, 255], "x")).ShouldContain("claims 4294967295");
        Material.Refusal(() => NpyFile.Read([0x93, .. "NUMPY"u8, 4, 0, 0, 0], "x")).ShouldContain("version 1 to 3");
        Material.Refusal(() => NpyFile.Read([1, 2], "x")).ShouldContain("2 bytes");
        Material.Refusal(() => NpyFile.Read("PK\x03\x04 no npy file"u8.ToArray(), "x")).ShouldContain("does not begin");
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void An_archive_that_is_written_comes_back_and_equal_arrays_give_equal_files(bool compress)
    {
        using var place = new Workplace();
        using var scope = NewDisposeScope();
        var arrays = new Dictionary<string, Tensor>
        {
            ["weights"] = randn(13, 17),
            ["layer/3"] = arange(5),
            ["many zeros"] = zeros(300, 300),
            ["scalar"] = tensor(1.5),
            ["flags"] = tensor([true, false]),
        };
        NpzFile.Write(place.Of("a.npz"), arrays, compress);
        NpzFile.Write(place.Of("b.npz"), arrays, compress);
        File.ReadAllBytes(place.Of("a.npz")).ShouldBe(File.ReadAllBytes(place.Of("b.npz")));
        (new FileInfo(place.Of("a.npz")).Length < 300_000).ShouldBe(compress);
        var file = NpzFile.Open(place.Of("a.npz"));
        file.Names.ShouldBe(arrays.Keys, ignoreOrder: true);
        foreach (var (name, value) in arrays)
        {
            file.Read(name).ShouldEqualBitByBit(value, name);
        }

        Material.Refusal(() => file.Read("none")).ShouldContain("'none'");
    }

    [Fact]
    public void An_array_that_unpacks_to_more_than_its_head_says_is_refused_before_it_is_held()
    {
        using var place = new Workplace();
        var head = Npy("{'descr': '|u1', 'fortran_order': False, 'shape': (8,), }", []);
        var bomb = Zip(place, [.. head, .. new byte[50_000_000]]);
        new FileInfo(bomb).Length.ShouldBeLessThan(100_000);
        var before = GC.GetAllocatedBytesForCurrentThread();
        Material.Refusal(() => NpzFile.Open(bomb).Read("a")).ShouldContain("takes 8 bytes; 50000000");
        (GC.GetAllocatedBytesForCurrentThread() - before).ShouldBeLessThan(1_000_000);
    }

    [Theory]
    [InlineData(0xFFFF_FFF0u, "cannot be")]
    [InlineData(24u, "")]
    public void A_directory_that_lies_about_a_size_is_refused(uint claimed, string named)
    {
        using var place = new Workplace();
        var head = Npy("{'descr': '|u1', 'fortran_order': False, 'shape': (1000,), }", new byte[1000]);
        var path = Zip(place, head);
        var bytes = File.ReadAllBytes(path);
        var directory = bytes.AsSpan().LastIndexOf("PK\x01\x02"u8);
        BitConverter.TryWriteBytes(bytes.AsSpan(directory + 24), claimed);
        File.WriteAllBytes(path, bytes);
        Material.Refusal(() => NpzFile.Open(path).Read("a")).ShouldContain(named);
    }

    [Fact]
    public void A_member_longer_than_its_directory_says_is_refused()
    {
        using var place = new Workplace();
        var path = Zip(place, [.. Npy("{'descr': '|u1', 'fortran_order': False, 'shape': (8,), }", new byte[8]), 1, 2, 3]);
        var bytes = File.ReadAllBytes(path);
        var directory = bytes.AsSpan().LastIndexOf("PK\x01\x02"u8);
        BitConverter.TryWriteBytes(bytes.AsSpan(directory + 24), BitConverter.ToUInt32(bytes, directory + 24) - 3);
        File.WriteAllBytes(path, bytes);
        Material.Refusal(() => NpzFile.Open(path).Read("a")).ShouldContain("more than");
    }

    [Fact]
    public void An_archive_that_is_none_is_refused()
    {
        using var place = new Workplace();
        Material.Refusal(() => NpzFile.Open(place.Write("x.npz", []))).ShouldContain("no zip archive");
        Material.Refusal(() => NpzFile.Open(place.Write("y.npz", new byte[1000]))).ShouldContain("no zip archive");
        Material.Refusal(() => NpzFile.Open(place.Of("none.npz"))).ShouldContain("cannot be read");
        var whole = File.ReadAllBytes(Fixtures.Of("checkpoints", "numpy", "deflated.npz"));
        Material.Refusal(() => NpzFile.Open(place.Write("z.npz", whole[..^30]))).ShouldContain("truncated");
        Material.Refusal(() => NpzFile.Open(place.Write("w.npz", whole[40..])));
    }

    private static byte[] Npy(string head, byte[] data)
    {
        var text = Encoding.Latin1.GetBytes(head);
        return [0x93, .. "NUMPY"u8, 1, 0, (byte)text.Length, (byte)(text.Length >> 8), .. text, .. data];
    }

    private static string Zip(Workplace place, byte[] member)
    {
        var path = place.Of("a.npz");
        using var zip = new ZipArchive(File.Create(path), ZipArchiveMode.Create);
        using var stream = zip.CreateEntry("a.npy", CompressionLevel.SmallestSize).Open();
        stream.Write(member);
        return path;
    }
}
