using Vitrine.Mechanisms.Lenses;
using Vitrine.Mechanisms.Metrics;
using Vitrine.Tests.Cli;
using Vitrine.Tests.Policies.Flow;
using Vitrine.Transformers;
using Vitrine.Transformers.Edits;
using static TorchSharp.torch;

namespace Vitrine.Tests.Mechanisms.Lenses;

public sealed class TrainedLensTests
{
    private static string Tiny(string name = "gpt2-tiny") => Fixtures.Of("methods", $"_models/{name}");

    [Theory, InlineData("gpt2-tiny"), InlineData("llama-tiny")]
    public void A_tuned_lens_that_was_written_is_the_one_that_was_read(string name)
    {
        using var folder = new TemporaryFolder();
        var from = Fixtures.Of("methods", "tuned-lens", name);
        using var lens = TunedLens.Open(from);
        lens.Save(folder.Path);
        using var again = TunedLens.Open(folder.Path);
        for (var i = 0; i < lens.Layers; i++)
        {
            again[i].Weight.IsBitFor(lens[i].Weight).ShouldBeTrue();
            again[i].Bias!.IsBitFor(lens[i].Bias!).ShouldBeTrue();
        }

        // The library's own config.json, key by key.
        File.ReadAllText(Path.Combine(folder.Path, "config.json")).ShouldBe(File.ReadAllText(Path.Combine(from, "config.json")));
    }

    [Fact]
    public void Training_brings_what_is_read_nearer_to_the_answer()
    {
        using var model = TextModel.Open(Tiny());
        TokenBatch[] batches = [.. Enumerable.Range(0, 4).Select(i => TokenBatch.Of([.. Enumerable.Range(0, 2).Select(r =>
            (IReadOnlyList<int>)[.. Enumerable.Range(0, 12).Select(t => ((((i * 31) + (r * 17) + (t * t * 7)) % 297) + 3))])]))];
        var losses = new List<double>();
        using var lens = TunedLensTrainer.Train(
            model, batches, 40, new TunedLensTraining { Optimiser = LensOptimiser.Adam, LearningRate = .01 }, new Direct(s => losses.Add(s.Losses.Average())));
        losses.Count.ShouldBe(40);
        losses[^4..].Average().ShouldBeLessThan(.7 * losses[..4].Average());
        var subject = Subject.Of(model, batches[0]);
        Mean(LensReader.Read(subject, lens)).ShouldBeLessThan(.8 * Mean(LensReader.Read(subject)));

        static double Mean(LensReading reading) => reading.Places.Average(p => p.Cells[0].Divergence!.Value);
    }

    [Fact]
    public void Broken_tuned_lenses_are_refused_by_name()
    {
        using var folder = new TemporaryFolder();
        Refused(() => TunedLens.Open(folder.Path)).ShouldContain("is no tuned lens");
        var from = Fixtures.Of("methods", "tuned-lens", "gpt2-tiny");
        File.Copy(Path.Combine(from, "params.pt"), folder["params.pt"]);
        var config = File.ReadAllText(Path.Combine(from, "config.json"));
        File.WriteAllText(folder["config.json"], config.Replace("\"d_model\": 48", "\"d_model\": 47"));
        Refused(() => TunedLens.Open(folder.Path)).ShouldContain("'0.weight' is [48, 48]");
        File.WriteAllText(folder["config.json"], config.Replace("\"num_hidden_layers\": 3", "\"num_hidden_layers\": 2"));
        Refused(() => TunedLens.Open(folder.Path)).ShouldContain("'2.");
        File.WriteAllText(folder["config.json"], config.Replace("linear_tuned_lens", "other_lens"));
        Refused(() => TunedLens.Open(folder.Path)).ShouldContain("lens_type");
        File.WriteAllText(folder["config.json"], config.Replace("\"bias\"", "\"sublayers\": 1, \"bias\""));
        Refused(() => TunedLens.Open(folder.Path)).ShouldContain("sublayers");
    }

    /// <summary>A small step of the residual at the last position moves the target as the fitted map says, at every depth.</summary>
    [Theory]
    [InlineData("gpt2-tiny", JacobianTarget.Residual)]
    [InlineData("llama-tiny", JacobianTarget.Logits)]
    public void A_Jacobian_of_one_text_is_its_finite_difference(string name, JacobianTarget target)
    {
        using var model = TextModel.Open(Tiny(name), new ModelOptions { Dtype = float64 });
        var batch = TokenBatch.Of([9, 30, 31, 5]);
        using var lens = JacobianLens.Fit([Subject.Of(model, batch)], target, chunk: 7);
        var (layers, width) = (model.Language.Shape.Layers, model.Language.Shape.Width);
        var end = target == JacobianTarget.Logits ? "language.final_norm" : $"language.{layers - 1}.resid_post";
        using var generator = new Generator(3);
        using var scope = NewDisposeScope();
        var step = randn([width], float64, generator: generator) * 1e-3;
        for (var depth = 0; depth < layers; depth++)
        {
            var moved = At(1) - At(-1);
            var told = lens[depth].to(float64).mv(step) * 2;
            (moved - told).abs().max().item<double>().ShouldBeLessThan(1e-3 * moved.abs().max().item<double>(), $"depth {depth}");

            Tensor At(int sign)
            {
                var edit = new Add($"language.{depth}.resid_pre", EditValue.Of(step * sign)) { Scope = new EditScope { Positions = Positions.At(-1) } };
                using var run = model.Run(batch, RunPlan.Editing(edit).Then(RunPlan.Capturing(end)));
                return run[end][0, -1].clone();
            }
        }
    }

    /// <summary>On the text that it was fitted to the tangent plane touches: the lens reads the model's own answer at every depth.</summary>
    [Theory, InlineData(JacobianTarget.Residual), InlineData(JacobianTarget.Logits)]
    public void On_its_own_text_a_Jacobian_lens_reads_the_answer(JacobianTarget target)
    {
        using var model = TextModel.Open(Tiny());
        var subject = Subject.Of(model, TokenBatch.Of([9, 30, 31, 5]));
        using var lens = JacobianLens.Fit([subject], target);
        LensReader.Read(subject, lens).Places[^1].Cells.ShouldAllBe(c => c.Divergence < 1e-4);
        LensReader.Read(subject, lens).Places[0].Cells[0].Divergence!.Value.ShouldBeGreaterThan(1e-3);
    }

    [Fact]
    public void A_Jacobian_lens_is_kept_in_a_file_and_refused_to_other_weights()
    {
        using var folder = new TemporaryFolder();
        using var model = TextModel.Open(Tiny());
        using var other = TextModel.Open(Tiny("llama-tiny"));
        Subject[] texts = [Subject.Of(model, TokenBatch.Of([9, 30, 31, 5])), Subject.Of(model, TokenBatch.Of([4, 4, 8]))];
        using var lens = JacobianLens.Fit(texts);
        lens.Save(folder["lens.safetensors"]);
        using var again = JacobianLens.Load(folder["lens.safetensors"], model);
        (again.Samples, again.Target).ShouldBe((2, JacobianTarget.Residual));
        again[1].IsBitFor(lens[1]).ShouldBeTrue();
        using var x = randn(1, 3, model.Language.Shape.Width);
        again.Apply(x, 2).IsBitFor(lens.Apply(x, 2)).ShouldBeTrue();
        Refused(() => JacobianLens.Load(folder["lens.safetensors"], other)).ShouldContain("other weights");
        Refused(() => JacobianLens.Load(Fixtures.Of("methods", "dla", "golden.safetensors"), model)).ShouldContain("is no Jacobian lens");
        Refused(() => JacobianLens.Fit([])).ShouldContain("0 subjects");

        // The mean of the two that each text alone has.
        using var first = JacobianLens.Fit([texts[0]]);
        using var second = JacobianLens.Fit([texts[1]]);
        (((first[0] + second[0]) / 2) - lens[0]).abs().max().item<float>().ShouldBeLessThan(1e-5f);
    }

    private static string Refused(Action open) => Should.Throw<VitrineException>(open).Message;

    private sealed class Direct(Action<(int Step, IReadOnlyList<double> Losses)> report) : IProgress<(int Step, IReadOnlyList<double> Losses)>
    {
        public void Report((int Step, IReadOnlyList<double> Losses) value) => report(value);
    }
}
