using System.CommandLine;
using System.Globalization;
using Spectre.Console;
using Vitrine.Checkpoints;
using Vitrine.Policies;
using Vitrine.Views;
using Vitrine.Worlds;
using Vitrine.Worlds.Perturbations;
using Vitrine.Worlds.Studies;
using Vitrine.Worlds.Tabletop;
using Vitrine.Worlds.Training;

namespace Vitrine.Cli.Commands;

/// <summary><c>vitrine train tabletop</c>: trains a policy of the tabletop, resumable, and measures it in the end.</summary>
internal static class TrainCommand
{
    private const int Layouts = 50, StepLimit = 80;

    public static Command Create()
    {
        var what = new Argument<string>("WORLD") { Description = "What to train in: tabletop." }.AcceptOnlyFromAmong("tabletop");
        var flow = new Option<bool>("--flow") { Description = "Train a policy that flows (SmolVLA's layout) instead of one that says tokens (OpenVLA's)." };
        var from = new Option<string?>("--from")
        {
            Description = "Start from the weights of this policy: a folder, embedded:tabletop. From scratch where it is not given.",
        };
        var folder = new Option<string>("--out") { Description = "Folder of the training; one that was stopped there goes on.", Required = true };
        var steps = new Option<int?>("--steps") { Description = "Optimiser steps in all; the recipe's own (2480, with --flow 2957) by default." };
        var frames = new Option<int?>("--frames") { Description = "Frames of a step; 24, late 40, by default." };
        var instructions = new Option<int?>("--instructions") { Description = "Instructions for each frame; 3, late 2, by default." };
        var rate = new Option<double?>("--rate") { Description = "Largest learning rate; 1e-3 by default. A trained policy wants less." };
        var keep = new Option<int>("--keep-every") { Description = "Steps between two states that are kept.", DefaultValueFactory = _ => 50 };
        var seed = new Option<ulong>("--seed") { Description = "Decides frames, words, noise and initial weights.", DefaultValueFactory = _ => 1 };
        var threads = new Option<int>("--threads")
        {
            Description = "Threads of the computation; another number comes to other last bits.",
            DefaultValueFactory = _ => 1,
        };
        var layouts = new Option<int>("--layouts", "-n")
        {
            Description = "Layouts of each task that the trained policy is measured on; 0 for none.",
            DefaultValueFactory = _ => Layouts,
        };
        var world = WorldOption.Create(" With combinations=seen the held-out ones are measured too.");
        var json = Output.JsonOption();
        var command = new Command("train", "Train a policy of the tabletop by the scripted expert; what was stopped goes on, to the same bits.")
        {
            what, flow, from, folder, steps, frames, instructions, rate, keep, seed, threads, layouts, world, json,
        };
        command.SetAction(async (parsed, cancellation) =>
        {
            var count = parsed.AtLeast(layouts, 0);
            var usual = parsed.GetValue(flow) ? TrainingRecipe.Flow : TrainingRecipe.Tokens;
            var (name, settings) = WorldOption.Of(parsed.GetValue(world)!);
            var options = name == TabletopOptions.Family.Name
                ? TabletopOptions.Of(settings)
                : throw new VitrineException($"train: '{name}' is not the tabletop.");
            var recipe = usual with
            {
                Steps = parsed.GetValue(steps) ?? usual.Steps,
                Frames = parsed.GetValue(frames) ?? usual.Frames,
                LateFrames = parsed.GetValue(frames) ?? usual.LateFrames,
                Instructions = parsed.GetValue(instructions) ?? usual.Instructions,
                LateInstructions = parsed.GetValue(instructions) ?? usual.LateInstructions,
                Rate = parsed.GetValue(rate) ?? usual.Rate,
                Seed = parsed.GetValue(seed),
                Threads = parsed.GetValue(threads),
                World = options.ToString(),
            };
            var training = new TabletopTraining(
                recipe, parsed.GetValue(from) ?? (recipe.IsFlow ? "embedded:tabletop-flow" : "embedded:tabletop"), fromScratch: parsed.GetValue(from) is null)
            {
                KeepEvery = parsed.GetValue(keep) is var every and > 0 ? every : throw new VitrineException("train: --keep-every is at least 1."),
            };
            var (curve, summary, general) = await RunAsync(training, recipe, options, parsed.GetValue(folder)!, count, cancellation).ConfigureAwait(false);
            Print(curve, summary, general, parsed.GetValue(folder)!, parsed.GetValue(json));
            return 0;
        });
        return command;
    }

    private static Task<(LearningCurve, IReadOnlyList<TaskSummary>?, IReadOnlyList<Generalisation>?)> RunAsync(
        TabletopTraining training, TrainingRecipe recipe, TabletopOptions options, string folder, int layouts, CancellationToken cancellation)
        => Stages.RunAsync(async stages =>
        {
            var curve = await stages.StageAsync($"training, {recipe.Steps} steps", 90, progress => Task.Factory.StartNew(
                () => training.Run(folder, new Direct<TrainingProgress>(p => progress.Report((double)p.Step / p.Steps)), cancellation),
                CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default)).ConfigureAwait(false);
            AtomicFile.WriteAllText(Path.Combine(folder, "learning.svg"), new LearningCurvePlot(curve).RenderSvg());
            if (layouts == 0)
            {
                return (curve, null, null);
            }

            using var trained = Policy.Open(TabletopTraining.PolicyIn(folder));
            var (summary, general) = await stages.StageAsync($"measuring, {layouts} layouts a task", 10, async progress =>
            {
                var study = new Study
                {
                    Name = "rollout",
                    Policy = StudyPolicy.Of(trained),
                    World = new TabletopWorld(options).Description,
                    Tasks = TabletopWorld.TaskNames,
                    LayoutsPerTask = layouts,
                    StepLimit = StepLimit,
                    Seed = recipe.Seed,
                    Arms = [new Arm { Name = "trained", Kind = ArmKind.Baseline }],
                };
                var run = await new StudyRunner(() => new TabletopWorld(options))
                    .RunAsync(study, trained, new StudyOptions { Workers = Environment.ProcessorCount }, Output.Chunks(progress), cancellation)
                    .ConfigureAwait(false);
                var held = options.Combinations != CombinationUse.Seen
                    ? null
                    : await Generalisation.RunAsync(
                        () => new ObservingActor(new ChunkActor(trained.With())), options, TabletopWorld.TaskNames, layouts, StepLimit, recipe.Seed,
                        Environment.ProcessorCount, cancellation: cancellation).ConfigureAwait(false);
                return (TaskSummary.Of(run.Arms[0]), held);
            }).ConfigureAwait(false);
            AtomicFile.WriteAllText(Path.Combine(folder, "evaluation.json"), Output.ToJson(new { tasks = summary, generalisation = general }));
            return ((LearningCurve, IReadOnlyList<TaskSummary>?, IReadOnlyList<Generalisation>?))(curve, summary, general);
        });

    private static void Print(
        LearningCurve curve, IReadOnlyList<TaskSummary>? summary, IReadOnlyList<Generalisation>? general, string folder, bool json)
    {
        var blocks = curve.Blocks(10);
        if (json)
        {
            Output.Write(new
            {
                steps = curve.Points.Count,
                processorSeconds = curve.ProcessorSeconds,
                from = curve.From,
                fromFingerprint = curve.FromFingerprint,
                fromScratch = curve.FromScratch,
                policy = TabletopTraining.PolicyIn(folder),
                blocks,
                tasks = summary,
                generalisation = general,
            });
            return;
        }

        string[] shown = [.. new[] { "action", "flow", "xyz", "gripper", "way", "attention" }.Where(n => blocks.Any(b => b.Measures.ContainsKey(n)))];
        var table = Output.Table(["step", "loss", .. shown]);
        foreach (var block in blocks)
        {
            table.Add([$"{block.Step + 1}", Number(block.Loss), .. shown.Select(n => block.Measures.TryGetValue(n, out var v) ? Output.Plain(v) : "-")]);
        }

        AnsiConsole.Write(table);
        if (summary is not null)
        {
            var tasks = Output.Table("task", "episodes", "success", "Wilson 95 %", "steps of successes");
            foreach (var row in summary)
            {
                tasks.Add(
                    row.Task, $"{row.Episodes}", Number(row.Success.Rate), $"[{Number(row.Success.Low)}, {Number(row.Success.High)}]",
                    row.Steps?.ToString("0.0", CultureInfo.InvariantCulture) ?? "-");
            }

            AnsiConsole.Write(tasks);
        }

        if (general is not null)
        {
            PerturbCommand.Print(general);
        }

        Console.WriteLine($"{curve.Points.Count} steps, {curve.ProcessorSeconds.ToString("0", CultureInfo.InvariantCulture)} processor seconds; "
            + $"{(curve.FromScratch ? "from scratch" : $"from {curve.From}")}; {curve.Recipe.World}, seed {curve.Recipe.Seed}");
        Console.WriteLine(
            $"policy: {TabletopTraining.PolicyIn(folder)}; curve: {Path.Combine(folder, "learning.svg")}, {Path.Combine(folder, "learning.json")}");
    }

    private static string Number(double? value) => value?.ToString("0.000", CultureInfo.InvariantCulture) ?? "-";
}
