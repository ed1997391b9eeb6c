using System.CommandLine;
using System.Globalization;
using Spectre.Console;
using Vitrine.Checkpoints;
using Vitrine.Mechanisms.Causes;
using Vitrine.Mechanisms.Statistics;
using Vitrine.Policies;
using Vitrine.Worlds;
using Vitrine.Worlds.Monitors;
using Vitrine.Worlds.Records;
using Vitrine.Worlds.Studies;
using Vitrine.Worlds.Tabletop;

namespace Vitrine.Cli.Commands;

/// <summary><c>vitrine monitor train</c> and <c>judge</c>: alarms out of activations while the robot moves.</summary>
internal sealed class MonitorCommand
{
    private readonly Option<string[]> records = Folders(
        "--from", "Records to train on: folders that 'vitrine rollout --record' wrote. Else rollouts are made.");
    private readonly Option<string[]> against = Folders("--against", "Records to alarm at, every act of them: another world, another instruction.");
    private readonly Option<string[]> judging = Folders(
        "--judge", "Records of other layouts to judge it on; without it half of the layouts of --from judge and the other half train.");
    private readonly Option<string> name = new("--policy") { Description = "Who acts in rollouts.", DefaultValueFactory = _ => "embedded:tabletop" };
    private readonly Option<int> layouts = new("--layouts", "-n")
    {
        Description = "Layouts of each task, to train on and as many to judge.",
        DefaultValueFactory = _ => 25,
    };
    private readonly Option<string[]> tasks = new("--tasks")
    {
        Description = "Tasks of the rollouts.",
        AllowMultipleArgumentsPerToken = true,
        DefaultValueFactory = _ => [.. TabletopWorld.TaskNames],
    };
    private readonly Option<int> steps = new("--steps") { Description = "Step limit of the rollouts.", DefaultValueFactory = _ => 80 };
    private readonly Option<ulong> seed = new("--seed")
    {
        Description = "Of the rollouts to train on; those to judge have the next one.",
        DefaultValueFactory = _ => 1,
    };
    private readonly EditOption plan = EditOption.Create(": rollouts without and with it; the alarm is for its acts.");
    private readonly Option<string> world = WorldOption.Create(" Of the rollouts.");
    private readonly Option<string?> perturbed = new("--perturbed")
    {
        Description = "Rollouts in this world too, e.g. tabletop:occlusion=.2; the alarm is for every act of theirs.",
    };
    private readonly Option<string?> kept = new("--records") { Description = "Keep the records of the rollouts here, and go on from them." };
    private readonly WorkersOption workers = WorkersOption.Create("Episodes side by side.");
    private readonly Option<string[]> points = new("--point")
    {
        Description = "Activations to read, addresses without wildcards; by default what records keep, else the residual two thirds up where it decides.",
        AllowMultipleArgumentsPerToken = true,
    };
    private readonly Option<MonitorKind> kind = new("--kind")
    {
        Description = "probe, mahalanobis or conformal.",
        DefaultValueFactory = _ => MonitorKind.Probe,
    };
    private readonly Option<MonitorLabel?> label = new("--label")
    {
        Description = "What to alarm at: fails (acts of episodes that fail, the default), edited (acts under an edit; the default with one).",
    };
    private readonly Option<double> falseAlarms = new("--false-alarms")
    {
        Description = "What the threshold is set for: share of quiet acts with an alarm; of quiet episodes with any, where the kind is conformal.",
        DefaultValueFactory = _ => .05,
    };
    private readonly Option<int> shuffles = new("--shuffles") { Description = "Draws of shuffled labels.", DefaultValueFactory = _ => 10 };
    private readonly Option<string?> called = new("--name") { Description = "What readings call it; its kind by default." };
    private readonly Option<string> output = new("--out") { Description = "JSON file for the monitor; its numbers are put beside it.", Required = true };
    private readonly DeviceOption device = DeviceOption.Create();
    private readonly NonFiniteOption allowed = NonFiniteOption.Create();
    private readonly Option<bool> json = Output.JsonOption();

    public static Command Create() => new("monitor", "Train alarms on activations of rollouts, and judge them on layouts that served for no training.")
    {
        Train(), Judge(),
    };

    private static Command Train()
    {
        var own = new MonitorCommand();
        var command = new Command("train", "Train a monitor on records, or on rollouts that are made for it, and judge it beside shuffled labels.")
        {
            own.records, own.against, own.judging, own.name, own.layouts, own.tasks, own.steps, own.seed, own.plan, own.world, own.perturbed,
            own.kept, own.workers, own.points, own.kind, own.label, own.falseAlarms, own.shuffles, own.called, own.output, own.device, own.allowed, own.json,
        };
        command.SetAction(own.TrainAsync);
        return command;
    }

    private static Command Judge()
    {
        var file = new Argument<string>("FILE") { Description = "A monitor that 'vitrine monitor train' wrote." };
        var records = Folders("--from", "Records of layouts that it was not trained on.");
        var against = Folders("--against", "Records to alarm at.");
        var json = Output.JsonOption();
        var command = new Command("judge", "Judge a monitor on records of layouts that it was not trained on.") { file, records, against, json };
        command.SetAction(parsed =>
        {
            var monitor = ActivationMonitor.Open(parsed.GetValue(file)!);
            var examples = MonitorExamples.Of(Opened(parsed.GetValue(records)), monitor.Points, monitor.Facts.Label, Opened(parsed.GetValue(against)));
            if (examples.Policy.Fingerprint != monitor.Facts.Policy.Fingerprint)
            {
                throw new VitrineException(
                    $"monitor '{monitor.Name}': is of the weights {monitor.Facts.Policy.Short}; the records are of {examples.Policy.Short}.");
            }

            Print(monitor.Name, monitor, MonitorReport.Of(monitor, examples), parsed.GetValue(json), file: null);
            return 0;
        });
        return command;
    }

    private static Option<string[]> Folders(string name, string description) => new(name) { Description = description, AllowMultipleArgumentsPerToken = true };

    private static EpisodeRecord[] Opened(string[]? folders) => [.. (folders ?? []).SelectMany(EpisodeRecord.Find).Select(EpisodeRecord.Open)];

    private async Task<int> TrainAsync(ParseResult parsed, CancellationToken cancellation)
    {
        var (sideBySide, many, most, draws) = (workers.Of(parsed), parsed.AtLeast(layouts, 1), parsed.AtLeast(steps, 1), parsed.AtLeast(shuffles, 1));
        var file = parsed.GetValue(output)!;
        ActivationMonitor.RequireName(file);
        AtomicFile.RequireWritable(file);
        var recipe = new MonitorRecipe
        {
            Kind = parsed.GetValue(kind),
            FalseAlarms = parsed.GetValue(falseAlarms),
            Seed = parsed.GetValue(seed),
            Name = parsed.GetValue(called) ?? parsed.GetValue(kind).ToString().ToLowerInvariant(),
        };
        recipe.Check();
        var (training, judged) = parsed.GetValue(records) is { Length: > 0 }
            ? OfRecords(parsed, recipe.Seed)
            : await OfRolloutsAsync(parsed, many, most, sideBySide, cancellation).ConfigureAwait(false);
        var monitor = await Output.WithProgressAsync(
            $"training on {training.Episodes} episodes, judging on {judged.Episodes}",
            progress => Task.FromResult(MonitorReport.Judged(recipe, training, judged, draws, progress, cancellation)))
            .ConfigureAwait(false);
        monitor.Save(file);
        Print(recipe.Name, monitor, monitor.Facts.Report!, parsed.GetValue(json), file);
        return 0;
    }

    private (MonitorExamples Training, MonitorExamples Judging) OfRecords(ParseResult parsed, ulong seed)
    {
        if (plan.Plan(parsed) is not null)
        {
            throw new VitrineException("monitor: --edit is for rollouts that are made here; records of --from are as they are.");
        }

        Option[] ofRollouts = [name, layouts, tasks, steps, world, perturbed, kept];
        if (Array.Find(ofRollouts, o => parsed.GetResult(o) is { Implicit: false }) is { } given)
        {
            throw new VitrineException($"monitor: {given.Name} is for rollouts that are made here; records of --from are as they are.");
        }

        var (own, named) = (Opened(parsed.GetValue(records)), Opened(parsed.GetValue(against)));
        var said = named.Length > 0 ? MonitorLabel.Named : parsed.GetValue(label) ?? MonitorLabel.Fails;
        var read = Output.List(parsed.GetValue(points)) is { Length: > 0 } chosen ? chosen : Kept(own[0]);
        var all = MonitorExamples.Of(own, read, said, named);
        var others = Opened(parsed.GetValue(judging));
        return others.Length == 0 ? all.Split(.5, seed)
            : said == MonitorLabel.Named ? throw new VitrineException("monitor: with --against half of the layouts judge; leave --judge out.")
            : (all, MonitorExamples.Of(others, read, said));
    }

    private static string[] Kept(EpisodeRecord record)
    {
        using var scope = TorchSharp.torch.NewDisposeScope();
        string[] kept = [.. record.Activations(0).Keys.Order(StringComparer.Ordinal)];
        return kept.Length > 0 ? kept
            : throw new VitrineException($"{record.Folder}: keeps no activations; record with 'vitrine rollout --record FOLDER --point ADDRESS'.");
    }

    private async Task<(MonitorExamples Training, MonitorExamples Judging)> OfRolloutsAsync(
        ParseResult parsed, int many, int most, int sideBySide, CancellationToken cancellation)
    {
        if (parsed.GetValue(against) is { Length: > 0 } || parsed.GetValue(judging) is { Length: > 0 })
        {
            throw new VitrineException("monitor: --against and --judge name records; give those to train on by --from too.");
        }

        var asked = Output.List(parsed.GetValue(tasks)) is { Length: > 0 } some ? some
            : throw new VitrineException("--tasks names none; expected at least one.");
        using var policy = Policy.Open(parsed.GetValue(name)!, allowed.Over(device.ModelOptionsOf(parsed), parsed));
        var edits = plan.Plan(parsed);
        Output.Warn(edits is null ? [] : policy.DeadEdits(edits));
        var other = parsed.GetValue(perturbed);
        var said = parsed.GetValue(label) ?? (other is not null ? MonitorLabel.Named : edits is null ? MonitorLabel.Fails : MonitorLabel.Edited);
        if ((said == MonitorLabel.Named) != (other is not null) || (said == MonitorLabel.Edited && edits is null))
        {
            throw new VitrineException(
                $"monitor: --label {said.ToString().ToLowerInvariant()} does not fit: 'edited' asks for an --edit, 'named' for --perturbed, which excludes the "
                + "others.");
        }

        var read = Output.List(parsed.GetValue(points)) is { Length: > 0 } chosen ? chosen : [Usual(policy, WorldRegistry.OpenText(parsed.GetValue(world)!)())];
        var temporary = parsed.GetValue(kept) is null ? Directory.CreateTempSubdirectory("vitrine-monitor-").FullName : null;
        try
        {
            var (first, folder) = (parsed.GetValue(seed), parsed.GetValue(kept) ?? temporary!);
            return (await RolledAsync(first).ConfigureAwait(false), await RolledAsync(first + 1).ConfigureAwait(false));

            async Task<MonitorExamples> RolledAsync(ulong seed)
            {
                var unchanged = new Arm { Name = "plain", Kind = ArmKind.Baseline };
                (Arm Arm, string World, string Prefix)[] conditions =
                [
                    (unchanged, parsed.GetValue(world)!, "plain-"),
                    .. edits is null ? Array.Empty<(Arm, string, string)>()
                        : [(unchanged with { Name = "edited", Kind = ArmKind.Edit, Plan = edits }, parsed.GetValue(world)!, "edited-")],
                    .. other is null ? Array.Empty<(Arm, string, string)>() : [(unchanged, other, "perturbed-")],
                ];
                LayoutKey[] keys =
                [
                    .. Enumerable.Range(0, many).SelectMany(i => asked.Select(task => new LayoutKey(seed, LayoutSplit.Test, task, i))),
                ];
                var (own, named) = (new List<EpisodeRecord>(), new List<EpisodeRecord>());
                foreach (var (arm, where, prefix) in conditions)
                {
                    var rollouts = new WatchedRollouts(WorldRegistry.OpenText(where), RecordedWorlds.Of(where), most);
                    var options = new WatchOptions
                    {
                        Folder = Path.Combine(folder, string.Create(CultureInfo.InvariantCulture, $"seed-{seed}")),
                        Prefix = prefix,
                        Points = read,
                        Workers = sideBySide,
                    };
                    var done = await Output.WithProgressAsync(
                        $"{keys.Length} episodes of seed {seed}, {prefix[..^1]}",
                        progress => rollouts.RunAsync(policy, arm, keys, options, progress, cancellation)).ConfigureAwait(false);
                    Output.Warn(done[0].UntouchedEdits);
                    (where == other ? named : own).AddRange(done.Select(e => EpisodeRecord.Open(e.Folder!)));
                }

                return MonitorExamples.Of(own, read, said, named);
            }
        }
        finally
        {
            if (temporary is not null)
            {
                Directory.Delete(temporary, recursive: true);
            }
        }
    }

    /// <summary>The residual two thirds up the stack that decides, in its first pass.</summary>
    private static string Usual(Policy policy, IWorld scene)
    {
        scene.Reset(new LayoutKey(0, LayoutSplit.Selection, scene.Tasks[0], 0));
        var shape = policy.DecidingStack([scene.Observe()]).Shape;
        return string.Create(CultureInfo.InvariantCulture, $"{shape.Name}.{shape.Layers * 2 / 3}.resid_post");
    }

    private static void Print(string name, ActivationMonitor monitor, MonitorReport report, bool json, string? file)
    {
        if (json)
        {
            Output.Write(new { name, file, monitor.Facts.Kind, monitor.Facts.Label, monitor.Points, monitor.Threshold, report, report.IsShown });
            return;
        }

        var table = Output.Table("what", "value", "95 %");
        Add("area under the ROC curve", report.Auroc);
        if (report.Shuffled.Count > 0)
        {
            table.Add("the same, labels shuffled", Plain(report.Shuffled.Average()), $"{Plain(report.Shuffled.Min())} to {Plain(report.Shuffled.Max())}");
        }

        Share("episodes detected", report.Detected);
        Add("steps to detection", report.StepsToDetection);
        Add("false alarms a quiet episode", report.FalseAlarms);
        Share("quiet episodes with an alarm", report.FalselyAlarmed);
        AnsiConsole.Write(table);
        Console.WriteLine(
            $"{name}: {monitor.Facts.Kind.ToString().ToLowerInvariant()} at {string.Join(", ", monitor.Points)}, alarm above {Plain(monitor.Threshold)}; "
            + $"judged on {report.Episodes} episodes that served for no training, {report.Positive} of them to alarm at");
        Console.WriteLine(report.IsShown
            ? "shown: the interval lies above .5, and the area above that of every shuffled draw"
            : "not shown: the interval does not lie above .5, or a shuffled draw does as well");
        if (file is not null)
        {
            Console.WriteLine($"monitor: {file}");
        }

        void Add(string what, Estimate? estimate)
            => table.Add(what, estimate is null ? "-" : Plain(estimate.Mean), estimate is null ? "-" : $"[{Plain(estimate.Low)}, {Plain(estimate.High)}]");

        void Share(string what, Proportion share)
            => table.Add(what, $"{share.Successes} of {share.Count}", $"[{Plain(share.Low)}, {Plain(share.High)}]");
    }

    private static string Plain(double value) => value.ToString("0.000", CultureInfo.InvariantCulture);
}
