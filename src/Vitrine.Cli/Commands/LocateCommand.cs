using System.CommandLine;
using System.Globalization;
using Spectre.Console;
using Vitrine.Mechanisms.Causes;
using Vitrine.Mechanisms.Experts;
using Vitrine.Mechanisms.Statistics;
using Vitrine.Policies;
using Vitrine.Policies.Flow;
using Vitrine.Views;
using Vitrine.Worlds;
using Vitrine.Worlds.Decisions;
using Vitrine.Worlds.Studies;
using Vitrine.Worlds.Tabletop;

namespace Vitrine.Cli.Commands;

/// <summary>
/// <c>vitrine locate POLICY --word W --metric M</c>: where a word acts, before anything is clamped: by component, layer and head, in one decision and in closed
/// loop, mean difference and interchange side by side.
/// </summary>
internal sealed class LocateCommand
{
    private const int Drawn = 48;

    private readonly Argument<string> name = ModelArgument.Completed(ModelArgument.Policy());
    private readonly Option<string?> word = new("--word") { Description = "What is said behind every instruction, e.g. quickly.", Required = true };
    private readonly Option<string?> without = new("--without")
    {
        Description = "What is said instead in the other run; nothing by default. An expert's rows of the prompt are asked with it: a word of as many tokens.",
    };
    private readonly Option<string> metric = new("--metric")
    {
        Description = "What is measured of the decided action: speed, or a number of it by name, e.g. dz.",
        DefaultValueFactory = _ => ActionMetric.Speed.Name,
    };
    private readonly StateOptions states = new(Drawn, hasShort: false);
    private readonly Option<string[]> tasks = new("--tasks")
    {
        Description = "Tasks of the situations and of the closed loop.",
        AllowMultipleArgumentsPerToken = true,
        DefaultValueFactory = _ => ["reach", "lift", "push"],
    };
    private readonly Option<bool> noHeads = new("--no-heads") { Description = "Leave single heads out." };
    private readonly Option<int> draws = new("--draws") { Description = "Random directions of each component.", DefaultValueFactory = _ => 8 };
    private readonly Option<int> layouts = new("--layouts", "-n")
    {
        Description = "Layouts of each task in closed loop; 0 leaves the closed loop out.",
        DefaultValueFactory = _ => 0,
    };
    private readonly Option<int> steps = new("--steps") { Description = "Step limit of an episode.", DefaultValueFactory = _ => 40 };
    private readonly Option<bool> every = new("--every-layer")
    {
        Description = "Closed-loop arms for every layer; else for all together and for those that carry the word in one decision.",
    };
    private readonly Option<string?> folder = new("--out") { Description = "Keep finished batches of the closed loop here and go on from them." };
    private readonly WorkersOption workers = WorkersOption.Create("Acts and batches side by side; nothing depends on it.");
    private readonly Option<string?> units = UnitsOption.Create();
    private readonly PageOption page = new();
    private readonly DeviceOption device = DeviceOption.Create();
    private readonly NonFiniteOption allowed = NonFiniteOption.Create();
    private readonly Option<bool> json = Output.JsonOption();

    public static Command Create()
    {
        var own = new LocateCommand();
        var command = new Command("locate", "Say which component, layer and head carries a word, in one decision and in closed loop.")
        {
            own.name, own.word, own.without, own.metric, own.tasks, own.noHeads, own.draws, own.layouts, own.steps, own.every, own.folder, own.workers,
            own.units, own.device, own.allowed, own.json,
        };
        own.states.AddTo(command);
        own.page.AddTo(command);
        command.SetAction(own.RunAsync);
        return command;
    }

    private async Task<int> RunAsync(ParseResult parsed, CancellationToken cancellation)
    {
        var (sideBySide, random, closed, _) = (workers.Of(parsed), parsed.AtLeast(draws, 1), parsed.AtLeast(layouts, 0), parsed.AtLeast(steps, 1));
        var (said, otherwise) = (parsed.Word(word)!, parsed.Word(without));
        page.RequireWritable(parsed);
        using var opened = Policy.Open(parsed.GetValue(name)!, allowed.Over(device.ModelOptionsOf(parsed), parsed));
        using var policy = opened.With(units: parsed.GetValue(units));
        Instructions.WarnOfUnknown(policy, $"{said} {otherwise}");
        var measured = ActionMetric.Named(parsed.GetValue(metric)!, policy.ActionNames);
        var (selection, testing, world) = Situations(parsed, policy);
        if (closed > 0 && (world is null || random < Study.FewestRandomDraws))
        {
            throw new VitrineException(world is null
                ? "locate: the closed loop needs a world; given situations have none. Leave --layouts out."
                : $"locate: --draws is {random}; the closed loop needs at least {Study.FewestRandomDraws}.");
        }

        var result = await Stages.RunAsync(async stages =>
        {
            using var located = await stages.StageAsync("the word's mean difference", 10, _ => Task.FromResult(new Localisation(
                policy, said, otherwise, selection, random, !parsed.GetValue(noHeads), (int)(parsed.GetValue(states.Seed) % int.MaxValue),
                cancellation))).ConfigureAwait(false);
            var effects = await stages.StageAsync(
                "one decision, part by part", 40, progress => Task.FromResult(located.Run(testing, measured, sideBySide, progress, cancellation)))
                .ConfigureAwait(false);
            var decision = LocationResult.Of(said, otherwise, measured.Name, effects);
            if (otherwise is not null && policy.Unplanned is FlowPolicy flow)
            {
                decision = decision with
                {
                    Rows = await stages.StageAsync("rows of the prompt", 20, progress => Task.FromResult(PrefixSwapResult.Measured(
                        flow, (said, otherwise, said), (measured, measured.Name), selection, testing, random, progress, cancellation)))
                        .ConfigureAwait(false),
                };
            }

            var worded = new OneStep(policy, testing).Worded(said);
            decision = decision with
            {
                Ablations = LocationResult.Of(await stages.StageAsync("what the decision needs", 15, progress => Task.FromResult(
                    new AblationExperiment(policy, worded).Run(sideBySide, progress, cancellation))).ConfigureAwait(false)),
                Looks = policy.Unplanned is not FlowPolicy looking ? [] : await stages.StageAsync("where the expert looks", 5, progress => Task.FromResult(
                    ExpertAttention.Of(looking, worded, progress, cancellation))).ConfigureAwait(false),
            };
            return closed == 0 ? decision : decision with
            {
                ClosedLoop = await stages.StageAsync(
                    "closed loop", 100, progress => ClosedLoopAsync(parsed, policy, located, decision, progress, cancellation)).ConfigureAwait(false),
            };
        }, all: 190).ConfigureAwait(false);
        Print(result, parsed.GetValue(json));
        page.Write(parsed, "locate", opened, parsed.GetValue(states.Seed), made => LocationPage.Render(result, made));
        return 0;
    }

    /// <summary>Situations to choose in and to report on, and the world that they were drawn from.</summary>
    private (IReadOnlyList<Observation> Selection, IReadOnlyList<Observation> Testing, TabletopOptions? World) Situations(ParseResult parsed, Policy policy)
    {
        var source = states.Source(parsed, policy);
        if (!source.IsDrawn)
        {
            return (source.ForCalibration(states.Count(parsed)), source.ForTest(states.Count(parsed)), null);
        }

        var (chosen, seed, count) = (Output.List(parsed.GetValue(tasks)), parsed.GetValue(states.Seed), states.Count(parsed) ?? Drawn);
        return (TabletopStates.Draw(seed, LayoutSplit.Selection, chosen, count), TabletopStates.Draw(seed, LayoutSplit.Test, chosen, count),
            new TabletopOptions { Adverbs = false });
    }

    private async Task<StudyResult> ClosedLoopAsync(
        ParseResult parsed, Policy policy, Localisation located, LocationResult decision, IProgress<double> progress, CancellationToken cancellation)
    {
        var verdict = decision.Verdict;
        IReadOnlyList<int> asked = parsed.GetValue(every) ? located.Layers
            : [.. new[] { verdict.Carrier.Layer, verdict.Direction.Layer }.OfType<int>().Distinct().Order()];
        var world = new TabletopOptions { Adverbs = false };
        Arm[] rows = policy.Unplanned is FlowPolicy flow && decision.Rows is { } swapped
            ? [.. FlowArms.OfRow(located.Word, swapped.Own, swapped.Other, swapped.At, flow.Expert.Shape.Layers, located.Draws)
                .Where(a => a.Kind is ArmKind.Edit or ArmKind.Interchange or ArmKind.RandomDirection)]
            : [];
        var study = new Study
        {
            Name = $"locate {located.Word}",
            Policy = StudyPolicy.Of(policy),
            World = new TabletopWorld(world).Description,
            Tasks = Output.List(parsed.GetValue(tasks)),
            LayoutsPerTask = parsed.GetValue(layouts),
            StepLimit = parsed.GetValue(steps),
            Seed = parsed.GetValue(states.Seed),
            Arms = [.. LocationArms.Of(located, decision.Without, asked), .. rows],
        };
        var options = new StudyOptions { Workers = workers.Of(parsed), Folder = parsed.GetValue(folder) };
        return StudyResult.Of(await new StudyRunner(() => new TabletopWorld(world))
            .RunAsync(study, policy, options, Output.Chunks(progress), cancellation).ConfigureAwait(false));
    }

    private static void Print(LocationResult result, bool json)
    {
        if (json)
        {
            Output.Write(result);
            return;
        }

        var (decision, verdict) = (result.Decision, result.Verdict);
        Console.WriteLine($"'{result.Word}'{(result.Without is null ? "" : $" instead of '{result.Without}'")} changes {decision.Metric} by "
            + $"{Output.Signed(decision.Prompt.Mean)} {Output.Interval(decision.Prompt.Low, decision.Prompt.High)} in one decision, over {decision.States} "
            + $"states (without it {Output.Plain(decision.Baseline)})");
        var table = Output.Table("part", "mean difference 95 %", "put in 95 %", "what remains 95 %");
        foreach (var part in decision.Parts)
        {
            Add($"{OneStepResult.NameOf(part.Component)}, {(part.Layer is { } layer ? $"layer {layer}" : "all layers")}", part.MeanDifference, part.Sufficient,
                part.Necessary);
        }

        foreach (var head in result.Heads)
        {
            Add($"head {head.Layer}.{head.Head}", head.MeanDifference, head.Sufficient, head.Necessary);
        }

        AnsiConsole.Write(table);
        foreach (var control in decision.Controls)
        {
            Console.WriteLine(control.Effect is { } effect
                ? $"{control.Name}: {Output.Signed(effect.Mean)} {Output.Interval(effect.Low, effect.High)}"
                : $"{control.Name}: {control.Draws!.Count} draws, {Output.Signed(control.Draws.Min())} to {Output.Signed(control.Draws.Max())}");
        }

        Console.WriteLine(verdict.IsEffect
            ? $"carried by {OneStepResult.NameOf(verdict.Carrier.Component)} of layer {verdict.Carrier.Layer}: put in alone it gives "
                + $"{Share(verdict.Sufficient)}, held back {Share(verdict.Necessary)} remains"
            : "not shown: no component of one layer moves the metric beyond random directions");
        Rows(result.Rows);
        Ablations(result.Ablations);
        Looks(result.Looks);
        ClosedLoop(result.ClosedLoop);

        void Add(string part, Estimate mean, Estimate sufficient, Estimate necessary)
            => table.Add(part, Cell(mean), Cell(sufficient), Cell(necessary));

        static string Cell(Estimate estimate) => Output.WithInterval(estimate.Mean, estimate.Low, estimate.High);

        static string Share(double? share) => share is { } s ? s.ToString("0 %", CultureInfo.InvariantCulture) : "-";
    }

    private static void Rows(PrefixSwapResult? rows)
    {
        if (rows is null)
        {
            return;
        }

        var table = Output.Table("rows of the prompt that the expert reads", "put in 95 %", "what remains 95 %");
        foreach (var part in rows.Parts)
        {
            table.Add(
                $"{PrefixSwapResult.NameOf(part.Rows)}, {(part.Layer is { } layer ? $"layer {layer}" : "all layers")}",
                Output.WithInterval(part.Sufficient.Mean, part.Sufficient.Low, part.Sufficient.High),
                part.Necessary is { } left ? Output.WithInterval(left.Mean, left.Low, left.High) : "-");
        }

        foreach (var range in rows.Ranges)
        {
            table.Add(
                $"{PrefixSwapResult.NameOf(range.Rows)}, {range.Name}",
                Output.WithInterval(range.Sufficient.Mean, range.Sufficient.Low, range.Sufficient.High), "-");
        }

        AnsiConsole.Write(table);
    }

    private static void Ablations(IReadOnlyList<AblationEstimate> ablations)
    {
        var table = Output.Table("left out, with the word said", "change of the motion 95 %");
        foreach (var (part, change) in ablations)
        {
            table.Add($"{part}", Output.WithInterval(change.Mean, change.Low, change.High));
        }

        AnsiConsole.Write(table);
    }

    private static void Looks(IReadOnlyList<ExpertLook> looks)
    {
        if (looks.Count == 0)
        {
            return;
        }

        var table = Output.Table("the expert looks, with the word said, at", "pictures", "words", "state", "chunk");
        foreach (var look in looks)
        {
            table.Add($"layer {look.Layer}", Share(look.Pictures), Share(look.Words), Share(look.State), Share(look.Chunk));
        }

        AnsiConsole.Write(table);

        static string Share(IReadOnlyList<double>? shares) => shares is { Count: > 0 } ? shares.Average().ToString("0.000", CultureInfo.InvariantCulture) : "-";
    }

    private static void ClosedLoop(StudyResult? study)
    {
        if (study is null)
        {
            return;
        }

        var table = Output.Table("closed loop", "success", "change of speed 95 %", "change of height 95 %");
        foreach (var arm in study.Arms.Where(a => !a.Arm.IsRandom))
        {
            table.Add(arm.Arm.Name, arm.All.Success.Rate?.ToString("0.000", CultureInfo.InvariantCulture) ?? "-", Of(arm, "speed"), Of(arm, "height"));
        }

        foreach (var group in study.Draws)
        {
            table.Add($"{group.Group}, {group.Draws} draws", "", Range(group, "speed"), Range(group, "height"));
        }

        AnsiConsole.Write(table);
        Console.WriteLine($"paired with the first arm on {study.Layouts} layouts; draws from the smallest to the largest");

        static string Of(ArmResult arm, string measure) => arm.All.Differences.TryGetValue(measure, out var d)
            ? Output.WithInterval(d.Estimate.Mean, d.Estimate.Low, d.Estimate.High)
            : Output.Plain(arm.All.Means[measure]);

        static string Range(DrawsResult group, string measure)
            => $"{Output.Signed(group.Differences[measure].Smallest)} to {Output.Signed(group.Differences[measure].Largest)}";
    }
}
