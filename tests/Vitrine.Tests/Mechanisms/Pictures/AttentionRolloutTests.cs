using CsCheck;
using Vitrine.Mechanisms.Pictures;
using static TorchSharp.torch;

namespace Vitrine.Tests.Mechanisms.Pictures;

public sealed class AttentionRolloutTests
{
    /// <remarks>A uniform layer is U = J/T, and U U = U: after l layers the residual stream keeps 2^-l of each token, the rest is spread evenly.</remarks>
    [Theory, InlineData(1), InlineData(2), InlineData(5)]
    public void Uniform_attention_leaves_the_closed_form(int layers)
    {
        const int Tokens = 6;
        using var scope = NewDisposeScope();
        using var rollout = new AttentionRollout();
        for (var layer = 0; layer < layers; layer++)
        {
            rollout.Add(full([3, Tokens, Tokens], 1.0 / Tokens, dtype: float64));
        }

        var kept = Math.Pow(.5, layers);
        var expected = eye(Tokens, dtype: float64) * kept + ((1 - kept) / Tokens);
        (rollout.Matrix - expected).abs().max().item<double>().ShouldBeLessThan(1e-14);
    }

    [Fact]
    public void Attention_to_oneself_moves_nothing()
    {
        using var scope = NewDisposeScope();
        using var rollout = new AttentionRollout();
        rollout.Add(eye(5).unsqueeze(0));
        rollout.Add(eye(5).unsqueeze(0));
        rollout.Matrix.Equals(eye(5)).ShouldBeTrue();
    }

    [Fact]
    public void Without_a_residual_the_patterns_are_multiplied_the_later_one_in_front()
    {
        using var scope = NewDisposeScope();
        var (first, second) = (rand(1, 4, 4, dtype: float64).softmax(-1), rand(1, 4, 4, dtype: float64).softmax(-1));
        using var rollout = new AttentionRollout(residual: 0);
        rollout.Add(first);
        rollout.Add(second);
        (rollout.Matrix - second[0].matmul(first[0])).abs().max().item<double>().ShouldBeLessThan(1e-15);
    }

    [Fact]
    public void Rows_sum_to_one_whatever_the_patterns()
        => Gen.Select(Gen.Int[1, 4], Gen.Int[1, 3], Gen.Int[2, 9], Gen.Double[0, .95], Gen.Int[0, 1000]).Sample(
            (layers, heads, tokens, residual, seed) =>
            {
                using var scope = NewDisposeScope();
                using var generator = new Generator((ulong)seed, CPU);
                using var rollout = new AttentionRollout(residual);
                for (var layer = 0; layer < layers; layer++)
                {
                    rollout.Add((randn([heads, tokens, tokens], dtype: float64, generator: generator) * 3).softmax(-1));
                }

                return (rollout.Matrix.sum(-1) - 1).abs().max().item<double>() < 1e-12;
            },
            iter: 50);

    [Fact]
    public void A_residual_that_leaves_no_room_for_attention_is_refused()
        => Should.Throw<ArgumentOutOfRangeException>(() => new AttentionRollout(1));
}
