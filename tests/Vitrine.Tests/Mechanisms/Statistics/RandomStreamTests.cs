using Vitrine.Mechanisms.Statistics;
using Vitrine.Worlds;

namespace Vitrine.Tests.Mechanisms.Statistics;

public sealed class RandomStreamTests
{
    [Fact]
    public void The_generator_gives_the_published_numbers_of_xoshiro256_starstar()
    {
        var random = new RandomStream(1, 2, 3, 4);
        ulong[] published =
        [
            11520, 0, 1509978240, 1215971899390074240, 1216172134540287360, 607988272756665600,
            16172922978634559625, 8476171486693032832, 10595114339597558777, 2904607092377533576,
        ];
        published.Select(_ => random.NextBits()).ShouldBe(published);
    }

    [Fact]
    public void Equal_keys_give_equal_streams_and_any_other_key_gives_another()
    {
        var key = new LayoutKey(1, LayoutSplit.Test, "reach", 2);
        LayoutKey[] others =
        [
            key with { Seed = 2 }, key with { Split = LayoutSplit.Selection }, key with { Task = "lift" }, key with { Index = 3 },
        ];
        ulong[] firsts = [First(key, "sensor", 4), .. others.Select(k => First(k, "sensor", 4)), First(key, "layout", 4), First(key, "sensor", 5)];
        firsts.Distinct().Count().ShouldBe(firsts.Length);
        First(key with { }, "sensor", 4).ShouldBe(firsts[0]);

        static ulong First(LayoutKey key, string purpose, int step) => key.Random(purpose, step).NextBits();
    }

    [Fact]
    public void Gaussians_have_mean_0_variance_1_and_kurtosis_3()
    {
        const int count = 200_000;
        var random = new RandomStream("gaussian");
        double[] values = [.. Enumerable.Range(0, count).Select(_ => random.Gaussian())];
        values.Average().ShouldBe(0, 5 / Math.Sqrt(count));
        values.Average(v => v * v).ShouldBe(1, 5 * Math.Sqrt(2.0 / count));
        values.Average(v => v * v * v * v).ShouldBe(3, 5 * Math.Sqrt(96.0 / count));
    }

    [Fact]
    public void Below_covers_its_range_evenly_and_never_leaves_it()
    {
        const int count = 70_000;
        var random = new RandomStream("below");
        var shares = Enumerable.Range(0, count).Select(_ => random.Below(7)).CountBy(v => v).ToDictionary();
        shares.Keys.Order().ShouldBe(Enumerable.Range(0, 7));
        shares.Values.ShouldAllBe(v => Math.Abs(v - (count / 7.0)) < 5 * Math.Sqrt(count / 7.0));
    }
}
