using CsCheck;
using Vitrine.Transformers;
using Vitrine.Transformers.Edits;
using static TorchSharp.torch;

namespace Vitrine.Tests.Transformers.Edits;

public sealed class ProjectTests
{
    private const string At = "language.0.resid_post";

    [Fact]
    public void What_is_left_and_what_is_taken_out_add_up_and_stand_at_right_angles_to_the_vectors()
    {
        using var model = TextFixtures.Any();
        var width = model.Language.Shape.Width;
        Gen.Float[-1, 1].Array[3 * width].Where(a => a.Any(v => Math.Abs(v) > 0.1f)).Sample(
            vectors =>
            {
                using var scope = NewDisposeScope();
                var value = new EditValue([3, width], vectors);
                var x = Point(model, null);
                var onto = Point(model, new Project(At, value));
                var outside = Point(model, new Project(At, value) { Out = true });
                (onto + outside).ShouldBeClose(x);
                outside.matmul(value.ToTensor().t()).abs().max().item<float>().ShouldBeLessThan(1e-3f);
                Point(model, new Project(At, value), new Project(At, value)).ShouldBeClose(onto);
            },
            iter: 5);
    }

    [Fact]
    public void One_vector_gives_the_closed_form()
    {
        using var model = TextFixtures.Any();
        using var scope = NewDisposeScope();
        var width = model.Language.Shape.Width;
        var vector = Enumerable.Range(0, width).Select(i => (i % 3) - 0.5f).ToArray();
        var v = tensor(vector);
        var x = Point(model, null);
        var coefficient = x.matmul(v) / v.dot(v);                              // (B, T)
        Point(model, new Project(At, EditValue.Of(vector)) { Out = true }).ShouldBeClose(x - (coefficient.unsqueeze(-1) * v));
    }

    [Fact]
    public void Vectors_that_span_nothing_new_are_refused()
    {
        using var model = TextFixtures.Any();
        var width = model.Language.Shape.Width;
        var ones = Enumerable.Repeat(1f, width).ToArray();
        EditValue[] wrong = [new([2, width], [.. ones, .. ones.Select(v => -2 * v)]), EditValue.Of(new float[width]), EditValue.Of(1, 2, 3),
            new([0, width], []), EditValue.Of([float.NaN, .. ones[1..]])];
        foreach (var vectors in wrong)
        {
            Should.Throw<VitrineException>(() => model.Run(TokenBatch.Of(3, 4), RunPlan.Editing(new Project(At, vectors)))).Message.ShouldContain(At);
        }
    }

    private static Tensor Point(TextModel model, params Edit[]? edits)
    {
        using var run = model.Run(TokenBatch.Of(3, 4, 5), new RunPlan { Capture = [At], Edits = edits ?? [] });
        return run[At].clone();
    }
}
