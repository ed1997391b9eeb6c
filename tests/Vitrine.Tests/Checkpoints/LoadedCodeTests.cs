using Vitrine.Checkpoints;

namespace Vitrine.Tests.Checkpoints;

/// <summary>What is given back of libtorch's code.</summary>
public sealed class LoadedCodeTests
{
    [Fact]
    public void Only_what_nobody_writes_into()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "other systems give nothing back");
        using var loaded = TorchSharp.torch.ones(1);
        var maps = File.ReadLines("/proc/self/maps").Where(l => l.EndsWith("/libtorch_cpu.so", StringComparison.Ordinal)).Select(Mapping).ToArray();
        var found = LoadedCode.Found();
        found.Count.ShouldBe(2, "its code and the names of its symbols");
        foreach (var (begin, end) in found)
        {
            Array.Exists(maps, m => m.Begin <= begin && end <= m.End).ShouldBeTrue("it lies in the library");
        }

        var code = maps.Single(m => m.Access == "r-xp");
        found.Any(f => f.Begin == code.Begin && code.End - f.End <= Environment.SystemPageSize).ShouldBeTrue("all whole pages of the code");
        var (names, _) = found.Single(f => f.Begin != code.Begin);
        Text(names).ShouldMatch("^[\\0_0-9A-Za-z.$@]+$");

        static (nint Begin, nint End, string Access) Mapping(string line)
        {
            var parts = line.Split(' ');
            var range = parts[0].Split('-').Select(n => nint.Parse(n, System.Globalization.NumberStyles.HexNumber)).ToArray();
            return (range[0], range[1], parts[1]);
        }

        static unsafe string Text(nint at) => System.Text.Encoding.Latin1.GetString((byte*)at, 4096);
    }

    [Fact]
    public void What_was_given_back_runs_on()
    {
        using var before = TorchSharp.torch.ones(64, 64).matmul(TorchSharp.torch.ones(64, 64));
        LoadedCode.Release();
        using var after = TorchSharp.torch.ones(64, 64).matmul(TorchSharp.torch.ones(64, 64));
        after.ShouldEqualBitByBit(before, "the same product");
    }
}
