using System.Globalization;
using Vitrine.Mechanisms.Lenses;
using Vitrine.Mechanisms.Metrics;
using Vitrine.Transformers;
using static TorchSharp.torch;

namespace Vitrine.Certification.Methods;

/// <summary>A tuned lens as the authors' library saved it, what is read through it, and steps of its training.</summary>
internal static class TunedLensGoldens
{
    private static readonly Dictionary<string, LensLoss> Losses = new() { ["kl"] = LensLoss.Divergence, ["ce"] = LensLoss.NextToken };
    private static readonly Dictionary<string, LensOptimiser> Optimisers = new() { ["sgd"] = LensOptimiser.Sgd, ["adam"] = LensOptimiser.Adam };

    public static IEnumerable<CertificateRow> Compare(Fixture fixture, string name, TextModel model)
    {
        using var scope = NewDisposeScope();
        using var lens = TunedLens.Open(Path.Combine(fixture.Folder, name));
        lens.RequireOf(model.Language);
        var subject = Subject.Of(model, TokenBatch.Of(fixture.IdRows($"{name}/in.ids")));
        var trained = new Dictionary<string, Tensor>();
        foreach (var (loss, towards) in Losses)
        {
            foreach (var (optimiser, by) in Optimisers)
            {
                Train($"train.{loss}", optimiser, new TunedLensTraining { Loss = towards, Optimiser = by });
            }
        }

        var read = Read(model, subject, lens);
        foreach (var key in fixture.KeysOf(name).Where(k => k != "in.ids"))
        {
            var expected = fixture.Read($"{name}/{key}");
            var found = read.GetValueOrDefault(key) ?? trained.GetValueOrDefault(key);
            if (found is not null && key.EndsWith("logits", StringComparison.Ordinal))
            {
                found = found.narrow(2, found.shape[2] - expected.shape[2], expected.shape[2]);
            }

            yield return found is null ? CertificateRow.Failed(name, key, "this key is not known")
                : Comparison.Of(name, key, found, expected, relativeToLargest: key.Contains(".grad.", StringComparison.Ordinal));
        }

        void Train(string loss, string optimiser, TunedLensTraining training)
        {
            if (!fixture.Has($"{name}/{loss}.{optimiser}.loss"))
            {
                return;
            }

            using var trainer = new TunedLensTrainer(subject, training, TunedLens.Open(Path.Combine(fixture.Folder, name)));
            foreach (var (i, gradient) in trainer.Gradients(subject).Gradients.Index())
            {
                trained[$"{loss}.grad.{i / 2}.{(i % 2 == 0 ? "weight" : "bias")}"] = gradient;
            }

            var steps = fixture.Shape($"{name}/{loss}.{optimiser}.loss")[0];
            var losses = new List<double>();
            for (var step = 0; step < steps; step++)
            {
                losses.AddRange(trainer.Step(subject));
                trained.TryAdd($"{loss}.grad_norm", tensor(trainer.GradientNorm));
            }

            trained[$"{loss}.{optimiser}.loss"] = tensor(losses.ToArray(), [steps, losses.Count / steps]);
            for (var i = 0; i < trainer.Lens.Layers; i++)
            {
                trained[string.Create(CultureInfo.InvariantCulture, $"{loss}.{optimiser}.after.{i}.weight")] = trainer.Lens[i].Weight.clone();
                trained[string.Create(CultureInfo.InvariantCulture, $"{loss}.{optimiser}.after.{i}.bias")] = trainer.Lens[i].Bias!.clone();
            }
        }
    }

    private static Dictionary<string, Tensor> Read(TextModel model, Subject subject, TunedLens lens)
    {
        using var mode = no_grad();
        using var run = subject.Run(RunPlan.Capturing("language.*.resid_pre"));
        Tensor[] residuals = [.. Enumerable.Range(0, lens.Layers).Select(i => run.Run[$"language.{i}.resid_pre"])];
        var hidden = stack([.. residuals.Select((h, i) => lens.Apply(h, i))]);
        var (logits, plain) = (Said(hidden), Said(stack(residuals)));
        var answer = run.Run.Logits.unsqueeze(0).expand_as(logits);
        var found = new Dictionary<string, Tensor>
        {
            ["hidden"] = hidden,
            ["logits"] = logits,
            ["logit_lens.logits"] = plain,
            ["kl"] = Trajectory.Divergence(answer, logits),
            ["kl_logit_lens"] = Trajectory.Divergence(answer, plain),
            ["js"] = Trajectory.JensenShannon(answer, logits),
        };
        for (var i = 0; i < lens.Layers; i++)
        {
            found[string.Create(CultureInfo.InvariantCulture, $"w.translator.{i}.weight")] = lens[i].Weight;
            if (lens[i].Bias is { } bias)
            {
                found[string.Create(CultureInfo.InvariantCulture, $"w.translator.{i}.bias")] = bias;
            }
        }

        return found;

        Tensor Said(Tensor x) => LensReader.Said(model.Language, x);
    }
}
