using System.Security.Cryptography;
using System.Text;
using Vitrine.Mechanisms.Causes;
using Vitrine.Mechanisms.Doses;
using Vitrine.Policies;
using Vitrine.Transformers;
using Vitrine.Worlds;
using Vitrine.Worlds.Statistics;
using Vitrine.Worlds.Studies;
using Vitrine.Worlds.Tabletop;

namespace Vitrine.Cli.Demo;

/// <summary>One row of the one-step table: a part of the network, asked in three ways.</summary>
internal sealed record PartRow(Component Component, int? Layer, Estimate MeanDifference, Estimate Sufficient, Estimate Necessary);

/// <summary>One control of the one-step table; the draws' means where it is random.</summary>
internal sealed record ControlRow(string Name, Estimate? Effect, IReadOnlyList<double>? Draws);

/// <summary>All that one decision says about a concept.</summary>
internal sealed record OneStepResult(string Concept, string Metric, int States, double Baseline, Estimate Prompt, IReadOnlyList<PartRow> Parts, IReadOnlyList<ControlRow> Controls);

/// <summary>The causal experiments of one concept: where it acts in one decision, then what its edits do to the moving robot.</summary>
internal sealed class ConceptExperiment : IDisposable
{
    private static readonly (Component Component, string Name)[] Parts = [(Component.Attention, "attention"), (Component.FeedForward, "feed-forward")];
    private readonly Policy policy;
    private readonly DemoConcept concept;
    private readonly DemoSize size;
    private readonly ComponentOutputs difference;
    private readonly ComponentOutputs[] random;
    private readonly LexicalClamp clamp;
    private readonly int[] layers;

    /// <summary>The lexical clamp with its controls.</summary>
    private sealed record LexicalClamp(Transformers.Edits.Clamp Edit, ClampControls Controls);

    public ConceptExperiment(Policy policy, DemoConcept concept, NeuronSet cluster, IReadOnlySet<Neuron> clustered, Calibration calibration, DemoSize size, CancellationToken cancellation)
    {
        (this.policy, this.concept, this.size) = (policy, concept, size);
        layers = [.. Enumerable.Range(0, policy.Language.Shape.Layers)];
        var selection = new OneStep(policy, TabletopStates.Draw(size.Seed, LayoutSplit.Selection, concept.Tasks, size.States));
        using var with = selection.With(concept.Word).Outputs(cancellation);
        using var without = selection.Outputs(cancellation);
        difference = with.MeanDifference(without);
        random = [.. Enumerable.Range(0, size.Draws).Select(d => difference.RandomDirections((int)size.Seed + d))];
        var dose = Dose.Sigmas(4);
        clamp = new LexicalClamp(dose.Clamp(cluster, calibration), Controls.For(policy.Language, cluster, dose, calibration, clustered, size.Draws, (int)size.Seed));
    }

    /// <summary>Where the concept acts in one decision, part by part, on states that served for no choice.</summary>
    public OneStepResult Decide(IProgress<double> progress, CancellationToken cancellation)
    {
        var step = new OneStep(policy, TabletopStates.Draw(size.Seed, LayoutSplit.Test, concept.Tasks, size.States));
        var worded = step.With(concept.Word);
        using var with = worded.Outputs(cancellation);
        using var without = step.Outputs(cancellation);
        var baseline = step.Baseline;
        var parts = Parts.Append((Component.Residual, "residual")).SelectMany(p => layers.Select(l => (p.Item1, (int?)l)).Concat(p.Item1 == Component.Residual ? [] : [(p.Item1, null)])).ToArray();
        var jobs = new List<Func<IReadOnlyList<PolicyAction>>>
        {
            () => worded.Act(null, cancellation),
            () => step.Act(new RunPlan { Edits = difference.Added(Component.Attention, layers, factor: 0) }, cancellation),
            () => step.Act(RunPlan.Editing(clamp.Edit), cancellation),
        };
        foreach (var (component, layer) in parts)
        {
            int[] at = layer is { } one ? [one] : layers;
            jobs.Add(() => step.Act(new RunPlan { Edits = difference.Added(component, at) }, cancellation));
            jobs.Add(() => step.Act(new RunPlan { Edits = with.PutIn(component, at) }, cancellation));
            jobs.Add(() => worded.Act(new RunPlan { Edits = without.PutIn(component, at) }, cancellation));
        }

        jobs.AddRange(clamp.Controls.MatchedRandom.Select(c => (Func<IReadOnlyList<PolicyAction>>)(() => step.Act(RunPlan.Editing(c), cancellation))));
        jobs.AddRange(Parts.SelectMany(p => random.Select(r => (Func<IReadOnlyList<PolicyAction>>)(() => step.Act(new RunPlan { Edits = r.Added(p.Component, layers) }, cancellation)))));
        var effects = Run(jobs, size.Workers, progress, cancellation).Select(a => step.Effect("", a, concept.Metric).Hard).ToArray();
        var estimates = effects.Select(e => PairedBootstrap.MeanDifference(e)).ToArray();
        var after = 3 + (3 * parts.Length);
        return new OneStepResult(
            concept.Name, concept.MetricName, size.States, baseline.Average(a => concept.Metric.Of(a.Values)), estimates[0],
            [.. parts.Select((p, i) => new PartRow(p.Item1, p.Item2, estimates[3 + (3 * i)], estimates[4 + (3 * i)], estimates[5 + (3 * i)]))],
            [
                new ControlRow("zero dose", estimates[1], null),
                new ControlRow($"lexical clamp, {clamp.Edit.Neurons.Count} neurons at mean +4 sd", estimates[2], null),
                new ControlRow("matched-random clamps", null, [.. effects.Skip(after).Take(size.Draws).Select(e => e.Average())]),
                .. Parts.Select((p, i) => new ControlRow($"random directions, {p.Name}, same norms", null, [.. effects.Skip(after + ((1 + i) * size.Draws)).Take(size.Draws).Select(e => e.Average())])),
            ]);
    }

    /// <summary>The closed-loop study: every edit with its controls, on the same layouts and pixel noise.</summary>
    public Study Study()
    {
        Arm[] arms =
        [
            new Arm { Name = "no edit", Kind = ArmKind.Baseline },
            NewArm("zero dose", ArmKind.ZeroDose),
            NewArm($"say '{concept.Word}'", ArmKind.Prompt) with { Word = concept.Word },
            NewArm("lexical clamp", ArmKind.Edit),
            NewArm("attention mean difference", ArmKind.Edit),
            NewArm("feed-forward mean difference", ArmKind.Edit),
            .. Enumerable.Range(1, size.Draws).Select(d => NewArm($"matched random {d}", ArmKind.MatchedRandom) with { Group = "matched-random clamps" }),
            .. Enumerable.Range(1, size.Draws).Select(d => NewArm($"random direction {d}", ArmKind.RandomDirection) with { Group = "random directions, attention" }),
        ];
        return new Study
        {
            Name = concept.Name,
            Tasks = concept.Tasks,
            LayoutsPerTask = (int)Math.Ceiling(size.Layouts / (double)concept.Tasks.Count),
            StepLimit = size.Steps,
            Seed = size.Seed,
            Arms = arms,
        };
    }

    /// <summary>The actor of an arm.</summary>
    public IActor ActorOf(Arm arm) => policy.With(PlanOf(arm.Name));

    /// <inheritdoc/>
    public void Dispose()
    {
        difference.Dispose();
        Array.ForEach(random, r => r.Dispose());
    }

    private Arm NewArm(string name, ArmKind kind) => new()
    {
        Name = name,
        Kind = kind,
        Concept = concept.Name,
        Fingerprint = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(PlanOf(name).ToJson()))),
    };

    private RunPlan PlanOf(string name) => name switch
    {
        "zero dose" => new RunPlan { Edits = [.. clamp.Controls.ZeroDose, .. difference.Added(Component.Attention, layers, factor: 0)] },
        "lexical clamp" => RunPlan.Editing(clamp.Edit),
        "attention mean difference" => new RunPlan { Edits = difference.Added(Component.Attention, layers) },
        "feed-forward mean difference" => new RunPlan { Edits = difference.Added(Component.FeedForward, layers) },
        _ when name.StartsWith("matched random ", StringComparison.Ordinal) => RunPlan.Editing(clamp.Controls.MatchedRandom[Number(name) - 1]),
        _ when name.StartsWith("random direction ", StringComparison.Ordinal) => new RunPlan { Edits = random[Number(name) - 1].Added(Component.Attention, layers) },
        _ => RunPlan.Empty,
    };

    private static int Number(string name) => int.Parse(name[(name.LastIndexOf(' ') + 1)..], System.Globalization.CultureInfo.InvariantCulture);

    private static IReadOnlyList<PolicyAction>[] Run(List<Func<IReadOnlyList<PolicyAction>>> jobs, int workers, IProgress<double> progress, CancellationToken cancellation)
    {
        var results = new IReadOnlyList<PolicyAction>[jobs.Count];
        var done = 0;
        Parallel.For(0, jobs.Count, new ParallelOptions { MaxDegreeOfParallelism = workers, CancellationToken = cancellation }, i =>
        {
            TorchSharp.torch.set_num_threads(1);
            results[i] = jobs[i]();
            progress.Report((double)Interlocked.Increment(ref done) / jobs.Count);
        });
        return results;
    }
}
