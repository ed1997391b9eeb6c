using Vitrine.Transformers;
using Vitrine.Transformers.Edits;
using static TorchSharp.torch;

namespace Vitrine.Tests.Transformers.Edits;

public sealed class PositionTests
{
    private const string At = "language.0.mlp.out";
    private static readonly int[][] Prompts = [[3, 4, 5, 6], [7, 8]];

    public static TheoryData<Positions, int[], int[]> Kinds() => new()
    {
        // positions, then which of the own tokens of a prompt of 4 and of one of 2, and which decode steps
        { Positions.First, [0, 10], [] },
        { Positions.EndOfPrompt, [3, 11], [] },
        { Positions.Last, [3, 11], [1, 2] },
        { Positions.OfPrompt, [0, 1, 2, 3, 10, 11], [] },
        { Positions.OfGenerated, [], [1, 2] },
        { Positions.Since(1), [1, 2, 3, 11], [1, 2] },
        { Positions.Since(-2), [2, 3, 10, 11], [1, 2] },
        { Positions.At(1, -1), [1, 3, 11], [] },
        { Positions.Of("image"), [1, 2, 10], [] },
        { Positions.Of("image", "late"), [0, 1, 2, 10], [1] },
    };

    [Theory, MemberData(nameof(Kinds))]
    public void Each_kind_names_its_tokens_in_the_prompt_and_in_every_step(Positions positions, int[] prompt, int[] steps)
    {
        using var model = TextFixtures.Any();
        foreach (var padLeft in new[] { false, true })
        {
            // row 0 goes on at its positions 4 and 5, row 1 at 2 and 3: the kind "late" names the first of them in row 0
            var batch = TokenBatch.Of(Prompts, padLeft)
                .With(new TokenKinds(new Dictionary<string, IReadOnlyList<IReadOnlyList<long>>> { ["image"] = [[1, 2], [0]], ["late"] = [[0, 4], []] }));
            var plan = new RunPlan { Capture = [$"{At}@*"], Edits = [new Zero(At) { Scope = new EditScope { Positions = positions } }] };
            using var run = model.Generate(batch, 3, plan, TestContext.Current.CancellationToken);
            using var scope = NewDisposeScope();
            var zero = run.Run[At].abs().sum(-1).eq(0);
            for (var row = 0; row < 2; row++)
            {
                for (var position = 0; position < Prompts[row].Length; position++)
                {
                    zero[row, Array.IndexOf([.. batch.Positions[row]], (long)position)].item<bool>()
                        .ShouldBe(prompt.Contains((10 * row) + position), $"row {row}, position {position}");
                }
            }

            for (var step = 1; step < 3; step++)
            {
                run.Run[$"{At}@{step}"][0].abs().max().item<float>().Equals(0f).ShouldBe(steps.Contains(step), $"step {step}");
            }
        }
    }

    [Fact]
    public void A_kind_that_the_batch_does_not_name_is_refused_with_the_nearest()
    {
        using var model = TextFixtures.Any();
        var kinds = new TokenKinds(new Dictionary<string, IReadOnlyList<IReadOnlyList<long>>> { ["image"] = [[1]] });
        var plan = RunPlan.Editing(new Zero(At) { Scope = new EditScope { Positions = Positions.Of("imagee") } });
        Should.Throw<VitrineException>(() => model.Run(TokenBatch.Of(3, 4).With(kinds), plan)).Message.ShouldContain("'image'");
        Should.Throw<VitrineException>(() => model.Run(TokenBatch.Of(3, 4), plan)).Message.ShouldContain("names none");
        var cut = RunPlan.Editing(new KnockOut("language.0.attn.scores", Positions.Of("pixels")));
        Should.Throw<VitrineException>(() => model.Run(TokenBatch.Of(3, 4).With(kinds), cut)).Message.ShouldContain("pixels");
        var elsewhere = new TokenKinds(new Dictionary<string, IReadOnlyList<IReadOnlyList<long>>> { ["imagee"] = [[1]] }, "vision");
        Should.Throw<VitrineException>(() => model.Run(TokenBatch.Of(3, 4).With(elsewhere), plan)).Message.ShouldContain("names none");
        Should.Throw<VitrineException>(() => TokenBatch.Of([[3, 4], [5, 6]]).With(kinds)).Message.ShouldContain("1 rows");
    }
}
