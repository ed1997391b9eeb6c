using System.IO.Compression;
using System.Text;
using Vitrine.Checkpoints;
using Vitrine.Checkpoints.PyTorch;
using static TorchSharp.torch;

namespace Vitrine.Tests.Checkpoints;

public sealed class TorchFileTests
{
    [Theory]
    [InlineData("state-dict.pt", "state-dict")]
    [InlineData("nested-2.pt", "nested")]
    [InlineData("nested-3.pt", "nested")]
    [InlineData("nested-4.pt", "nested")]
    [InlineData("nested-5.pt", "nested")]
    [InlineData("module.bin", "module")]
    [InlineData("lone.pt", "lone")]
    public void Every_tensor_that_torch_saved_is_read_as_torch_has_it(string name, string prefix)
    {
        using var golden = SafetensorsFile.Open(Fixtures.Of("checkpoints", "torch", "golden.safetensors"));
        using var file = TorchFile.Open(Fixtures.Of("checkpoints", "torch", name));
        var expected = golden.Tensors.Keys.Where(k => k.StartsWith(prefix + "/", StringComparison.Ordinal)).ToArray();
        expected.ShouldNotBeEmpty();
        foreach (var key in expected)
        {
            using var scope = NewDisposeScope();
            var tensor = file.Read(key[(prefix.Length + 1)..]);
            tensor.ShouldEqualBitByBit(golden.Read(key), key);
            file.Tensors[key[(prefix.Length + 1)..]].Shape.ShouldBe(tensor.shape);
        }

        file.Tensors.Keys.Except(["number"]).ShouldBe(expected.Select(k => k[(prefix.Length + 1)..]), ignoreOrder: true);
    }

    [Fact]
    public void A_link_to_a_file_is_read_as_the_file()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux() || OperatingSystem.IsMacOS(), "links need rights elsewhere");
        using var place = new Workplace();
        var path = Fixtures.Of("checkpoints", "torch", "state-dict.pt");
        using var file = TorchFile.Open(path);
        using var link = TorchFile.Open(File.CreateSymbolicLink(place.Of("pytorch_model.bin"), path).FullName);
        foreach (var name in file.Tensors.Keys)
        {
            using var scope = NewDisposeScope();
            link.Read(name).ShouldEqualBitByBit(file.Read(name), name);
        }
    }

    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(5)]
    public void Plain_values_keep_their_kinds(int protocol)
    {
        using var file = TorchFile.Open(Fixtures.Of("checkpoints", "torch", $"nested-{protocol}.pt"));
        file.Values["config.k"].ShouldBe(64L);
        file.Values["config.lr"].ShouldBe(1e-3);
        file.Values["config.name"].ShouldBe("naïve");
        file.Values["config.on"].ShouldBe(true);
        file.Values["config.big"].ShouldBe(1L << 40);
        file.Values["config.negative"].ShouldBe(-5L);
        using var number = file.Read("number");
        number.item<double>().ShouldBe(1.5);
    }

    [Fact]
    public void Views_of_one_storage_are_not_copied()
    {
        using var file = TorchFile.Open(Fixtures.Of("checkpoints", "torch", "state-dict.pt"));
        using var whole = file.Read("view.whole");
        using var turned = file.Read("view.transposed");
        turned.is_contiguous().ShouldBeFalse();
        TensorMemory.Pieces(whole, 4).First().Address.ShouldBe(TensorMemory.Pieces(turned.t(), 4).First().Address);
    }

    [Theory]
    [InlineData("os-system.pt", "system", "refused")]
    [InlineData("whole-module.pt", "torch.nn.modules.container.Sequential", "refused")]
    [InlineData("object-array.pt", "Python objects", "refused")]
    [InlineData("legacy.pt", "before torch 1.6", "safetensors")]
    public void What_is_more_than_tensors_is_refused_by_its_name(string name, string found, string said)
    {
        var path = Fixtures.Of("checkpoints", "torch", name);
        var message = Material.Refusal(() => TorchFile.Open(path));
        message.ShouldStartWith(path);
        message.ShouldContain(found);
        message.ShouldContain(said);
        message.ShouldNotContain('\n');
    }

    [Theory]
    [InlineData("cos\nsystem\nX\u0002\0\0\0ls\u0085R.", "'os.system'")]
    [InlineData("cbuiltins\neval\n(X\u0001\0\0\01tR.", "'builtins.eval'")]
    [InlineData("ctorch.storage\n_load_from_bytes\n.", "'torch.storage._load_from_bytes'")]
    [InlineData("\u008c\u0005posix\u008c\u0006system\u0093.", "'posix.system'")]
    [InlineData("ctorch\nDoubleTensor\n.", "'torch.DoubleTensor'")]
    [InlineData("c_codecs\nencode\nX\u0001\0\0\0aX\u0005\0\0\0rot13\u0086R.", "calls '_codecs.encode'")]
    [InlineData("ctorch._utils\n_rebuild_tensor_v2\n)R.", "calls 'torch._utils._rebuild_tensor_v2' with 0 arguments")]
    [InlineData("N)R.", "a call of what cannot be called")]
    [InlineData("ccollections\nOrderedDict\nNb.", "a state")]
    [InlineData("K\u0001Q.", "no storage")]
    [InlineData("(i__main__\nx\n", "0x69")]
    [InlineData("R", "operands")]
    [InlineData("t", "mark")]
    [InlineData("h\u0007.", "unknown object 7")]
    [InlineData("K\u0001K\u0002a.", "no list")]
    [InlineData("K\u0001K\u0002K\u0003s.", "no dictionary")]
    [InlineData("X\u00ff\u00ff\u00ff\u007fab.", "2147483647 bytes")]
    [InlineData("\u008d\0\0\0\0\0\0\0\u0080.", "9223372036854775808 bytes")]
    [InlineData("\u008a\u0009\u0001\u0001\u0001\u0001\u0001\u0001\u0001\u0001\u0001.", "9 bytes")]
    [InlineData("", "end too early")]
    [InlineData("K", "end too early")]
    [InlineData("cabc", "without end")]
    [InlineData("X\u0001\0\0\0\u00ff.", "no UTF-8")]
    [InlineData("}\u0094K\u0001h\0s.", "nested deeper")]
    [InlineData("]\u0094h\0a.", "nested deeper")]
    [InlineData("(X\u0001\0\0\0aK\u0001X\u0001\0\0\0aK\u0002d.", "0x64")]
    [InlineData("}(X\u0001\0\0\0aK\u0001X\u0001\0\0\0aK\u0002u.", "'a' twice")]
    public void A_hostile_pickle_is_refused_with_what_was_found(string pickle, string named)
    {
        using var place = new Workplace();
        var path = place.Write("x.pt", Container(Encoding.Latin1.GetBytes("\u0080\u0002" + pickle)));
        var message = Material.Refusal(() => TorchFile.Open(path));
        message.ShouldStartWith(path);
        message.ShouldContain(named);
    }

    [Fact]
    public void Containers_that_double_without_end_are_refused_in_time()
    {
        using var place = new Workplace();
        var pickle = new StringBuilder("\u0080\u0002]");
        for (var i = 0; i < 60; i++)
        {
            pickle.Append("2\u0086"); // DUP, TUPLE2: 2^60 paths in 120 bytes.
        }

        Material.Refusal(() => TorchFile.Open(place.Write("x.pt", Container(Encoding.Latin1.GetBytes(pickle.Append('.').ToString())))))
            .ShouldContain("over and over");
    }

    [Fact]
    public void Bytes_that_are_copied_again_and_again_are_refused()
    {
        using var place = new Workplace();
        var pickle = new StringBuilder(
            "\u0080\u0002(c_codecs\nencode\nq\u0001X\u00a0\u0086\u0001\0" + new string('a', 100_000) + "X\u0006\0\0\0latin1\u0086q\u0002");
        for (var i = 0; i < 100_000; i++)
        {
            pickle.Append("h\u0001h\u0002R");
        }

        Material.Refusal(() => TorchFile.Open(place.Write("x.pt", Container(Encoding.Latin1.GetBytes(pickle.Append("t.").ToString())))))
            .ShouldContain("copies");
    }

    [Theory]
    [InlineData("0", 4, 0, "2,2", "2,1", null)]
    [InlineData("0", 4, 1, "2,2", "2,1", "from 1 on; its storage has 4")]
    [InlineData("0", 4, 0, "2,2", "3,1", "strides [3, 1]")]
    [InlineData("0", 5, 0, "2,2", "2,1", "claims 5 elements; its member has 16 bytes")]
    [InlineData("7", 4, 0, "2,2", "2,1", "'7' of tensor 'value' is missing")]
    [InlineData("../0", 4, 0, "2,2", "2,1", "is missing")]
    [InlineData("0", 4, 0, "2,2", "1", "2 axes, 1 strides")]
    [InlineData("0", 4, 0, "65535,65535,65535", "0,0,0", "repeats a storage")]
    [InlineData("0", 4, 0, "65535,65535,65535,65535", "0,0,0,0", "65535")]
    public void A_tensor_that_leaves_its_storage_is_refused(string key, byte count, byte offset, string shape, string strides, string? named)
    {
        static string Tuple(string numbers)
            => "(" + string.Concat(numbers.Split(',').Select(n => $"M{(char)(int.Parse(n) & 255)}{(char)(int.Parse(n) >> 8)}")) + "t";
        var pickle = $"\u0080\u0002ctorch._utils\n_rebuild_tensor_v2\n((X\u0007\0\0\0storagectorch\nFloatStorage\n"
            + $"X{(char)key.Length}\0\0\0{key}X\u0003\0\0\0cpuK{(char)count}tQK{(char)offset}{Tuple(shape)}{Tuple(strides)}\u0089Nt" + "R.";
        using var place = new Workplace();
        var path = place.Write("x.pt", Container(Encoding.Latin1.GetBytes(pickle), ("data/0", [.. new[] { 1f, 2, 3, 4 }.SelectMany(BitConverter.GetBytes)])));
        if (named is null)
        {
            using var file = TorchFile.Open(path);
            using var tensor = file.Read("value");
            tensor.data<float>().ToArray().ShouldBe([1f, 2, 3, 4]);
            return;
        }

        Material.Refusal(() => TorchFile.Open(path)).ShouldContain(named);
    }

    [Fact]
    public void The_newer_way_to_rebuild_a_tensor_of_an_untyped_storage_is_read()
    {
        const string Pickle = "\u0080\u0002ctorch._utils\n_rebuild_tensor_v3\n((X\u0007\0\0\0storagectorch.storage\nUntypedStorage\n"
            + "X\u0001\0\0\00X\u0003\0\0\0cpuK\u0004tQK\0K\u0002\u0085K\u0001\u0085\u0089Nctorch\nuint16\nt" + "R.";
        using var place = new Workplace();
        using var file = TorchFile.Open(
            place.Write("x.pt", Container(Encoding.Latin1.GetBytes(Pickle), ("byteorder", "little"u8.ToArray()), ("data/0", [1, 0, 255, 255]))));
        using var tensor = file.Read("value");
        tensor.data<int>().ToArray().ShouldBe([1, 65535]);
        Material.Refusal(() => TorchFile.Open(place.Write("y.pt",
            Container(Encoding.Latin1.GetBytes(Pickle), ("byteorder", "big"u8.ToArray()), ("data/0", [1, 0, 255, 255]))))).ShouldContain("big-endian");
    }

    [Fact]
    public void An_archive_that_torch_did_not_write_is_refused()
    {
        var other = Fixtures.Of("checkpoints", "numpy", "stored.npz");
        using var place = new Workplace();
        Material.Refusal(() => TorchFile.Open(other)).ShouldContain("data.pkl");
        Material.Refusal(() => TorchFile.Open(place.Write("x.pt", "hello"u8.ToArray()))).ShouldContain("no zip archive");
        Material.Refusal(() => TorchFile.Open(place.Of("none.pt"))).ShouldContain("cannot be read");
    }

    [Fact]
    public void A_folder_of_torch_weights_and_its_shards_open_as_a_checkpoint()
    {
        using var place = new Workplace();
        var module = Fixtures.Of("checkpoints", "torch", "module.bin");
        using var golden = SafetensorsFile.Open(Fixtures.Of("checkpoints", "torch", "golden.safetensors"));
        File.Copy(module, place.Of("single", "pytorch_model.bin"));
        File.Copy(module, place.Of("sharded", "pytorch_model-00001-of-00001.bin"));
        File.WriteAllText(place.Of("sharded", "pytorch_model.bin.index.json"),
            """{"metadata":{},"weight_map":{"0.weight":"pytorch_model-00001-of-00001.bin","1.bias":"pytorch_model-00001-of-00001.bin"}}""");
        foreach (var (folder, names) in new[] { ("single", new[] { "0.bias", "0.weight", "1.bias", "1.weight" }), ("sharded", ["0.weight", "1.bias"]) })
        {
            using var checkpoint = Checkpoint.Open(Path.Combine(place.Folder, folder));
            checkpoint.Names.ShouldBe(names);
            checkpoint.Fingerprint.Length.ShouldBe(64);
            checkpoint.Gguf.ShouldBeNull();
            using var weight = checkpoint.Read("0.weight", [2, 3]);
            using var expected = golden.Read("module/0.weight");
            weight.ShouldEqualBitByBit(expected, folder);
        }
    }

    private static byte[] Container(byte[] pickle, params (string Name, byte[] Data)[] members)
    {
        using var stream = new MemoryStream();
        using (var zip = new ZipArchive(stream, ZipArchiveMode.Create, leaveOpen: true))
        {
            foreach (var (name, data) in members.Prepend(("data.pkl", pickle)))
            {
                using var entry = zip.CreateEntry($"archive/{name}", CompressionLevel.NoCompression).Open();
                entry.Write(data);
            }
        }

        return stream.ToArray();
    }
}
