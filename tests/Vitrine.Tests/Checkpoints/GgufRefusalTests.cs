using Vitrine.Checkpoints.Gguf;

namespace Vitrine.Tests.Checkpoints;

public sealed class GgufRefusalTests
{
    private static readonly byte[] Huge = BitConverter.GetBytes(1UL << 63);

    public static TheoryData<string, byte[], string[]> Hostile()
    {
        var block = new byte[18];
        var valid = new GgufBuilder().Meta("general.architecture", "llama").Tensor("a", [32], 2, block).Build();
        return new()
        {
            { "no magic", [.. "GGML"u8, .. valid[4..]], ["no GGUF file"] },
            { "empty", [], ["no GGUF file"] },
            { "version 1", new GgufBuilder { Version = 1 }.Build(), ["version 1"] },
            { "big-endian", new GgufBuilder { Version = 0x03000000 }.Build(), ["big-endian"] },
            { "2^60 tensors", new GgufBuilder { TensorCount = 1UL << 60 }.Build(), ["number of tensors", "1152921504606846976"] },
            { "2^60 keys", new GgufBuilder { PairCount = 1UL << 60 }.Build(), ["number of metadata keys"] },
            { "a key of 2^63 bytes", [.. "GGUF"u8, 3, 0, 0, 0, .. new byte[8], 1, .. new byte[7], .. Huge, .. new byte[16]], ["9223372036854775808"] },
            { "a text of 2^63 bytes", new GgufBuilder().RawMeta("k", [8, 0, 0, 0, .. Huge]).Build(), ["'k'", "9223372036854775808"] },
            { "a list of 2^63 numbers", new GgufBuilder().RawMeta("k", [9, 0, 0, 0, 0, 0, 0, 0, .. Huge]).Build(), ["'k'", "9223372036854775808"] },
            { "a list of 2^61 doubles", new GgufBuilder().RawMeta("k", [9, 0, 0, 0, 12, 0, 0, 0, .. BitConverter.GetBytes(1UL << 61)]).Build(), ["'k'"] },
            { "an unknown value type", new GgufBuilder().RawMeta("k", 77, 0, 0, 0).Build(), ["'k'", "77"] },
            { "an unknown element type", new GgufBuilder().RawMeta("k", [9, 0, 0, 0, 77, 0, 0, 0, .. new byte[8]]).Build(), ["'k'", "77"] },
            { "lists of lists of lists of lists of lists", new GgufBuilder().RawMeta("k",
                [9, 0, 0, 0, .. Enumerable.Repeat<byte[]>([9, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0], 6).SelectMany(b => b)]).Build(), ["'k'", "deeper"] },
            { "a key twice", new GgufBuilder().Meta("k", 1u).Meta("k", 2u).Build(), ["'k' twice"] },
            { "a key that is no UTF-8", [.. "GGUF"u8, 3, 0, 0, 0, .. new byte[8], 1, .. new byte[7], 2, .. new byte[7], 0xff, 0xfe,
                .. new byte[16]], ["UTF-8"] },
            { "five axes", new GgufBuilder().Tensor("a", [1, 1, 1, 1, 1], 0, new byte[4]).Build(), ["'a'", "5 axes"] },
            { "2^32 axes", Patched(new GgufBuilder().Tensor("a", [1], 0, new byte[4]).Build(), 24 + 9, [255, 255, 255, 255]), ["'a'", "4294967295 axes"] },
            { "axes whose product overflows", new GgufBuilder().Tensor("a", [1L << 40, 1L << 40], 0, new byte[4]).Build(), ["'a'", "more than any file"] },
            { "an absurd axis behind an empty one", new GgufBuilder().Tensor("a", [1L << 40, 1L << 40, 0], 0,
                new byte[4]).Build(), ["'a'", "more than any file"] },
            { "a negative axis", new GgufBuilder().Tensor("a", [-1], 0, new byte[4]).Build(), ["'a'", "18446744073709551615"] },
            { "rows that are no whole blocks", new GgufBuilder().Tensor("a", [33], 2, block).Build(), ["'a'", "blocks have 32"] },
            { "a format that is not read", new GgufBuilder().Tensor("a", [256], 16, new byte[66]).Build(), ["'a'", "IQ2_XXS", "Q4_K", "llama-quantize"] },
            { "a format that does not exist", new GgufBuilder().Tensor("a", [256], 999, new byte[84]).Build(), ["'a'", "999"] },
            { "truncated data", valid[..^1], ["'a'", "18 bytes", "truncated"] },
            { "a place beyond the file", new GgufBuilder().Tensor("a", [32], 2, block, offset: 1UL << 40).Build(), ["'a'", "1099511627776"] },
            { "a place of 2^64 - 32", new GgufBuilder().Tensor("a", [32], 2, block, offset: ulong.MaxValue - 31).Build(), ["'a'"] },
            { "a place askew", new GgufBuilder().Tensor("a", [32], 2, block, offset: 8).Build(), ["'a'", "multiple of 32"] },
            { "overlap", new GgufBuilder().Tensor("a", [64], 2, new byte[36]).Tensor("b", [64], 2, new byte[36],
                offset: 32).Build(), ["'a'", "'b'", "overlap"] },
            { "a name twice", new GgufBuilder().Tensor("a", [1], 0, new byte[4]).Tensor("a", [1], 0, new byte[4]).Build(), ["'a' twice"] },
            { "an alignment of 0", new GgufBuilder().Meta("general.alignment", 0u).Build(), ["general.alignment"] },
            { "an alignment of 48", new GgufBuilder().Meta("general.alignment", 48u).Build(), ["general.alignment", "power of two"] },
            { "an alignment that is a text", new GgufBuilder().Meta("general.alignment", "32").Build(), ["general.alignment"] },
            { "half a head", valid[..40], ["truncated"] },
        };
    }

    [Theory, MemberData(nameof(Hostile))]
    public void A_hostile_file_is_refused_with_what_was_found(string kind, byte[] bytes, string[] named)
    {
        using var place = new Workplace();
        var path = place.Write("x.gguf", bytes);
        var before = GC.GetAllocatedBytesForCurrentThread();
        var message = Material.Refusal(() => GgufFile.Open(path));
        (GC.GetAllocatedBytesForCurrentThread() - before).ShouldBeLessThan(2_000_000, kind);
        message.ShouldStartWith(path, Case.Sensitive, kind);
        message.ShouldNotContain('\n', kind);
        named.ShouldAllBe(n => message.Contains(n), $"{kind}: {message}");
    }

    [Theory]
    [InlineData(2u, 32)]
    [InlineData(3u, 64)]
    [InlineData(3u, 1)]
    public void Both_versions_and_any_alignment_are_read(uint version, int alignment)
    {
        using var place = new Workplace();
        var builder = new GgufBuilder { Version = version, Alignment = alignment }.Meta("odd", "x").Meta("general.alignment", (uint)alignment)
            .Tensor("a", [3], 0, [.. new[] { 1f, 2, 3 }.SelectMany(BitConverter.GetBytes)]).Tensor("b", [2, 1], 24, [5, 250]);
        using var file = GgufFile.Open(place.Write("x.gguf", builder.Build()));
        file.Version.ShouldBe((int)version);
        using var a = file.Read("a");
        a.data<float>().ToArray().ShouldBe([1f, 2, 3]);
        using var b = file.Read("b");
        b.shape.ShouldBe([1, 2]);
        b.data<sbyte>().ToArray().ShouldBe([(sbyte)5, (sbyte)-6]);
        Material.Refusal(() => file.Read("c")).ShouldContain("no tensor 'c'");
    }

    private static byte[] Patched(byte[] bytes, int at, byte[] patch)
    {
        patch.CopyTo(bytes, at);
        return bytes;
    }
}
