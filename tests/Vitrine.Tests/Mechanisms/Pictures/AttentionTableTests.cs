using System.Text.Json;
using Vitrine.Mechanisms.Pictures;
using static TorchSharp.torch;

namespace Vitrine.Tests.Mechanisms.Pictures;

public sealed class AttentionTableTests
{
    public static TheoryData<string> Names() => Encoder.Names();

    /// <remarks>Half a level of 255 at the top is 255.25 / 255^2 of the row's largest weight; the rest is the certificates' bound.</remarks>
    [Theory, MemberData(nameof(Names))]
    public void Every_weight_of_every_query_is_the_reference_s_within_half_a_level(string name)
    {
        using var scope = NewDisposeScope();
        using var encoder = Encoder.Open(name);
        var (heads, tokens) = (encoder.Model.Tower.Shape.Heads, encoder.Tokens.Count);
        var table = PictureReading.Of(encoder.Model, encoder.Pixels, new ReadingOptions { TableWeights = long.MaxValue }).Table.ShouldNotBeNull();
        table.Layers.ShouldBe(Enumerable.Range(0, encoder.Layers));
        table.Heads.ShouldBe(Enumerable.Range(0, heads));
        for (var layer = 0; layer < encoder.Layers; layer++)
        {
            var golden = encoder.Golden($"{encoder.Stack}.{layer}.attn.pattern").to(float64).contiguous().data<double>().ToArray();
            golden.Length.ShouldBe(heads * tokens * tokens);
            for (var row = 0; row < heads * tokens; row++)
            {
                var expected = golden.AsSpan(row * tokens, tokens).ToArray();
                var bound = (255.25 / (255 * 255) * expected.Max()) + 5e-5;
                for (var key = 0; key < tokens; key++)
                {
                    Math.Abs(table.Weight(layer, row / tokens, row % tokens, key) - expected[key]).ShouldBeLessThan(bound);
                }
            }
        }
    }

    [Fact]
    public void One_layer_and_one_head_are_kept_where_only_they_are_asked_and_nothing_where_nobody_asks()
    {
        using var scope = NewDisposeScope();
        using var encoder = Encoder.Open(Encoder.Names().First().Data);
        var options = new ReadingOptions { Layer = 1, Head = 1, TableWeights = long.MaxValue };
        var reading = PictureReading.Of(encoder.Model, encoder.Pixels, options);
        var table = reading.Table.ShouldNotBeNull();
        (table.Layers.ShouldHaveSingleItem(), table.Heads.ShouldHaveSingleItem()).ShouldBe((1, 1));
        var first = reading.Attention.ShouldHaveSingleItem();
        var (query, prefix) = (PictureQuery.Parse(null, encoder.Tokens).Tokens, encoder.Tokens.Prefix.Count);
        for (var patch = 0; patch < encoder.Tokens.Patches; patch++)
        {
            query.Average(token => table.Weight(0, 0, token, prefix + patch)).ShouldBe(first.Map.Values[patch], .005);
        }

        JsonSerializer.Serialize(reading).ShouldNotContain("Table");
        PictureReading.Of(encoder.Model, encoder.Pixels, new ReadingOptions()).Table.ShouldBeNull();
    }

    [Theory]
    [InlineData(12, 100, 1200, "0,1,2,3,4,5,6,7,8,9,10,11")]
    [InlineData(12, 100, 450, "0,4,7,11")]
    [InlineData(12, 100, 199, "11")]
    [InlineData(12, 100, 99, "")]
    [InlineData(1, 100, 100, "0")]
    public void Layers_that_do_not_fit_are_left_out_evenly_from_the_first_to_the_last(int layers, long weights, long most, string kept)
        => string.Join(',', AttentionTable.Fitting(layers, weights, most)).ShouldBe(kept);
}
