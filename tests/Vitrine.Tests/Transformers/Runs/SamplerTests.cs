using CsCheck;
using Vitrine.Transformers;

namespace Vitrine.Tests.Transformers.Runs;

public sealed class SamplerTests
{
    private static readonly float[] Logits = [.. new[] { 0.5, 0.3, 0.15, 0.05 }.Select(p => (float)Math.Log(p))];

    [Fact]
    public void Without_filters_the_probabilities_are_the_softmax()
        => ShouldBe(Sampler.Probabilities(Logits, new Sampling()), 0.5, 0.3, 0.15, 0.05);

    [Fact]
    public void Temperature_is_a_power_of_the_probabilities()
    {
        double[] squared = [0.25, 0.09, 0.0225, 0.0025];
        ShouldBe(Sampler.Probabilities(Logits, new Sampling { Temperature = 0.5 }), [.. squared.Select(p => p / squared.Sum())]);
    }

    [Fact]
    public void Top_k_keeps_the_k_largest_and_what_equals_the_last_of_them()
    {
        ShouldBe(Sampler.Probabilities(Logits, new Sampling { TopK = 2 }), 0.625, 0.375, 0, 0);
        ShouldBe(Sampler.Probabilities([1, 1, 1, 0], new Sampling { TopK = 2 }), 1 / 3.0, 1 / 3.0, 1 / 3.0, 0);
        ShouldBe(Sampler.Probabilities(Logits, new Sampling { TopK = 99 }), 0.5, 0.3, 0.15, 0.05);
    }

    [Theory]
    [InlineData(0.0001, 1), InlineData(0.49, 1), InlineData(0.51, 2), InlineData(0.79, 2), InlineData(0.81, 3), InlineData(0.949, 3), InlineData(0.951, 4),
        InlineData(1, 4)]
    public void The_nucleus_is_the_smallest_set_that_reaches_p(double p, int size)
    {
        var kept = new[] { 0.5, 0.3, 0.15, 0.05 }.Take(size).ToArray();
        ShouldBe(Sampler.Probabilities(Logits, new Sampling { TopP = p }), [.. kept.Select(q => q / kept.Sum()), .. new double[4 - size]]);
    }

    [Fact]
    public void Min_p_is_relative_to_the_best()
    {
        ShouldBe(Sampler.Probabilities(Logits, new Sampling { MinP = 0.25 }), 0.5 / 0.95, 0.3 / 0.95, 0.15 / 0.95, 0);
        ShouldBe(Sampler.Probabilities(Logits, new Sampling { MinP = 1 }), 1, 0, 0, 0);
        ShouldBe(Sampler.Probabilities(Logits, new Sampling { MinP = 0 }), 0.5, 0.3, 0.15, 0.05);
    }

    [Fact]
    public void The_filters_act_in_the_order_of_the_reference()
    {
        // Temperature first: at 0.5 the two best have 0.34 of 0.365, so that the nucleus of 0.9 is two tokens; at 1 it would be three.
        ShouldBe(Sampler.Probabilities(Logits, new Sampling { Temperature = 0.5, TopP = 0.9 }), 0.25 / 0.34, 0.09 / 0.34, 0, 0);
        // Top-k before top-p: among two tokens 0.625 reaches 0.6; among four it takes two.
        ShouldBe(Sampler.Probabilities(Logits, new Sampling { TopK = 2, TopP = 0.6 }), 1, 0, 0, 0);
        ShouldBe(Sampler.Probabilities(Logits, new Sampling { TopP = 0.6 }), 0.625, 0.375, 0, 0);
    }

    [Fact]
    public void Probabilities_sum_to_1_and_the_best_token_survives_every_filter()
        => Gen.Select(Gen.Float[-20, 20].Array[1, 50], Gen.Double[0.1, 3], Gen.Int[1, 60], Gen.Double[0.001, 1], Gen.Double[0, 1])
            .Sample((logits, temperature, k, p, minP) =>
        {
            var found = Sampler.Probabilities(logits, new Sampling { Temperature = temperature, TopK = k, TopP = p, MinP = minP });
            found.Sum().ShouldBe(1, 1e-9);
            found[Array.IndexOf(logits, logits.Max())].ShouldBeGreaterThan(0);
            found.Count(q => q > 0)
                .ShouldBeLessThanOrEqualTo(Math.Max(k, logits.Count(l => l >= logits.OrderDescending().ElementAt(Math.Min(k, logits.Length) - 1))));
        });

    [Fact]
    public void A_draw_inverts_the_cumulated_probabilities()
    {
        double[] probabilities = [0.25, 0, 0.5, 0.25];
        Sampler.Draw(probabilities, 0).ShouldBe(0);
        Sampler.Draw(probabilities, 0.2499).ShouldBe(0);
        Sampler.Draw(probabilities, 0.25).ShouldBe(2);
        Sampler.Draw(probabilities, 0.7499).ShouldBe(2);
        Sampler.Draw(probabilities, 0.75).ShouldBe(3);
        Sampler.Draw([0.5, 0.4999999, 0], 0.99999999).ShouldBe(1);
    }

    [Fact]
    public void Uniform_numbers_fill_the_interval_evenly()
    {
        var bins = new int[20];
        for (var row = 0; row < 100; row++)
        {
            for (var step = 0; step < 200; step++)
            {
                bins[(int)(Sampler.Uniform(7, row, step) * bins.Length)]++;
            }
        }

        // 20,000 draws, 1,000 expected in each of 20: chi-square with 19 degrees of freedom stays below 50 but once in 7,000 seeds.
        bins.Sum(b => Math.Pow(b - 1000, 2) / 1000).ShouldBeLessThan(50);
        Sampler.Uniform(7, 3, 4).ShouldBe(Sampler.Uniform(7, 3, 4));
        new[] { Sampler.Uniform(8, 3, 4), Sampler.Uniform(7, 4, 3), Sampler.Uniform(7, 3, 5) }.ShouldAllBe(u => u != Sampler.Uniform(7, 3, 4));
    }

    [Fact]
    public void Settings_and_logits_that_mean_nothing_are_refused()
    {
        Sampling[] wrong =
        [
            new() { Temperature = 0 }, new() { Temperature = double.NaN }, new() { Temperature = -1 }, new() { TopK = 0 }, new() { TopP = 0 },
            new() { TopP = 1.1 }, new() { MinP = -0.1 },
        ];
        foreach (var sampling in wrong)
        {
            Should.Throw<VitrineException>(() => Sampler.Probabilities(Logits, sampling)).Message.ShouldStartWith("sampling:");
        }

        Should.Throw<VitrineException>(() => Sampler.Probabilities([1, float.NaN], new Sampling())).Message.ShouldContain("token 1");
        Should.Throw<VitrineException>(() => Sampler.Probabilities([float.NegativeInfinity], new Sampling())).Message.ShouldContain("no token");
    }

    private static void ShouldBe(double[] found, params double[] expected)
    {
        found.Length.ShouldBe(expected.Length);
        for (var i = 0; i < found.Length; i++)
        {
            found[i].ShouldBe(expected[i], 1e-6, $"token {i}");
        }
    }
}
