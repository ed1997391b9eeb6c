using Vitrine.Checkpoints;
using Vitrine.Checkpoints.Gguf;
using static TorchSharp.torch;

namespace Vitrine.Tests.Checkpoints;

/// <summary>Models that llama-gguf-split cut into several files.</summary>
public sealed class GgufPartTests
{
    [Fact]
    public void The_first_part_opens_all_of_them()
    {
        using var place = new Workplace();
        var first = place.Write("m-00001-of-00003.gguf", Part(0, "token_embd.weight", 1).Meta("general.architecture", "llama").Build());
        var second = place.Write("m-00002-of-00003.gguf", Part(1, "output_norm.weight", 2).Build());
        var third = place.Write("m-00003-of-00003.gguf", Part(2, "output.weight", 3).Build());
        using var checkpoint = Checkpoint.Open(first);
        checkpoint.Names.ShouldBe(["lm_head.weight", "model.embed_tokens.weight", "model.norm.weight"]);
        checkpoint.Files.ShouldBe([first, second, third]);
        using var scope = NewDisposeScope();
        checkpoint.Read("lm_head.weight").data<float>().ToArray().ShouldBe([3f, 3]);
        checkpoint.Read("model.norm.weight").data<float>().ToArray().ShouldBe([2f, 2]);
        ModelLocation.Resolve(Path.GetDirectoryName(first)!).GgufFile.ShouldBe(first, "a folder with nothing but the parts of one model is that model");
        var before = checkpoint.Fingerprint;
        before.ShouldNotBe(FileHash.Of([first]), "every part counts");
    }

    [Fact]
    public void What_is_missing_or_of_another_model_is_refused_by_name()
    {
        using var place = new Workplace();
        var first = place.Write("m-00001-of-00002.gguf", Part(0, "a", 1, of: 2).Meta("general.architecture", "llama").Build());
        Material.Refusal(() => GgufFile.Open(first)).ShouldContain("m-00002-of-00002.gguf: part 2 of 2 of the model is missing");
        var second = place.Write("m-00002-of-00002.gguf", Part(1, "a", 1, of: 2).Build());
        Material.Refusal(() => GgufFile.Open(first)).ShouldContain("has the tensor 'a', which a part before it has too");
        place.Write("m-00002-of-00002.gguf", Part(2, "b", 1, of: 3).Build());
        Material.Refusal(() => GgufFile.Open(first)).ShouldContain("says that it is part 3 of 3; expected part 2 of 2");
        place.Write("m-00002-of-00002.gguf", Part(1, "b", 1, of: 2).Build());
        Material.Refusal(() => GgufFile.Open(second)).ShouldContain("open the first, " + first);
        Material.Refusal(() => GgufFile.Open(place.Write("other.gguf", Part(0, "a", 1, of: 2).Build()))).ShouldContain("-00001-of-00002.gguf");
    }

    private static GgufBuilder Part(ushort number, string tensor, float value, ushort of = 3) => new GgufBuilder()
        .Meta("split.no", number).Meta("split.count", of).Meta("split.tensors.count", (int)of)
        .Tensor(tensor, [2], 0, [.. BitConverter.GetBytes(value), .. BitConverter.GetBytes(value)]);
}
