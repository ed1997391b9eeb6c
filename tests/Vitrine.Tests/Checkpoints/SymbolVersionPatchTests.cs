using Vitrine.Checkpoints;
using static TorchSharp.torch;

namespace Vitrine.Tests.Checkpoints;

public sealed class SymbolVersionPatchTests
{
    [Fact]
    public void Libtorch_computes_in_this_process()
    {
        NativeCompute.Prepare();
        using var two = ones(2, 3).sum();
        two.item<float>().ShouldBe(6);
    }

    [Fact]
    public void A_file_that_is_no_library_is_refused_by_name()
        => Should.Throw<VitrineException>(() => SymbolVersionPatch.Weaken(new byte[128])).Message.ShouldContain("libLibTorchSharp.so");
}
