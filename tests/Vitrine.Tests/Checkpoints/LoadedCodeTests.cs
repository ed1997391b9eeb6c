using Vitrine.Checkpoints;

namespace Vitrine.Tests.Checkpoints;

/// <summary>What is given back of libtorch's code.</summary>
public sealed class LoadedCodeTests
{
    private const string Smaps = """
        7f0000000000-7f0000100000 r--p 00000000 08:01 1      /opt/libtorch_cpu.so
        Rss:                 100 kB
        Private_Dirty:         0 kB
        7f0000100000-7f0000300000 r-xp 00100000 08:01 1      /opt/libtorch_cpu.so
        Rss:                 900 kB
        Private_Dirty:         0 kB
        7f0000300000-7f0000400000 r-xp 00300000 08:01 1      /opt/libtorch_cpu.so
        Rss:                 900 kB
        Private_Dirty:         4 kB
        7f0000400000-7f0000500000 rw-p 00400000 08:01 1      /opt/libtorch_cpu.so
        Private_Dirty:         0 kB
        7f0000500000-7f0000600000 r-xp 00000000 08:01 2      /opt/libcoreclr.so
        Private_Dirty:         0 kB
        """;

    [Fact]
    public void Only_code_that_nobody_wrote_into() => LoadedCode.Unwritten(Smaps.Split('\n')).ShouldBe([(unchecked((nint)0x7f0000100000), (nuint)0x200000)]);

    [Fact]
    public void What_was_given_back_runs_on()
    {
        using var before = TorchSharp.torch.ones(64, 64).matmul(TorchSharp.torch.ones(64, 64));
        LoadedCode.Release();
        using var after = TorchSharp.torch.ones(64, 64).matmul(TorchSharp.torch.ones(64, 64));
        after.ShouldEqualBitByBit(before, "the same product");
    }
}
