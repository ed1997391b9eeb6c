using Vitrine.Transformers;
using static TorchSharp.torch;

namespace Vitrine.Tests.Transformers;

/// <summary>Equal values are ordered by id, however many there are: libtorch's own order among them changes with the length of the row.</summary>
public sealed class RankingTests
{
    public static TheoryData<string> Decoders() => TextFixtures.Decoders();

    [Theory, InlineData(1), InlineData(5), InlineData(100), InlineData(1000), InlineData(40_000)]
    public void Equal_numbers_stand_in_the_order_of_their_index(int length)
    {
        foreach (var dtype in new[] { float32, bfloat16, float16, float64 })
        {
            using var scope = NewDisposeScope();
            var row = zeros(length, dtype);
            Ranking.Largest(row, 3).Select(a => a.Id).ShouldBe(Enumerable.Range(0, Math.Min(3, length)), $"{dtype}");
            Ranking.FirstOfRows(row.unsqueeze(0)).ShouldBe([0]);
            row[length - 1] = ones(1).to(dtype)[0];
            row[length / 2] = ones(1).to(dtype)[0];
            Ranking.Largest(row, 1).ShouldBe([(length / 2, 1)]);
            Ranking.FirstOfRows(row.unsqueeze(0)).ShouldBe([length / 2]);
        }
    }

    [Fact]
    public void What_is_no_number_comes_last_and_is_never_the_first()
    {
        double[] values = [double.NaN, 1, double.NegativeInfinity, double.PositiveInfinity, 1, -0.0, 0.0];
        Ranking.Order(values, 10).ShouldBe([3, 1, 4, 5, 6, 2, 0]);
        Ranking.First<float>([float.NaN, float.NaN, -1, 2, 2]).ShouldBe(3);
        Ranking.First<double>([double.NaN, double.NaN]).ShouldBe(0);
        using var row = tensor(values);
        Ranking.Largest(row, 2).ShouldBe([(3, double.PositiveInfinity), (1, 1)]);
    }

    [Theory, MemberData(nameof(Decoders))]
    public void Generation_takes_the_first_of_equal_logits_and_it_leads_what_the_run_says(string name)
    {
        using var plain = TextFixtures.Open(name);
        Assert.SkipWhen(plain.Language.Head is null, "no head");
        var words = (int)plain.Language.Shape.Vocabulary;
        foreach (var dtype in new[] { float32, bfloat16 })
        {
            using var model = TextFixtures.Open(name, dtype);
            var prompt = TokenBatch.Of(TextFixtures.Prompt(name));
            var flat = RunPlan.Editing(new Vitrine.Transformers.Edits.Zero("language.logits"));
            using var generation = model.Generate(prompt, 3, flat, TestContext.Current.CancellationToken);
            generation.Ids[0].ShouldBe([0, 0, 0]);
            using var run = model.Run(prompt, flat);
            Answer.Of(run.Logits[0, -1], ClassScores.OneOfMany, 6).Select(a => a.Id).ShouldBe(Enumerable.Range(0, 6));
            using var free = model.Generate(prompt, 3, cancellation: TestContext.Current.CancellationToken);
            for (var step = 0; step < 3; step++)
            {
                free.Ids[0][step].ShouldBe(Ranking.Largest(free.Run.Logits[0, step], 1)[0].Id);
            }
        }
    }

    /// <summary>Four of a row's tokens share one unembedding, far from each other: they tie in every run, and the first is taken.</summary>
    [Theory, InlineData("llama", "lm_head.weight"), InlineData("neox", "embed_out.weight"), InlineData("mistral", "lm_head.weight")]
    public void Tokens_with_the_same_unembedding_are_told_apart_by_their_ids(string name, string head)
    {
        int[] alike = [7, 101, 150, 299];
        using var folder = ChangedModel.Of(name, tensors =>
        {
            Assert.SkipUnless(tensors.ContainsKey(head), $"the fixture has no {head}");
            var (rows, width) = (tensors[head].clone(), tensors[head].shape[1]);
            foreach (var id in alike)
            {
                rows[id] = rows[3] * 20;
            }

            tensors[head] = rows;
        });
        using var model = TextModel.Open(folder.Folder);
        for (var length = 1; length < 12; length++)
        {
            var prompt = TokenBatch.Of([.. Enumerable.Range(0, length).Select(i => (i * 5) + 2)]);
            using var run = model.Run(prompt);
            using var generation = model.Generate(prompt, 1, cancellation: TestContext.Current.CancellationToken);
            var shown = Answer.Of(run.Logits[0, -1], ClassScores.OneOfMany, 6);
            shown.Select(a => a.Id).ShouldContain(generation.Ids[0][0]);
            var tied = shown.Where(a => alike.Contains(a.Id)).ToArray();
            tied.Select(a => a.Id).ShouldBe(alike.Take(tied.Length), $"{length} tokens");
            tied.Select(a => a.Logit).Distinct().Count().ShouldBeLessThanOrEqualTo(1);
        }
    }
}
