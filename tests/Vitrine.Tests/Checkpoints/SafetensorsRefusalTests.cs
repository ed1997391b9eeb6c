using Vitrine.Checkpoints;

namespace Vitrine.Tests.Checkpoints;

public sealed class SafetensorsRefusalTests
{
    public static TheoryData<string, string, int, string[]> Broken() => new()
    {
        { "truncated data", """{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""", 5, ["'a'", "0 to 8", "truncated"] },
        { "overlap", """{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"b":{"dtype":"U8","shape":[4],"data_offsets":[2,6]}}""", 6, ["'b'", "overlap"] },
        { "a hole", """{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[2],"data_offsets":[4,6]}}""", 6, ["'b'", "hole"] },
        { "bytes behind", """{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}}""", 6, ["4 bytes"] },
        { "oversized shape", """{"a":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,4]}}""", 4, ["'a'", "more than any file"] },
        { "an absurd axis behind an empty one", """{"a":{"dtype":"F32","shape":[0,4611686018427387904,4],"data_offsets":[0,0]}}""", 0, ["'a'",
            "more than any file"] },
        { "shape against offsets", """{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}}""", 8, ["'a'", "takes 12 bytes", "give 8"] },
        { "duplicate tensor", """{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}""",
            1, ["'a' twice"] },
        { "duplicate key in an entry", """{"a":{"dtype":"U8","dtype":"F32","shape":[1],"data_offsets":[0,1]}}""", 1, ["'a'", "'dtype' twice"] },
        { "duplicate metadata", """{"__metadata__":{"k":"1","k":"2"}}""", 0, ["'k' twice"] },
        { "metadata that are no texts", """{"__metadata__":{"k":1}}""", 0, ["__metadata__.k", "Number"] },
        { "wrong dtype", """{"a":{"dtype":"F33","shape":[1],"data_offsets":[0,4]}}""", 4, ["'a'", "'F33'", "BF16"] },
        { "dtype that is no text", """{"a":{"dtype":7,"shape":[1],"data_offsets":[0,4]}}""", 4, ["dtype of tensor 'a'"] },
        { "negative size", """{"a":{"dtype":"U8","shape":[-1],"data_offsets":[0,1]}}""", 1, ["shape of tensor 'a'"] },
        { "fractional size", """{"a":{"dtype":"U8","shape":[1.5],"data_offsets":[0,1]}}""", 1, ["shape of tensor 'a'"] },
        { "offsets reversed", """{"a":{"dtype":"U8","shape":[1],"data_offsets":[1,0]}}""", 1, ["'a'", "1 to 0"] },
        { "missing shape", """{"a":{"dtype":"U8","data_offsets":[0,1]}}""", 1, ["'a' lacks"] },
        { "unknown key", """{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1],"x":1}}""", 1, ["'x'"] },
        { "no JSON", "hello, world", 0, ["header"] },
        { "a list", "[]", 0, ["header", "StartArray"] },
        { "half a JSON", """{"a":{"dtype":"U8",""", 0, ["header"] },
    };

    [Theory, MemberData(nameof(Broken))]
    public void A_broken_file_is_refused_with_what_was_found(string kind, string header, int dataBytes, string[] named)
    {
        using var place = new Workplace();
        var path = place.Write("model.safetensors", Material.Safetensors(header, new byte[dataBytes]));
        var message = Material.Refusal(() => SafetensorsFile.Open(path));
        message.ShouldStartWith(path, Case.Sensitive, kind);
        message.ShouldNotContain('\n', kind);
        named.ShouldAllBe(n => message.Contains(n), $"{kind}: {message}");
    }

    [Theory]
    [InlineData(new byte[] { 1, 2, 3 }, "3 bytes")]
    [InlineData(new byte[] { 255, 255, 255, 255, 255, 255, 255, 255 }, "18446744073709551615")]
    [InlineData(new byte[] { 100, 0, 0, 0, 0, 0, 0, 0, 123 }, "claims 100 bytes")]
    [InlineData(new byte[] { 0, 0, 0, 0, 0, 0, 0, 0 }, "header")]
    public void A_length_that_the_file_has_not_is_refused(byte[] bytes, string named)
    {
        using var place = new Workplace();
        var path = place.Write("x.safetensors", bytes);
        Material.Refusal(() => SafetensorsFile.Open(path)).ShouldContain(named);
    }

    [Fact]
    public void A_file_that_is_missing_or_a_tensor_that_is_not_there_is_named()
    {
        using var place = new Workplace();
        Material.Refusal(() => SafetensorsFile.Open(place.Of("none.safetensors"))).ShouldContain("none.safetensors");
        using var file = SafetensorsFile.Open(place.Write("empty.safetensors", Material.Safetensors("{}")));
        Material.Refusal(() => file.Read("a")).ShouldContain("no tensor 'a'");
    }

    [Theory]
    [InlineData("../outside.safetensors")]
    [InlineData("/etc/passwd")]
    [InlineData("sub/inside.safetensors")]
    [InlineData("..")]
    [InlineData("sub\\\\inside.safetensors")]
    [InlineData("")]
    public void A_shard_whose_name_leaves_the_folder_is_refused(string shard)
    {
        using var place = new Workplace();
        File.WriteAllText(place.Of("model.safetensors.index.json"), $$$"""{"weight_map":{"a":"{{{shard}}}"}}""");
        Material.Refusal(() => Checkpoint.Open(place.Folder)).ShouldContain("no plain file name");
    }

    [Fact]
    public void A_missing_shard_is_named_with_the_tensor_that_should_be_in_it()
    {
        using var place = new Workplace();
        File.WriteAllText(place.Of("model.safetensors.index.json"), """{"weight_map":{"a":"model-00001-of-00002.safetensors"}}""");
        var message = Material.Refusal(() => Checkpoint.Open(place.Folder));
        message.ShouldContain("'model-00001-of-00002.safetensors' is missing");
        message.ShouldContain("'a'");
    }

    [Theory]
    [InlineData("""{"weight_map":{"b":"one.safetensors"}}""", "tensor 'b' is in 'one.safetensors', which lacks it")]
    [InlineData("""{"weight_map":[]}""", "weight_map")]
    [InlineData("""{}""", "weight_map")]
    [InlineData("""{"weight_map":{"a":"one.safetensors","a":"one.safetensors"}}""", "weight_map")]
    [InlineData("""not json""", "weight_map")]
    public void An_index_that_is_wrong_is_refused(string index, string named)
    {
        using var place = new Workplace();
        place.Write("one.safetensors", Material.Safetensors("""{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}""", 9));
        File.WriteAllText(place.Of("model.safetensors.index.json"), index);
        Material.Refusal(() => Checkpoint.Open(place.Folder)).ShouldContain(named);
    }

    [Fact]
    public void A_tensor_of_another_shape_than_the_configuration_asks_for_is_refused_with_both()
    {
        using var place = new Workplace();
        place.Write("model.safetensors", Material.Safetensors("""{"a":{"dtype":"U8","shape":[2,1],"data_offsets":[0,2]}}""", 9, 8));
        using var checkpoint = Checkpoint.Open(place.Folder);
        var message = Material.Refusal(() => checkpoint.Read("a", [2, 2]));
        message.ShouldContain("'a' is [2, 1]");
        message.ShouldContain("[2, 2]");
        Material.Refusal(() => checkpoint.Read("b")).ShouldContain("lacks the tensor 'b'");
    }

    [Fact]
    public void A_folder_without_weights_names_what_was_expected()
    {
        using var place = new Workplace();
        Material.Refusal(() => Checkpoint.Open(place.Folder)).ShouldContain("model.safetensors");
        Material.Refusal(() => Checkpoint.Open(place.Of("nothing"))).ShouldContain("no folder");
    }
}
