using System.CommandLine;
using System.Globalization;
using Spectre.Console;
using Vitrine.Mechanisms.Causes;
using Vitrine.Mechanisms.Concepts;
using Vitrine.Mechanisms.Doses;
using Vitrine.Mechanisms.ValueVectors;
using Vitrine.Policies;
using Vitrine.Transformers;
using Vitrine.Transformers.Edits;
using Vitrine.Worlds;
using Vitrine.Worlds.Statistics;
using Vitrine.Worlds.Tabletop;

namespace Vitrine.Cli.Commands;

/// <summary><c>vitrine steer POLICY CONCEPT</c>: one decision with and without a clamp, beside its controls.</summary>
internal static class SteerCommand
{
    public static Command Create()
    {
        var name = ModelArgument.Policy();
        var concept = new Argument<string>("CONCEPT") { Description = "A concept of the word lists, or the name of a set in --set." };
        var dose = new Option<string>("--dose") { Description = "A number, deviations from the natural mean as +4sd, a natural quantile as q0.99, or a multiple of the natural maximum as 2max.", DefaultValueFactory = _ => "+4sd" };
        var add = new Option<bool>("--add") { Description = "Add the dose to what the neurons say by themselves, instead of clamping them to it." };
        var file = new Option<string?>("--set") { Description = "YAML of neuron sets, Vitrine's or the published form." };
        var metric = new Option<string>("--metric") { Description = "speed or dz.", DefaultValueFactory = _ => "speed" };
        var states = new Option<int>("--states", "-n") { Description = "Situations of the tabletop.", DefaultValueFactory = _ => 48 };
        var draws = new Option<int>("--draws") { Description = "Matched-random sets.", DefaultValueFactory = _ => 8 };
        var seed = new Option<ulong>("--seed") { Description = "Decides situations and draws.", DefaultValueFactory = _ => 1 };
        var json = Output.JsonOption();
        var command = new Command("steer", "Clamp a concept's neurons in one decision and compare with zero dose and matched-random neurons.") { name, concept, dose, add, file, metric, states, draws, seed, json };
        command.SetAction(async (parsed, cancellation) =>
        {
            using var policy = Policy.Open(parsed.GetValue(name)!);
            var tokens = TokenReader.Of(policy);
            var readings = VocabularyProjection.Read(policy.Language, [.. Enumerable.Range(0, policy.Language.Shape.Layers)], 30, tokens.Valid, cancellation: cancellation);
            var patterns = new LexicalPatterns(readings, tokens, TabletopVocabulary.Concepts);
            var set = Set(parsed.GetValue(file), parsed.GetValue(concept)!, patterns, policy.Language.Shape.Neurons);
            var amount = Dose.Parse(parsed.GetValue(dose)!);
            var measured = parsed.GetValue(metric) switch
            {
                "speed" => ActionMetric.Speed,
                "dz" => ActionMetric.Rise,
                var other => throw new VitrineException($"steer: --metric is '{other}'; expected speed or dz."),
            };
            var rows = await Output.WithProgressAsync("deciding", p => Task.FromResult(Rows(policy, set, amount, parsed.GetValue(add), measured, patterns, parsed.GetValue(states), parsed.GetValue(draws), parsed.GetValue(seed), p, cancellation))).ConfigureAwait(false);
            if (parsed.GetValue(json))
            {
                Output.Write(rows);
                return 0;
            }

            var table = Output.Table("arm", $"change of {measured.Name}", "95 %", "of the expected action", "95 %", "states whose action changes", "cosine");
            foreach (var row in rows)
            {
                table.Add(row.Arm, Output.Signed(row.Hard.Mean), Interval(row.Hard), Output.Signed(row.Soft.Mean), Interval(row.Soft), row.Changed.ToString("0 %", CultureInfo.InvariantCulture), row.Cosine.ToString("0.00", CultureInfo.InvariantCulture));
            }

            AnsiConsole.Write(table);
            Console.WriteLine($"{set.Count} neurons at {amount}, {parsed.GetValue(states)} states, paired bootstrap; baseline {measured.Name} {Output.Signed(rows[0].Baseline)}");
            return 0;
        });
        return command;
    }

    internal sealed record Row(string Arm, Estimate Hard, Estimate Soft, double Changed, double Cosine, double Baseline);

    private static NeuronSet Set(string? file, string name, LexicalPatterns patterns, int neurons)
    {
        if (file is null)
        {
            var cluster = new NeuronSet(patterns.Cluster(name).Select(n => n.Neuron));
            return cluster.Count > 0 ? cluster : throw new VitrineException($"concept '{name}': no neuron spells it.");
        }

        string text;
        try
        {
            text = File.ReadAllText(file);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new VitrineException($"{file}: cannot be read ({e.Message}).", e);
        }

        var sets = NeuronSetFile.Read(text, file, neurons);
        return sets.TryGetValue(name, out var set) ? set : throw new VitrineException($"{file}: has no set '{name}'; there are {string.Join(", ", sets.Keys)}.");
    }

    private static Row[] Rows(Policy policy, NeuronSet set, Dose dose, bool adds, ActionMetric metric, LexicalPatterns patterns, int states, int draws, ulong seed, IProgress<double> progress, CancellationToken cancellation)
    {
        var calibration = CalibrateCommand.Measure(policy, seed, 96, null, cancellation);
        var step = new OneStep(policy, TabletopStates.Draw(seed, LayoutSplit.Test, ["reach", "lift", "push"], states));
        var controls = Controls.For(policy.Language, set, dose, calibration, patterns.AllClustered(), draws, (int)seed);
        (string, RunPlan)[] arms =
        [
            (adds ? "addition" : "clamp", new RunPlan { Edits = Dosed(set) }),
            ("zero dose", new RunPlan { Edits = controls.ZeroDose }),
            .. controls.Sets.Select((s, i) => ($"matched random {i + 1}", new RunPlan { Edits = Dosed(s) })),
        ];
        var baseline = step.Baseline.Average(a => metric.Of(a.Values));
        return
        [
            .. arms.Select((arm, i) =>
            {
                var effect = step.Effect(arm.Item1, step.Act(arm.Item2, cancellation), metric);
                progress.Report((i + 1.0) / arms.Length);
                return new Row(arm.Item1, PairedBootstrap.MeanDifference(effect.Hard), PairedBootstrap.MeanDifference(effect.Soft), effect.Changed, effect.Cosine, baseline);
            }),
        ];

        IReadOnlyList<Edit> Dosed(NeuronSet neurons) => adds ? dose.Add(neurons, calibration, policy.Language.Shape.Neurons) : [dose.Clamp(neurons, calibration)];
    }

    private static string Interval(Estimate e) => $"[{Output.Signed(e.Low)}, {Output.Signed(e.High)}]";
}
