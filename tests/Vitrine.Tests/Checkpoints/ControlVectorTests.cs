using Vitrine.Checkpoints;
using Vitrine.Checkpoints.Gguf;

namespace Vitrine.Tests.Checkpoints;

public sealed class ControlVectorTests
{
    [Fact]
    public void A_file_that_ggml_wrote_is_read()
    {
        using var golden = SafetensorsFile.Open(Fixtures.Of("checkpoints", "gguf", "golden.safetensors"));
        var vector = ControlVector.Read(Fixtures.Of("checkpoints", "gguf", "control-vector.gguf"));
        vector.ModelHint.ShouldBe("llama");
        vector.Directions.Keys.ShouldBe([1, 2]);
        foreach (var (layer, direction) in vector.Directions)
        {
            using var expected = golden.Read($"direction.{layer}");
            direction.ShouldBe(expected.data<float>().ToArray());
        }
    }

    [Fact]
    public void What_is_written_comes_back_and_the_file_is_llama_cpps()
    {
        using var place = new Workplace();
        var vector = new ControlVector("mistral", new Dictionary<int, float[]> { [31] = [1f, -2.5f, 3e-20f], [1] = [0f, float.MaxValue, -0f] });
        vector.Write(place.Of("v.gguf"));
        Directory.GetFiles(place.Folder).Length.ShouldBe(1);
        var back = ControlVector.Read(place.Of("v.gguf"));
        back.ModelHint.ShouldBe("mistral");
        back.Directions.Keys.ShouldBe([1, 31]);
        back.Directions[31].ShouldBe(vector.Directions[31]);
        back.Directions[1].ShouldBe(vector.Directions[1]);
        using var file = GgufFile.Open(place.Of("v.gguf"));
        file.Architecture.ShouldBe("controlvector");
        file.Metadata["controlvector.layer_count"].ShouldBe(2u);
        file.Tensors.Values.ShouldAllBe(t => t.Type == GgufType.F32 && t.Shape.Count == 1);
    }

    [Fact]
    public void What_the_format_cannot_say_is_refused()
    {
        using var place = new Workplace();
        string Refused(Dictionary<int, float[]> directions) => Material.Refusal(() => new ControlVector("", directions).Write(place.Of("x.gguf")));
        Refused(new() { [0] = [1f] }).ShouldContain("layer 0");
        Refused(new() { [1] = [1f], [2] = [1f, 2f] }).ShouldContain("one width");
        Refused([]).ShouldContain("at least one");
        Directory.GetFiles(place.Folder).ShouldBeEmpty();

        string Unread(GgufBuilder builder) => Material.Refusal(() => ControlVector.Read(place.Write("y.gguf", builder.Build())));
        GgufBuilder Vector() => new GgufBuilder().Meta("general.architecture", "controlvector");
        Unread(new GgufBuilder().Meta("general.architecture", "llama")).ShouldContain("'llama'");
        Unread(new GgufBuilder()).ShouldContain("general.architecture");
        Unread(Vector()).ShouldContain("at least one");
        Unread(Vector().Tensor("direction.0", [1], 0, new byte[4])).ShouldContain("direction.0");
        Unread(Vector().Tensor("direction.x", [1], 0, new byte[4])).ShouldContain("direction.x");
        Unread(Vector().Tensor("direction.1", [1], 1, new byte[2])).ShouldContain("F16");
        Unread(Vector().Tensor("direction.1", [1], 0, new byte[4]).Tensor("direction.2", [2], 0, new byte[8])).ShouldContain("one width");
    }
}
