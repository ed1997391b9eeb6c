using CsCheck;
using Vitrine.Mechanisms.Pictures;

namespace Vitrine.Tests.Mechanisms.Pictures;

public sealed class TokenNormsTests
{
    private static readonly PictureTokens Tokens = PictureTokens.Of(classToken: true, registers: 2, rows: 5, columns: 8);

    /// <remarks>Norms 8, 9, 10, 11, 12 in turn: median 10, MAD 1.</remarks>
    private static float[] Layer(params (int Patch, float Norm)[] set)
    {
        float[] norms = [500, 400, 300, .. Enumerable.Range(0, 40).Select(i => 8f + (i % 5))];
        foreach (var (patch, norm) in set)
        {
            norms[3 + patch] = norm;
        }

        return norms;
    }

    [Fact]
    public void The_threshold_is_the_median_and_six_robust_deviations()
        => new NormRule().Threshold(Layer()[3..]).ShouldBe(10 + (6 * 1.4826), 1e-6);

    [Fact]
    public void A_patch_above_the_threshold_is_named_with_its_layers()
    {
        var norms = TokenNorms.Of([Layer(), Layer((10, 60)), Layer((10, 30), (11, 19))], Tokens, new NormRule());
        norms.Outliers.Select(o => o.Name).ShouldBe(["patch 1,2", "patch 1,3"]);
        norms.Outliers[0].Layers.ShouldBe([0, 1]);
        (norms.Outliers[0].Ratio, norms.Outliers[0].PeakLayer).ShouldBe((6, 0));
        norms.Outliers[1].Layers.ShouldBe([1]);
    }

    [Fact]
    public void Tokens_in_front_of_the_patches_neither_are_outliers_nor_move_the_threshold()
        => TokenNorms.Of([Layer()], Tokens, new NormRule()).Outliers.ShouldBeEmpty();

    [Fact]
    public void The_high_norm_mode_begins_above_the_gap()
    {
        var rule = new NormRule();
        rule.HighNormFrom(Layer((0, 150), (7, 140), (9, 180))[3..]).ShouldBe(140);
        TokenNorms.Of([Layer((0, 150), (7, 140), (9, 180))], Tokens, rule).Layers[0].HighNorm.ShouldBe([3, 10, 12]);
    }

    [Fact]
    public void A_tail_without_a_gap_is_no_second_mode()
        => new NormRule().HighNormFrom([.. Enumerable.Range(0, 40).Select(i => 10 * MathF.Pow(1.06f, i))]).ShouldBeNull();

    [Fact]
    public void A_gap_below_twice_the_median_is_no_second_mode()
        => new NormRule().HighNormFrom(Layer((0, 19))[3..]).ShouldBeNull();

    [Fact]
    public void A_mode_of_more_than_a_tenth_of_the_patches_is_none()
        => new NormRule().HighNormFrom(Layer([.. Enumerable.Range(0, 5).Select(i => (i, 150f))])[3..]).ShouldBeNull();

    [Fact]
    public void A_cut_off_of_one_s_own_is_taken_as_it_is()
    {
        var layer = TokenNorms.Of([Layer()], Tokens, new NormRule(CutOff: 12)).Layers[0];
        layer.HighNorm.Count.ShouldBe(8);
        layer.HighNorm.ShouldAllBe(t => layer.Norms[t] >= 12);
    }

    [Fact]
    public void What_is_out_of_line_does_not_depend_on_the_unit_of_the_norms()
        => Gen.Float[.5f, 200f].Array[40].Sample(patches =>
        {
            float[] norms = [1, 2, 3, .. patches];
            var (one, four) = (TokenNorms.Of([norms], Tokens, new NormRule()), TokenNorms.Of([[.. norms.Select(n => n * 4)]], Tokens, new NormRule()));
            return one.Layers[0].Outliers.SequenceEqual(four.Layers[0].Outliers) && one.Layers[0].HighNorm.SequenceEqual(four.Layers[0].HighNorm);
        });
}
