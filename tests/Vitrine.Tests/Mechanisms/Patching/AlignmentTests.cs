using Vitrine.Mechanisms.Metrics;
using Vitrine.Mechanisms.Patching;
using Vitrine.Policies;
using Vitrine.Transformers;
using Vitrine.Transformers.Edits;
using static TorchSharp.torch;

namespace Vitrine.Tests.Mechanisms.Patching;

public sealed class AlignmentTests
{
    private const string At = "language.1.resid_post";

    [Theory]
    [InlineData(AlignmentKind.LowRank)]
    [InlineData(AlignmentKind.Rotation)]
    [InlineData(AlignmentKind.Boundless)]
    [InlineData(AlignmentKind.Mask)]
    public void What_is_learnt_beats_what_was_drawn_and_acts_as_an_edit(AlignmentKind kind)
    {
        using var model = PatchExample.Gpt2();
        var (given, source) = Rows(model);
        var options = new AlignmentOptions { Kind = kind, Dimensions = 3, Epochs = 30, Batch = 4, Rate = 3e-2, Sparsity = 0, Seed = 2 };
        var search = new AlignmentSearch(given, source, PatchExample.Metric, At) { Positions = [-1] };
        var found = search.Run(options);
        found.Learnt.Average().ShouldBeGreaterThan(found.Untrained.Average());
        found.Losses[^1].ShouldBeLessThan(found.Losses[0]);
        found.Losses.Count.ShouldBe(30);
        if (found.Rotation is { } rotation)
        {
            using var scope = NewDisposeScope();
            var w = rotation.ToTensor();
            w.t().matmul(w).ShouldBeClose(eye(w.shape[1]), "directions are orthonormal");
        }

        var plan = RunPlan.FromJson(RunPlan.Editing(found.Edit(search.SourceOf(source))).ToJson());
        using var run = given.Run(plan);
        foreach (var (a, b) in PatchExample.Metric.Values(run).Zip(found.Learnt))
        {
            a.ShouldBe(b, 1e-4);
        }

        search.Run(options).Learnt.ShouldBe(found.Learnt, "the same seed learns the same");
        var whole = ActivationPatching.Between(source, given, PatchExample.Metric)
            .Run(new PatchSweep { Points = ["resid_post"], Layers = [1], Positions = [-1] }, new PatchOptions { Naive = true });
        found.Whole.Zip(whole.Cells[0].Values).Max(v => Math.Abs(v.First - v.Second)).ShouldBeLessThan(1e-4);
    }

    [Fact]
    public void What_is_wanted_of_each_row_is_come_near_to()
    {
        using var policy = Policy.Open("embedded:tabletop");
        var (clean, corrupted) = PatchExample.Acts(policy, 4);
        using var wanted = clean.Run();
        var values = MotionMetric.Speed.Values(wanted);
        var search = new AlignmentSearch(corrupted, clean, MotionMetric.Speed, "language.5.attn.out") { Positions = [-1], Wanted = values };
        var found = search.Run(new AlignmentOptions { Dimensions = 4, Epochs = 12, Rate = 5e-2 });
        Off(found.Learnt).ShouldBeLessThan(Off(found.Unchanged));
        found.Losses[^1].ShouldBeLessThan(found.Losses[0]);

        double Off(IReadOnlyList<double> of) => of.Zip(values).Average(v => Math.Pow(v.First - v.Second, 2));
    }

    [Fact]
    public void What_does_not_fit_is_refused_by_name()
    {
        using var model = PatchExample.Gpt2();
        var (given, source) = Rows(model);
        Said(new(given, source, PatchExample.Metric, "language.1.attn.pattern"), new(), "expected a point of rows, positions and coordinates");
        Said(new(given, source.Take([0]), PatchExample.Metric, At), new(), "expected one of each a row");
        Said(new(given, source, PatchExample.Metric, At) { Positions = [9] }, new(), "no position 9");
        Said(new(given, source, PatchExample.Metric, At), new() { Dimensions = 4000 }, "4000 of 48 dimensions");
        foreach (var (edit, what) in new (Interchange, string)[]
        {
            (new(At, EditValue.Of(1f)) { Columns = [400] }, "column 400 lies outside"),
            (new(At, EditValue.Of(1f)) { Columns = [0], Boundary = .5 }, "expected one of columns, boundary and mask"),
            (new(At, EditValue.Of(1f)) { Rotation = EditValue.Of(1f, 2f) }, "the rotation is [2]"),
            (new("language.1.attn.scores", EditValue.Of(1f)), "last axis is the keys"),
        })
        {
            Should.Throw<VitrineException>(() => model.Bind(RunPlan.Editing(edit))).Message.ShouldContain(what);
        }

        static void Said(AlignmentSearch search, AlignmentOptions options, string what)
            => Should.Throw<VitrineException>(() => search.Run(options)).Message.ShouldContain(what);
    }

    private static (Subject Given, Subject Source) Rows(TextModel model)
    {
        int[][] rows = [.. Enumerable.Range(0, 8).Select(r => Enumerable.Range(0, 5).Select(i => (((r * 31) + (i * 17)) % 200)).ToArray())];
        return (Subject.Of(model, TokenBatch.Of(rows)), Subject.Of(model, TokenBatch.Of([.. rows.Select(row => row.Select(id => id + 50).ToArray())])));
    }
}
