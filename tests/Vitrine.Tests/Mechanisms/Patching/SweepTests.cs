using Vitrine.Mechanisms.Metrics;
using Vitrine.Mechanisms.Patching;
using Vitrine.Policies;
using Vitrine.Tests.Cli;
using Vitrine.Tests.Transformers;
using Vitrine.Transformers;
using Vitrine.Transformers.Edits;
using static TorchSharp.torch;
using Subject = Vitrine.Mechanisms.Metrics.Subject;

namespace Vitrine.Tests.Mechanisms.Patching;

public sealed class SweepTests
{
    [Theory, MemberData(nameof(PatchExample.Decoders), MemberType = typeof(PatchExample))]
    public void Cells_from_cached_residuals_are_those_of_whole_passes(string name)
    {
        using var model = TextFixtures.Open(name);
        var shape = model.Language.Shape;
        string[] points = [.. new[] { "resid_pre", "resid_mid", "resid_post", "attn.out", "mlp.out" }.Where(p => shape.Points.Any(s => s.Name == p))];
        foreach (var (clean, corrupted) in new[] { PatchExample.Texts(model), PatchExample.Padded(model, left: true), PatchExample.Padded(model, left: false) })
        {
            var patching = ActivationPatching.Between(clean, corrupted, PatchExample.Metric);
            Same(patching, new PatchSweep { Points = points, By = [PatchAxis.Position] });
            Same(patching, new PatchSweep { Points = ["z", "q", "k", "v"], By = [PatchAxis.Head], Noise = true });
            Same(patching, new PatchSweep { Points = ["k"], By = [PatchAxis.Position, PatchAxis.Head], Layers = [shape.Layers - 1] });
            Same(patching, new PatchSweep { Points = ["v"], By = [PatchAxis.Head], Ungrouped = true, Positions = [1] });
            Same(patching, new PatchSweep { Points = ["neurons"], By = [PatchAxis.Neuron], Neurons = [0, 3], Positions = [-1, 1] });
        }
    }

    [Theory]
    [InlineData("logit@1")]
    [InlineData("loss")]
    [InlineData("probability")]
    public void Metrics_that_read_elsewhere_are_read_there(string what)
    {
        using var model = PatchExample.Gpt2();
        Metric metric = what switch
        {
            "logit@1" => new LogitMetric([4]) { Position = 2 },
            "loss" => new LossMetric(),
            _ => new ProbabilityMetric([4], Log: true),
        };
        foreach (var (clean, corrupted) in new[] { PatchExample.Texts(model), PatchExample.Padded(model, left: true) })
        {
            var patching = ActivationPatching.Between(clean, corrupted, metric);
            Same(patching, new PatchSweep { By = [PatchAxis.Position] });
            Same(patching, new PatchSweep { Points = ["pattern"], By = [PatchAxis.Position, PatchAxis.Head] });
            Same(patching, new PatchSweep { Points = ["pattern", "z", "mlp.out"], By = [PatchAxis.Position] });
        }
    }

    [Theory]
    [InlineData("embedded:tabletop")]
    [InlineData("embedded:tabletop-flow")]
    public void A_policy_s_cells_are_those_of_whole_acts(string name)
    {
        using var policy = Policy.Open(name);
        var (clean, corrupted) = PatchExample.Acts(policy, 2);
        var patching = ActivationPatching.Between(clean, corrupted, MotionMetric.Speed);
        Same(patching, new PatchSweep { Points = ["attn.out", "resid_post"], Layers = [0, 1] });
        Same(patching, new PatchSweep { Points = ["mlp.out"], By = [PatchAxis.Step], Layers = [1], Groups = ["deciding"] });
        Same(patching, new PatchSweep { Points = ["attn.out"], By = [PatchAxis.Group], Layers = [1] });
    }

    [Fact]
    public void The_word_s_way_through_the_tabletop_policy_is_found()
    {
        using var policy = Policy.Open("embedded:tabletop");
        var (clean, corrupted) = PatchExample.Acts(policy, 6);
        var result = ActivationPatching.Between(clean, corrupted, MotionMetric.Speed).Run(new PatchSweep { Points = ["attn.out"] });
        result.Sweep.Groups.ShouldBe(["deciding"], "prompts differ in length, and what decides is what is patched");
        result.Cells.MaxBy(result.Change)!.Cell.Layer.ShouldBe(5);
        result.Share(result.Cells[5])!.Value.ShouldBeGreaterThan(.8);
    }

    [Fact]
    public void Pictures_are_patched_between_two_of_them()
    {
        using var model = VisionModel.Open(Fixtures.Of("models", "vit-classifier"));
        using var a = randn([1, 3, model.Tower.ImageSize, model.Tower.ImageSize], generator: new Generator(1));
        using var b = a.flip(3);
        var patching = ActivationPatching.Between(Subject.Of(model, a), Subject.Of(model, b), new LogitDifferenceMetric([0], [1]));
        Same(patching, new PatchSweep { Points = ["resid_pre"], By = [PatchAxis.Position], Positions = [0, 1, 2], Layers = [0, 1] });
        Same(patching, new PatchSweep { Points = ["z"], By = [PatchAxis.Head] });
    }

    [Theory, MemberData(nameof(PatchExample.Decoders), MemberType = typeof(PatchExample))]
    public void Everything_patched_in_front_of_the_first_block_is_the_clean_run_bit_for_bit(string name)
    {
        using var model = TextFixtures.Open(name);
        var (clean, corrupted) = PatchExample.Texts(model);
        var result = ActivationPatching.Between(clean, corrupted, PatchExample.Metric)
            .Run(new PatchSweep { Points = ["resid_pre"], Layers = [0] }, new PatchOptions { Naive = true });
        result.Cells.Single().Values.ShouldBe(result.Source!);
        result.Share(result.Cells[0])!.Value.ShouldBe(1);
    }

    [Fact]
    public void A_patch_that_is_no_change_leaves_the_corrupted_run()
    {
        using var model = PatchExample.Gpt2();
        var (clean, corrupted) = PatchExample.Texts(model, changed: 3);
        var result = ActivationPatching.Between(clean, corrupted, PatchExample.Metric).Run(new PatchSweep { By = [PatchAxis.Position], Positions = [0, 1, 2] });
        result.Cells.ShouldAllBe(c => c.Values.SequenceEqual(result.Patched), "what stands before the first difference is the same in both runs");
        var behind = ActivationPatching.Between(clean, corrupted, PatchExample.Metric with { Position = 3 })
            .Run(new PatchSweep { Points = ["mlp.out"], By = [PatchAxis.Position], Positions = [4, 5] });
        behind.Cells.ShouldAllBe(c => c.Values.SequenceEqual(behind.Patched), "what stands behind what is read cannot move it");
    }

    [Fact]
    public void A_saved_cache_is_replayed_from_each_of_its_points_and_nonsense_in_it_shows()
    {
        using var model = PatchExample.Gpt2();
        var batch = TokenBatch.Of([[5, 6, 7, 8, 9, 10]]);
        var shape = model.Language.Shape;
        string[] places = [.. shape.Places().Where(p => p.Layer is not null).Select(p => p.ToString())];
        using var kept = model.Run(batch, RunPlan.Capturing(places));
        using var generator = new Generator(3);
        places.Length.ShouldBeGreaterThan(30);
        foreach (var place in places)
        {
            using var scope = NewDisposeScope();
            using var again = model.Run(batch, RunPlan.Editing(Replace.From(kept, place)));
            again.Logits.ShouldBeClose(kept.Logits, place);
            var nonsense = EditValue.Of(randn(kept[place].shape, generator: generator) * tensor(3f));
            using var other = model.Run(batch, RunPlan.Editing(new Replace(place, nonsense)));
            (other.Logits - kept.Logits).abs().max().item<float>().ShouldBeGreaterThan(1e-2f, place);
        }

        for (var layer = 0; layer < shape.Layers; layer++)
        {
            for (var column = 0; column < PatchExample.Length; column++)
            {
                using var cached = model.Run(batch, RunPlan.Capturing([.. RunStart.Needs(shape, layer, column)]));
                using var again = model.Run(batch, RunPlan.Empty, RunStart.From(cached, shape, layer, column));
                using var wanted = kept.Logits.narrow(1, column, PatchExample.Length - column);
                again.Logits.ShouldBeClose(wanted, $"block {layer}, column {column}");
            }
        }
    }

    [Fact]
    public void Ablations_put_in_what_they_say()
    {
        using var model = PatchExample.Gpt2();
        var batch = TokenBatch.Of([[5, 6, 7, 8, 9, 10], [11, 12, 13, 14, 15, 16]]);
        var subject = Subject.Of(model, batch);
        var ablation = ActivationPatching.Ablating(subject, PatchExample.Metric);
        Held(ablation.Run(new PatchSweep { Points = ["z"], By = [PatchAxis.Head], Layers = [1], With = PatchWith.Zero }).Cells[2],
            _ => new Zero("language.1.attn.z") { Scope = new EditScope { Heads = [2] } });
        using var kept = model.Run(batch, RunPlan.Capturing("language.1.mlp.out"));
        using var mean = kept["language.1.mlp.out"].mean([0, 1]);
        Held(ablation.Run(new PatchSweep { Points = ["mlp_out"], Layers = [1], With = PatchWith.Mean }).Cells[0],
            _ => new Mean("language.1.mlp.out") { Given = EditValue.Of(mean) });
        Held(ablation.Run(new PatchSweep { Points = ["mlp_out"], Layers = [1], With = PatchWith.Resample }).Cells[0],
            row => new Replace("language.1.mlp.out", EditValue.Of(kept["language.1.mlp.out"][1 - row])));
        ablation.Run(new PatchSweep { With = PatchWith.Zero }).Source.ShouldBeNull();
        Should.Throw<VitrineException>(() => ablation.Run(new PatchSweep { Points = ["pattern"], With = PatchWith.Mean })).Message.ShouldContain("no mean");
        Should.Throw<VitrineException>(() => ActivationPatching.Ablating(subject.Take([0]),
            PatchExample.Metric).Run(new PatchSweep { With = PatchWith.Resample }))
            .Message.ShouldContain("no other row");

        void Held(PatchEffect cell, Func<int, Edit> edit)
        {
            for (var row = 0; row < 2; row++)
            {
                using var run = subject.Take([row]).Run(RunPlan.Editing(edit(row)));
                cell.Values[row].ShouldBe(PatchExample.Metric.Values(run)[0], 1e-4);
            }
        }
    }

    [Fact]
    public void Tracing_noises_the_subject_by_seed_and_restores_windows_of_layers()
    {
        using var model = PatchExample.Gpt2();
        var clean = Subject.Of(model, TokenBatch.Of([[5, 6, 7, 8, 9, 10]]));
        var noise = new TracingNoise([1, 2]) { Samples = 3, Seed = 4 };
        var tracing = ActivationPatching.Tracing(clean, PatchExample.Metric, noise);
        var restored = tracing.Run(new PatchSweep { Points = ["resid_pre"], By = [PatchAxis.Position], Positions = [1, 2], Layers = [0] });
        restored.Patched.Count.ShouldBe(3);
        restored.Patched.Distinct().Count().ShouldBe(3);
        restored.Source!.Distinct().Count().ShouldBe(1);
        ActivationPatching.Tracing(clean, PatchExample.Metric, noise).Run(restored.Sweep).Patched.ShouldBe(restored.Patched);
        ActivationPatching.Tracing(clean, PatchExample.Metric, noise with { Seed = 5 }).Run(restored.Sweep).Patched.ShouldNotBe(restored.Patched);
        var whole = tracing.Run(new PatchSweep { Points = ["resid_pre"], Positions = [1, 2], Layers = [0] });
        whole.Cells[0].Mean.ShouldBe(whole.Source!.Average(), 1e-4);
        var sweep = new PatchSweep { Points = ["mlp.out"], By = [PatchAxis.Position], Window = 3 };
        Same(tracing, sweep);
        var all = tracing.Run(sweep with { Window = 2 * model.Language.Shape.Layers });
        all.Cells.Where(c => c.Cell.Position == 5).Select(c => c.Mean).Distinct().Count().ShouldBe(1, "every window holds every layer");
        Should.Throw<VitrineException>(() => ActivationPatching.Tracing(clean, PatchExample.Metric, new TracingNoise([9]))).Message.ShouldContain("position 9");
    }

    [Fact]
    public void A_plan_counts_what_is_run_and_refuses_what_does_not_fit()
    {
        using var model = PatchExample.Gpt2();
        var (clean, corrupted) = PatchExample.Texts(model);
        var patching = ActivationPatching.Between(clean, corrupted, PatchExample.Metric);
        var shape = model.Language.Shape;
        var sweep = new PatchSweep { By = [PatchAxis.Position] };
        var plan = patching.Plan(sweep);
        plan.Cells.Count.ShouldBe(shape.Layers * PatchExample.Length);
        plan.Cells.ShouldBe(patching.Run(sweep).Cells.Select(c => c.Cell));
        var half = 2 * plan.Cells.Where(c => c.Position >= 1).Sum(c => (shape.Layers - c.Layer) * (PatchExample.Length - c.Position!.Value))
            / (double)(shape.Layers * PatchExample.Length);
        plan.Forwards.ShouldBeLessThanOrEqualTo(half, "columns before the patch and layers in front of it cost nothing");
        plan.Forwards.ShouldBeGreaterThan(0);
        plan.Memory.ShouldBeInRange(1, plan.Allowed);
        var message = Should.Throw<VitrineException>(() => patching.Plan(sweep, new PatchOptions { Memory = 1000 })).Message;
        message.ShouldContain("0.0 MB are allowed");
        Should.Throw<VitrineException>(() => patching.Run(sweep, new PatchOptions { Memory = 1000 })).Message.ShouldBe(message);
        var little = patching.Plan(sweep, new PatchOptions { Memory = 200_000 });
        little.Passes.ShouldBeGreaterThan(plan.Passes);
        Equal(patching.Run(sweep, new PatchOptions { Memory = 200_000 }), patching.Run(sweep));
    }

    [Fact]
    public void A_sweep_that_was_stopped_goes_on_where_it_was_and_no_other_does()
    {
        using var model = PatchExample.Gpt2();
        using var folder = new TemporaryFolder();
        var (clean, corrupted) = PatchExample.Texts(model);
        var patching = ActivationPatching.Between(clean, corrupted, PatchExample.Metric);
        var sweep = new PatchSweep { By = [PatchAxis.Position] };
        var options = new PatchOptions { Resume = folder["done.json"] };
        using var stop = new CancellationTokenSource();
        Should.Throw<OperationCanceledException>(() => patching.Run(sweep, options, new Stopping(stop, .3), stop.Token));
        var before = File.ReadAllText(folder["done.json"]);
        before.ShouldContain("null");
        var told = new Stopping(stop, 2);
        var resumed = patching.Run(sweep, options, told);
        Equal(resumed, patching.Run(sweep));
        File.ReadAllText(folder["done.json"]).ShouldNotContain("null,null");
        var reports = told.Reports;
        Equal(patching.Run(sweep, options, told), resumed);
        told.Reports.ShouldBe(reports, "nothing is left to do");
        Should.Throw<VitrineException>(() => patching.Run(sweep with { Noise = true }, options)).Message.ShouldContain("other cells");
        Should.Throw<VitrineException>(() => ActivationPatching.Between(corrupted, clean, PatchExample.Metric).Run(sweep,
            options)).Message.ShouldContain("other");
        File.WriteAllText(folder["done.json"], "{");
        Should.Throw<VitrineException>(() => patching.Run(sweep, options)).Message.ShouldContain("is no sweep");
    }

    [Fact]
    public void A_result_is_read_again_as_it_was_written()
    {
        using var model = PatchExample.Gpt2();
        var (clean, corrupted) = PatchExample.Texts(model);
        var result = ActivationPatching.Between(clean, corrupted, PatchExample.Metric).Run(new PatchSweep
        {
            Points = ["z"],
            By = [PatchAxis.Head],
            Layers = [1]
        });
        var again = PatchResult.FromJson(result.ToJson());
        again.Sweep.ShouldBe(result.Sweep);
        again.Metric.ShouldBe(result.Metric);
        Equal(again, result);
        again.Tokens.ShouldBe(result.Tokens);
        Should.Throw<VitrineException>(() => PatchResult.FromJson("""{"method":"x"}""", "r.json")).Message.ShouldStartWith("r.json");
    }

    [Fact]
    public void What_means_nothing_is_refused_by_name()
    {
        using var model = PatchExample.Gpt2();
        var (clean, corrupted) = PatchExample.Texts(model);
        var patching = ActivationPatching.Between(clean, corrupted, PatchExample.Metric);
        Said(() => patching.Run(new PatchSweep { Points = ["resid_pro"] }), "the nearest is 'resid_pre'");
        Said(() => patching.Run(new PatchSweep { By = [PatchAxis.Head] }), "no head at resid_pre to count over");
        Said(() => patching.Run(new PatchSweep { Layers = [9] }), "no layer 9");
        Said(() => patching.Run(new PatchSweep { By = [PatchAxis.Group] }), "names no groups");
        Said(() => patching.Run(new PatchSweep { With = PatchWith.Zero }), "ablation takes one input");
        Said(() => ActivationPatching.Between(clean, clean, PatchExample.Metric).Run(new PatchSweep()), "the contrast changes nothing");
        Said(() => ActivationPatching.Between(clean, corrupted.Take([0]), PatchExample.Metric).Run(new PatchSweep()), "expected pairs");
        var longer = Subject.Of(model, TokenBatch.Of([[1, 2, 3, 4, 5, 6, 7], [1, 2, 3, 4, 5, 6, 7]]));
        Said(() => ActivationPatching.Between(clean, longer, PatchExample.Metric).Run(new PatchSweep { By = [PatchAxis.Position] }), "positions must match");
        Said(() => ActivationPatching.Between(clean, corrupted, MotionMetric.Speed).Run(new PatchSweep()), "gives no action");
        Said(() => ActivationPatching.Between(clean, corrupted, new LogitMetric([99_999])).Run(new PatchSweep()), "no answer 99999");
        Said(() => new PathPatching(clean, longer, PatchExample.Metric), "positions must match");
        Said(() => new PathPatching(clean, corrupted, PatchExample.Metric).Run(new PathSweep { Into = ["z"] }), "expected q, k or v");

        static void Said(Action act, string what) => Should.Throw<VitrineException>(act).Message.ShouldContain(what);
    }

    private static void Same(ActivationPatching patching, PatchSweep sweep) => Equal(patching.Run(sweep), patching.Run(sweep,
        new PatchOptions { Naive = true }));

    private static void Equal(PatchResult found, PatchResult expected)
    {
        found.Cells.Select(c => c.Cell).ShouldBe(expected.Cells.Select(c => c.Cell));
        var bound = 5e-5 * Math.Max(1, expected.Cells.Max(c => c.Values.Max(Math.Abs)));
        foreach (var (a, b) in found.Cells.Zip(expected.Cells))
        {
            a.Values.Zip(b.Values).Max(v => Math.Abs(v.First - v.Second)).ShouldBeLessThanOrEqualTo(bound, a.Cell.Name);
        }
    }

    private sealed class Stopping(CancellationTokenSource stop, double at) : IProgress<double>
    {
        public int Reports { get; private set; }

        public void Report(double value)
        {
            Reports++;
            if (value >= at)
            {
                stop.Cancel();
            }
        }
    }
}
