using Vitrine.Transformers;
using Vitrine.Transformers.Edits;
using static TorchSharp.torch;

namespace Vitrine.Tests.Transformers.Edits;

public sealed class MeanTests
{
    private const string At = "language.0.mlp.out";

    [Theory, InlineData(false), InlineData(true)]
    public void The_mean_over_rows_goes_position_by_position_of_the_rows_own_texts(bool padLeft)
    {
        using var model = TextFixtures.Any();
        using var scope = NewDisposeScope();
        int[][] prompts = [[3, 4, 5, 6], [7, 8], [9, 10, 11]];
        var batch = TokenBatch.Of(prompts, padLeft);
        var plain = Values(model, batch);
        var edited = Values(model, batch, new Mean(At) { Over = MeanOver.Rows });
        for (var row = 0; row < 3; row++)
        {
            for (var position = 0; position < prompts[row].Length; position++)
            {
                var having = Enumerable.Range(0, 3).Where(r => prompts[r].Length > position).Select(r => plain[r, Column(batch, r, position)]).ToArray();
                edited[row, Column(batch, row, position)].ShouldBeClose(stack(having).mean([0]), $"row {row}, position {position}");
            }
        }
    }

    [Fact]
    public void A_given_mean_goes_to_the_named_positions_only()
    {
        using var model = TextFixtures.Any();
        using var scope = NewDisposeScope();
        var batch = TokenBatch.Of(3, 4, 5);
        var mean = Enumerable.Range(0, model.Language.Shape.Width).Select(i => i / 10f).ToArray();
        var plain = Values(model, batch);
        var edited = Values(model, batch, new Mean(At) { Given = EditValue.Of(mean), Scope = new EditScope { Positions = Positions.First } });
        edited[0, 0].ShouldHaveTheBitsOf(tensor(mean), "the first position");
        edited.narrow(1, 1, 2).ShouldHaveTheBitsOf(plain.narrow(1, 1, 2), "the others");
    }

    private static int Column(TokenBatch batch, int row, int position) => Array.IndexOf([.. batch.Positions[row]], (long)position);

    private static Tensor Values(TextModel model, TokenBatch batch, params Edit[] edits)
    {
        using var run = model.Run(batch, new RunPlan { Capture = [At], Edits = edits });
        return run[At].clone();
    }
}
