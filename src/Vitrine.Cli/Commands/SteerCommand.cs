using System.CommandLine;
using System.Globalization;
using Spectre.Console;
using Vitrine.Checkpoints;
using Vitrine.Mechanisms.Causes;
using Vitrine.Mechanisms.Concepts;
using Vitrine.Mechanisms.Doses;
using Vitrine.Mechanisms.Experts;
using Vitrine.Mechanisms.Statistics;
using Vitrine.Mechanisms.ValueVectors;
using Vitrine.Policies;
using Vitrine.Policies.Flow;
using Vitrine.Transformers;
using Vitrine.Transformers.Points;
using Vitrine.Worlds.Tabletop;

namespace Vitrine.Cli.Commands;

/// <summary><c>vitrine steer MODEL CONCEPT</c>: one decision, or the next token of a text, with and without a clamp, beside its controls.</summary>
internal static class SteerCommand
{
    private const string DoseForms =
        "A number, deviations from the natural mean as +4sd, a natural quantile as q0.99, or a multiple of the natural maximum as 2max.";

    public static Command Create()
    {
        var name = ModelArgument.Speaking();
        var concept = new Argument<string>("CONCEPT")
        {
            Description = "A concept of the word lists, the name of a set in --set, or for a policy whose expert flows a direction of action such as +z; for a "
                + "text model words of its vocabulary, with commas.",
        };
        var dose = new Option<string>("--dose") { Description = DoseForms, DefaultValueFactory = _ => "+4sd" };
        var add = new Option<bool>("--add") { Description = "Add the dose to what the neurons say by themselves, instead of clamping them to it." };
        var file = new Option<string?>("--set") { Description = "YAML of neuron sets, Vitrine's or the published form; the policy then needs no vocabulary." };
        var words = WordsOption.Create();
        var metric = new Option<string?>("--metric")
        {
            Description = "What is measured of an action: speed (the length of dx, dy, dz), or a dimension such as dz; by default what the concept is about.",
        };
        var text = new TextSteeringOptions();
        var states = new StateOptions(drawn: 48);
        var calibrated = new Option<string?>("--calibration") { Description = "What 'vitrine calibrate' wrote of this policy; measured anew by default." };
        var plans = new Option<string?>("--save-plans")
        {
            Description = "Write what each arm does into this folder, one JSON each, for 'vitrine rollout --arms'.",
        };
        var draws = new Option<int>("--draws") { Description = "Matched-random sets.", DefaultValueFactory = _ => 8 };
        var units = UnitsOption.Create();
        var device = DeviceOption.Create();
        var allowed = NonFiniteOption.Create();
        var json = Output.JsonOption();
        var command = new Command(
            "steer", "Clamp a concept's neurons in one decision, or while a text is read, and compare with zero dose and matched-random neurons.")
        {
            name, concept, dose, add, file, words, metric, calibrated, draws, plans, units, device, allowed, json,
        };
        states.AddTo(command);
        text.AddTo(command);
        command.SetAction(async (parsed, cancellation) =>
        {
            var amount = Dose.Parse(parsed.GetValue(dose)!);
            using var model = Policy.Catalog.Open(parsed.GetValue(name)!, allowed.Over(device.ModelOptionsOf(parsed), parsed));
            if (model is TextModel reading)
            {
                var said = new TextSteeringAsked(
                    parsed.GetValue(concept)!, amount, parsed.GetValue(add), parsed.GetValue(file), parsed.GetValue(calibrated), parsed.GetValue(draws),
                    (int)parsed.GetValue(states.Seed), parsed.GetValue(json));
                return await text.RunAsync(parsed, reading, said, cancellation).ConfigureAwait(false);
            }

            var policy = model as Policy ?? throw new VitrineException($"{model.Name}: is an image encoder; steer takes a policy or a text model.");
            using var acting = policy.With(units: parsed.GetValue(units));
            var asked = parsed.GetValue(concept)!;
            var towards = policy is FlowPolicy flow && parsed.GetValue(file) is null && ActionDirection.IsOne(asked)
                ? ActionDirection.Parse(asked, flow.ActionNames)
                : null;
            var about = towards is not null ? policy.ActionNames[towards.Dimension]
                : ConceptNames.Find(asked, words.Lists(parsed, policy)) is { } list ? TabletopVocabulary.MetricOf(list.Name)
                : null;
            var measured = ActionMetric.Named(parsed.GetValue(metric) ?? about ?? ActionMetric.Speed.Name, policy.ActionNames);
            var source = states.Source(parsed, policy);
            var tests = source.ForTest(states.Count(parsed));
            var (steering, baseline, arms, kept) = await Output.WithProgressAsync("deciding", p => Task.FromResult(Steered(p))).ConfigureAwait(false);
            Output.Warn(kept.SelectMany(k => policy.DeadEdits(k.Plan).Select(e => $"arm '{k.Name}', {e}")));
            if (parsed.GetValue(plans) is { } folder)
            {
                AtomicFile.RequireFolder(folder);
                foreach (var (arm, plan) in kept)
                {
                    plan.Save(Path.Combine(folder, $"{arm.Replace(' ', '-')}.json"));
                }
            }

            Output.Warn(arms.SelectMany(a => a.Untouched.Select(e => $"arm '{a.Arm}', {e}")));
            Row[] rows =
            [
                .. arms.Select(a => new Row(
                    a.Arm, Estimated(a.Hard, parsed.GetValue(allowed)), Estimated(a.Soft, parsed.GetValue(allowed)), a.Changed, a.Cosine, baseline)),
            ];
            if (parsed.GetValue(json))
            {
                Output.Write(rows);
                return 0;
            }

            Print(rows, measured);
            var why = parsed.GetValue(metric) is not null ? "as asked" : about is not null ? "what the concept is about" : "the default";
            var set = steering.Neurons;
            var mirrored = steering.Mirrored.Count > 0 ? $" ({steering.Mirrored.Count} of them at {amount.Mirrored}: they write the other way)" : "";
            Console.WriteLine($"{set.Count} neurons of '{set.Stack}' at {amount}{mirrored}, {tests.Count} states, paired bootstrap; "
                + $"measured is {measured.Name} ({why}), {Output.Signed(baseline)} unedited");
            return 0;

            (NeuronSteering, double, IReadOnlyList<ArmEffect>, IReadOnlyList<(string Name, RunPlan Plan)>) Steered(IProgress<double> progress)
            {
                var deciding = acting.DecidingStack(tests);
                var sets = parsed.GetValue(file) is { } path ? NeuronSetFile.Open(path, deciding.Shape.Neurons, deciding.Shape.Name) : null;
                var (set, clustered) = towards is null
                    ? Neurons(policy, deciding.Shape, asked, parsed.GetValue(file), sets, () => words.Lists(parsed, policy), cancellation)
                    : default;
                var stack = set?.Stack ?? deciding.Shape.Name;
                var calibration = parsed.GetValue(calibrated) is { } kept
                    ? Calibration.Open(kept)
                    : Calibration.Measure(acting, source.ForCalibration(), cancellation: cancellation, stackName: stack);
                IReadOnlySet<Neuron> less = new HashSet<Neuron>();
                if (towards is not null)
                {
                    var written = ExpertReading.Of((FlowPolicy)policy, calibration).Along(towards, text.Count(parsed));
                    set = new NeuronSet(written.Select(n => n.Neuron), stack);
                    (less, clustered) = (written.Where(n => n.Along(towards) < 0).Select(n => n.Neuron).ToHashSet(), set.Neurons.ToHashSet());
                }

                var made = new NeuronSteering(set!, amount, parsed.GetValue(add))
                {
                    Excluded = clustered!,
                    Mirrored = less,
                    Draws = parsed.GetValue(draws),
                    Seed = (int)parsed.GetValue(states.Seed),
                };
                var (unedited, effects) = made.Measure(acting, tests, calibration, measured, progress, cancellation);
                return (made, unedited, effects, parsed.GetValue(plans) is null && policy is not FlowPolicy ? [] : made.Arms(acting, calibration));
            }
        });
        return command;
    }

    private sealed record Row(string Arm, Estimate Hard, Estimate Soft, double Changed, double Cosine, double Baseline);

    /// <summary>The neurons to steer, and those that no control may hold: all that spell a concept, or where nothing can be spelled, all of the file.</summary>
    private static (NeuronSet Set, IReadOnlySet<Neuron> Clustered) Neurons(
        Policy policy, StackShape deciding, string name, string? file, IReadOnlyDictionary<string, NeuronSet>? sets, Func<IReadOnlyList<WordList>> lists,
        CancellationToken cancellation)
    {
        if (sets is not null && !sets.ContainsKey(name))
        {
            throw new VitrineException($"{file}: has no set '{name}'; there are {string.Join(", ", sets.Keys)}.");
        }

        var hasWords = policy.Language.Shape.Vocabulary > 0 && policy.Language.Shape.Name == deciding.Name;
        if (sets is not null && !hasWords)
        {
            return (sets[name], sets.Values.SelectMany(s => s.Neurons).ToHashSet());
        }

        var patterns = LexicalPatterns.Read(policy, lists(), cancellation: cancellation);
        return (sets?[name] ?? patterns.Set(name), patterns.AllClustered());
    }

    private static void Print(IReadOnlyList<Row> rows, ActionMetric metric)
    {
        var table = Output.Table("arm", $"change of {metric.Name}, 95 %", "expected action, 95 %", "states changed", "cosine");
        foreach (var row in rows)
        {
            table.Add(
                row.Arm, Output.WithInterval(row.Hard.Mean, row.Hard.Low, row.Hard.High), Output.WithInterval(row.Soft.Mean, row.Soft.Low, row.Soft.High),
                row.Changed.ToString("0 %", CultureInfo.InvariantCulture), row.Cosine.ToString("0.00", CultureInfo.InvariantCulture));
        }

        AnsiConsole.Write(table);
    }

    /// <remarks>Of numbers of which some are none there is no estimate: it is shown as none.</remarks>
    private static Estimate Estimated(IReadOnlyList<double> differences, bool allowed)
        => allowed && !differences.All(double.IsFinite) ? new Estimate(double.NaN, double.NaN, double.NaN) : PairedBootstrap.MeanDifference(differences);
}
