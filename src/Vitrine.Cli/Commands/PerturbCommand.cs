using System.CommandLine;
using System.Globalization;
using Spectre.Console;
using Vitrine.Mechanisms.Statistics;
using Vitrine.Policies;
using Vitrine.Worlds;
using Vitrine.Worlds.Perturbations;
using Vitrine.Worlds.Tabletop;

namespace Vitrine.Cli.Commands;

/// <summary><c>vitrine perturb POLICY</c>: which options of the world decide success, where failures gather, and what held-out combinations cost.</summary>
internal static class PerturbCommand
{
    public static Command Create()
    {
        var name = ModelArgument.PolicyOrExpert();
        var world = WorldOption.Create(" What stands here stays as it is.");
        var factors = new Option<string[]>("--factors")
        {
            Description = "Options that vary, with their ranges: light=.5..1.5 distractors=0..3. By default light, camera-x, camera-y, occlusion, noise and "
                + "distractors.",
            AllowMultipleArgumentsPerToken = true,
        };
        var points = new Option<int>("--points") { Description = "n of the design; n (factors + 2) points are tried.", DefaultValueFactory = _ => 32 };
        var layouts = new Option<int>("--layouts", "-n") { Description = "Layouts of each task, the same at every point.", DefaultValueFactory = _ => 1 };
        var tasks = new Option<string[]>("--tasks")
        {
            Description = "Tasks of the world.",
            AllowMultipleArgumentsPerToken = true,
            DefaultValueFactory = _ => [.. TabletopWorld.TaskNames],
        };
        var steps = new Option<int>("--steps") { Description = "An episode that has not succeeded by then has failed.", DefaultValueFactory = _ => 80 };
        var held = new Option<string?>("--held-out")
        {
            Description = "Measure these combinations against all others instead, e.g. 'red cone,crimson cube'. Says something of a policy that was trained "
                + "without them.",
        };
        var seed = new Option<ulong>("--seed") { Description = "Decides points, layouts and noise.", DefaultValueFactory = _ => 1 };
        var workers = WorkersOption.Create("Points that are tried at the same time; the result does not depend on it.");
        var device = DeviceOption.Create();
        var json = Output.JsonOption();
        var command = new Command("perturb", "Vary the world and report which options decide success (Sobol) and where failures gather.")
        {
            name, world, factors, points, layouts, tasks, steps, held, seed, workers, device, json,
        };
        command.SetAction(async (parsed, cancellation) =>
        {
            var sideBySide = workers.Of(parsed);
            using var policy = parsed.GetValue(name) == "expert" ? null : Policy.Open(parsed.GetValue(name)!, device.ModelOptionsOf(parsed));
            var (kind, settings) = WorldOption.Of(parsed.GetValue(world)!);
            var asked = Output.List(parsed.GetValue(tasks));
            if (parsed.GetValue(held) is { } combinations)
            {
                if (kind != TabletopOptions.Family.Name || settings.ContainsKey("combinations") || settings.ContainsKey("held-out"))
                {
                    throw new VitrineException("--held-out is of the tabletop, and sets the options 'held-out' and 'combinations' of --world itself.");
                }

                var options = TabletopOptions.Of(settings) with { HeldOut = [.. Output.List([combinations]).Select(HeldOutCombination.Parse)] };
                var rows = await Output.WithProgressAsync("seen and held-out combinations", progress => Generalisation.RunAsync(
                    NewActor, options, asked, parsed.GetValue(layouts), parsed.GetValue(steps), parsed.GetValue(seed), sideBySide, progress,
                    cancellation)).ConfigureAwait(false);
                if (parsed.GetValue(json))
                {
                    Output.Write(new { heldOut = options.HeldOut.Select(h => h.ToString()), rows });
                    return 0;
                }

                Print(rows);
                Console.WriteLine($"held out: {string.Join(", ", options.HeldOut)}; seed {parsed.GetValue(seed)}; "
                    + "the layouts of the two sides differ. The embedded policies have met every combination.");
                return 0;
            }

            var given = parsed.GetValue(factors) ?? [];
            var study = new PerturbationStudy
            {
                World = kind,
                Settings = settings,
                Factors = given.Length > 0
                    ? [.. Output.List(given).Select(PerturbationFactor.Parse)]
                    : [.. PerturbationFactor.OfTabletop.Where(f => !settings.ContainsKey(f.Option))],
                Points = parsed.GetValue(points),
                Tasks = asked,
                LayoutsPerTask = parsed.GetValue(layouts),
                StepLimit = parsed.GetValue(steps),
                Seed = parsed.GetValue(seed),
            };
            var result = await Output.WithProgressAsync(
                $"{study.Points * (study.Factors.Count + 2)} ways of the world",
                progress => study.RunAsync(NewActor, sideBySide, progress, cancellation: cancellation)).ConfigureAwait(false);
            Print(result, parsed.GetValue(json));
            return 0;

            IWorldActor NewActor() => policy is null ? new ExpertActor(ActionCodec.Tabletop) : new ObservingActor(new ChunkActor(policy.With()));
        });
        return command;
    }

    /// <summary>The table of seen and held-out combinations.</summary>
    public static void Print(IReadOnlyList<Generalisation> rows)
    {
        var table = Output.Table("task", "seen", "seen, 95 %", "held out", "held out, 95 %", "difference", "difference, 95 %");
        foreach (var row in rows)
        {
            table.Add(
                row.Task, Number(row.Seen.Rate), Interval(row.Seen.Low, row.Seen.High), Number(row.HeldOut.Rate), Interval(row.HeldOut.Low, row.HeldOut.High),
                Number(row.Difference.Mean), Interval(row.Difference.Low, row.Difference.High));
        }

        AnsiConsole.Write(table);
    }

    private static void Print(PerturbationResult result, bool json)
    {
        if (json)
        {
            Output.Write(result);
            return;
        }

        var table = Output.Table("factor", "range", "first order", "first, 95 %", "total order", "total, 95 %");
        foreach (var (factor, row) in result.Study.Factors.Zip(result.Sensitivity))
        {
            table.Add(
                row.Option, $"{Short(factor.Low)} to {Short(factor.High)}", Number(row.First.Mean), Interval(row.First), Number(row.Total.Mean),
                Interval(row.Total));
        }

        AnsiConsole.Write(table);
        if (result.Clusters.Count > 0)
        {
            var clusters = Output.Table("where failures gather", "episodes", "failed", "failed, 95 %", "lift", "lift, 95 %");
            foreach (var cluster in result.Clusters)
            {
                clusters.Add(
                    cluster.Where, $"{cluster.Failures.Count}", Number(cluster.Failures.Rate), Interval(cluster.Failures.Low, cluster.Failures.High),
                    Number(cluster.Lift.Mean), Interval(cluster.Lift));
            }

            AnsiConsole.Write(clusters);
        }

        var success = result.Success;
        Console.WriteLine($"{result.Points.Count} points x {result.Points[0].Episodes.Count} episodes; success {Number(success.Rate)} "
            + $"[{Number(success.Low)}, {Number(success.High)}] over the ranges; seed {result.Study.Seed}");
        Console.WriteLine(success.Successes == success.Count || success.Successes == 0
            ? "success never varies, so there is no variance to share out"
            : "orders are shares of the variance of success; clusters are the worst of many, places to look and no findings");
    }

    private static string Interval(Estimate estimate) => Interval(estimate.Low, estimate.High);

    private static string Interval(double low, double high) => $"[{Number(low)}, {Number(high)}]";

    private static string Short(double value) => value.ToString("0.###", CultureInfo.InvariantCulture);

    private static string Number(double? value)
        => value is { } number && double.IsFinite(number) ? number.ToString("0.000", CultureInfo.InvariantCulture) : "-";
}
