using System.Globalization;
using Vitrine.Checkpoints;
using static TorchSharp.torch;

namespace Vitrine.Tests.Checkpoints;

public sealed class ZeroCopyTests
{
    [Theory]
    [InlineData(ScalarType.Float32)]
    [InlineData(ScalarType.BFloat16)]
    [InlineData(ScalarType.Int64)]
    public void A_tensor_that_lies_ready_is_the_file_itself(ScalarType type)
    {
        Assert.SkipUnless(File.Exists("/proc/self/maps"), "the system does not tell what is mapped where");
        using var place = new Workplace();
        using var scope = NewDisposeScope();
        var path = place.Of("x.safetensors");
        SafetensorsFile.Save(path, new Dictionary<string, Tensor>
        {
            ["a"] = ones(100, 100, dtype: type),
            ["b"] = zeros(7, dtype: type),
            ["c"] = ones(3, dtype: ScalarType.Byte),
        });
        Tensor first, again;
        using (var file = SafetensorsFile.Open(path))
        {
            (first, again) = (file.Read("a"), file.Read("a"));
        }

        MappedAt(first).ShouldBe(path, "the pages are the file's");
        Address(first).ShouldBe(Address(again));
        first.to(ScalarType.Float32).sum().item<float>().ShouldBe(10000f, "a tensor outlives the file object");
    }

    [Fact]
    public void Data_that_begin_askew_are_copied_and_right()
    {
        using var place = new Workplace();
        float[] values = [1.5f, -2.25f, 3e7f];
        byte[] data = [1, .. values.SelectMany(BitConverter.GetBytes), .. values.Select(v => (double)v).SelectMany(BitConverter.GetBytes)];
        foreach (var padding in Enumerable.Range(0, 8))
        {
            var header = """{"byte":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"floats":{"dtype":"F32","shape":[3],"data_offsets":[1,13]},"doubles":"""
                + """{"dtype":"F64","shape":[3],"data_offsets":[13,37]}}""" + new string(' ', padding);
            using var file = SafetensorsFile.Open(place.Write($"askew{padding}.safetensors", Material.Safetensors(header, data)));
            using var floats = file.Read("floats");
            floats.data<float>().ToArray().ShouldBe(values);
            using var doubles = file.Read("doubles");
            doubles.data<double>().ToArray().ShouldBe(values.Select(v => (double)v));
        }
    }

    [Fact]
    public void Torch_storages_and_float_tensors_of_gguf_are_the_file_too()
    {
        Assert.SkipUnless(File.Exists("/proc/self/maps"), "the system does not tell what is mapped where");
        var (pt, gguf) = (Fixtures.Of("checkpoints", "torch", "state-dict.pt"), Fixtures.Of("checkpoints", "gguf", "every-type.gguf"));
        using var torch = Vitrine.Checkpoints.PyTorch.TorchFile.Open(pt);
        using var whole = torch.Read("view.whole");
        MappedAt(whole).ShouldBe(pt);
        using var file = Vitrine.Checkpoints.Gguf.GgufFile.Open(gguf);
        using var floats = file.Read("tensor.f32");
        MappedAt(floats).ShouldBe(gguf);
    }

    private static long Address(Tensor tensor) => TensorMemory.Pieces(tensor, 8).First().Address;

    private static string MappedAt(Tensor tensor)
    {
        var address = Address(tensor);
        foreach (var line in File.ReadLines("/proc/self/maps"))
        {
            var range = line[..line.IndexOf(' ', StringComparison.Ordinal)].Split('-')
                .Select(h => long.Parse(h, NumberStyles.HexNumber, CultureInfo.InvariantCulture)).ToArray();
            if (address >= range[0] && address < range[1])
            {
                return line.Contains('/', StringComparison.Ordinal) ? line[line.IndexOf('/', StringComparison.Ordinal)..] : "no file";
            }
        }

        return "nothing";
    }
}
