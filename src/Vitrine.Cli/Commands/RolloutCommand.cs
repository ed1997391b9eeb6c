using System.CommandLine;
using System.Globalization;
using Spectre.Console;
using Vitrine.Policies;
using Vitrine.Worlds;
using Vitrine.Worlds.Records;
using Vitrine.Worlds.Studies;
using Vitrine.Worlds.Tabletop;

namespace Vitrine.Cli.Commands;

/// <summary><c>vitrine rollout POLICY</c>: closed-loop episodes in the tabletop world, success with intervals.</summary>
internal static class RolloutCommand
{
    public static Command Create()
    {
        var name = ModelArgument.PolicyOrExpert();
        var layouts = new Option<int>("--layouts", "-n") { Description = "Layouts of each task.", DefaultValueFactory = _ => 200 };
        var tasks = new Option<string[]>("--tasks")
        {
            Description = "Tasks of the world.",
            AllowMultipleArgumentsPerToken = true,
            DefaultValueFactory = _ => [.. TabletopWorld.TaskNames],
        };
        var steps = new Option<int>("--steps") { Description = "An episode that has not succeeded by then has failed.", DefaultValueFactory = _ => 80 };
        var actionSteps = new Option<int?>("--action-steps")
        {
            Description = "Rows of each chunk that are carried out before the policy acts again; as many as its checkpoint says by default.",
        };
        var seed = new Option<ulong>("--seed")
        {
            Description = "Decides layouts, sensor noise and the noise that a flow policy starts from.",
            DefaultValueFactory = _ => 1,
        };
        var workers = WorkersOption.Create("Batches that run at the same time; the result does not depend on it.");
        var further = new ArmOptions();
        var watch = new WatchArguments();
        var plan = EditOption.Create(", held during every act.");
        var named = WorldOption.Create();
        var plain = new Option<bool>("--no-adverbs") { Description = "Leave speed and height words out of the instructions." };
        var forgiving = new Option<bool>("--forgiving") { Description = "Physics in which a closed gripper grasps while it moves." };
        var folder = new Option<string?>("--out") { Description = "Keep finished batches here and go on from them." };
        var units = UnitsOption.Create();
        var device = DeviceOption.Create();
        var allowed = NonFiniteOption.Create();
        var json = Output.JsonOption();
        var command = new Command("rollout", "Let a policy act in the tabletop world and report success with Wilson intervals.")
        {
            name, layouts, tasks, steps, actionSteps, seed, workers, plan, named, plain, forgiving, folder, units, device, allowed, json,
        };
        further.AddTo(command);
        watch.AddTo(command);
        command.SetAction(async (parsed, cancellation) =>
        {
            var sideBySide = workers.Of(parsed);
            var (kind, settings) = WorldOption.Of(
                parsed.GetValue(named)!, ("adverbs", parsed.GetValue(plain) ? "false" : null, "--no-adverbs"),
                ("physics", parsed.GetValue(forgiving) ? "forgiving" : null, "--forgiving"));
            var world = WorldRegistry.Open(kind, settings);
            var opening = allowed.Over(device.ModelOptionsOf(parsed), parsed);
            using var opened = parsed.GetValue(name) == "expert" ? null : Policy.Open(parsed.GetValue(name)!, opening);
            using var policy = opened?.With(units: parsed.GetValue(units));
            var edits = plan.Plan(parsed);
            Output.Warn(policy is null || edits is null ? [] : policy.DeadEdits(edits));
            CaptureOptions.WarnOfNowhere(edits, "a rollout keeps what --record FOLDER --point ADDRESS says, not what a plan captures");
            if (policy is null && (edits is not null || parsed.GetValue(units) is not null || parsed.GetValue(actionSteps) is not null))
            {
                throw new VitrineException("rollout: the scripted expert has nothing that --edit could change, no --units and no --action-steps.");
            }

            var study = new Study
            {
                Name = "rollout",
                Policy = policy is null ? null : StudyPolicy.Of(policy),
                World = world().Description,
                Tasks = Output.List(parsed.GetValue(tasks)),
                LayoutsPerTask = parsed.GetValue(layouts),
                StepLimit = parsed.GetValue(steps),
                Seed = parsed.GetValue(seed),
                ActionSteps = parsed.GetValue(actionSteps),
                Arms = further.Arms(parsed, parsed.GetValue(name)!, edits, policy),
            };
            if (watch.IsAsked(parsed))
            {
                if (parsed.GetValue(folder) is not null)
                {
                    throw new VitrineException("rollout: --out keeps batches in lock step; with --record or --monitor episodes run one by one. Give one.");
                }

                var recorded = new RecordedWorld(kind, study.World, settings);
                return await WatchedAsync(parsed, watch, study, policy, recorded, sideBySide, parsed.GetValue(json), cancellation)
                    .ConfigureAwait(false);
            }

            var options = new StudyOptions { Workers = sideBySide, Folder = parsed.GetValue(folder), AllowUntouchedEdits = true };
            var run = await RunAsync(policy, study, world, options, cancellation).ConfigureAwait(false);
            Output.Warn(run.UntouchedEdits);
            if (run.Arms.Count > 1)
            {
                ArmOptions.Print(StudyResult.Of(run), parsed.GetValue(json));
                if (!parsed.GetValue(json))
                {
                    Told(run);
                }

                return 0;
            }

            Print(run, parsed.GetValue(json));
            return 0;
        });
        return command;
    }

    /// <summary>Episodes one by one: recorded, watched by monitors, or both.</summary>
    private static async Task<int> WatchedAsync(
        ParseResult parsed, WatchArguments watch, Study study, Policy? policy, RecordedWorld world, int workers, bool json, CancellationToken cancellation)
    {
        if (policy is null)
        {
            throw new VitrineException("rollout: the scripted expert is no policy; there is nothing of it to record or to watch.");
        }

        study.Check();
        var episodes = await watch.RunAsync(parsed, study, policy, world, workers, cancellation).ConfigureAwait(false);
        Output.Warn(episodes.SelectMany(arm => arm.FirstOrDefault()?.UntouchedEdits ?? []).Distinct());
        var run = new StudyRun(study, [.. study.Arms.Zip(episodes, (arm, done) => new ArmEpisodes(arm.Label(), [.. done.Select(e => e.Episode)]))]);
        var rows = WatchArguments.Rows(study, episodes);
        if (json && rows.Count > 0)
        {
            Output.Write(new { tasks = run.Arms.Select(TaskSummary.Of), monitors = rows });
            return 0;
        }

        if (run.Arms.Count > 1)
        {
            ArmOptions.Print(StudyResult.Of(run), json);
        }
        else
        {
            Print(run, json);
        }

        WatchArguments.Print(rows);
        return 0;
    }

    private static async Task<StudyRun> RunAsync(Policy? policy, Study study, Func<IWorld> world, StudyOptions options, CancellationToken cancellation)
    {
        var runner = new StudyRunner(world);
        return await Output.WithProgressAsync($"{study.Arms[0].Name} in the tabletop world", progress =>
        {
            var steps = Output.Chunks(progress);
            return policy is null
                ? runner.RunAsync(study, IWorldActor (_) => new ExpertActor(ActionCodec.Tabletop), options, steps, cancellation)
                : runner.RunAsync(study, policy, options, steps, cancellation);
        }).ConfigureAwait(false);
    }

    private static void Print(StudyRun run, bool json)
    {
        var rows = TaskSummary.Of(run.Arms[0]);
        if (json)
        {
            Output.Write(rows);
            return;
        }

        var table = Output.Table("task", "episodes", "success", "Wilson 95 %", "steps of successes", "length of a step", "height");
        foreach (var row in rows)
        {
            table.Add(
                row.Task, $"{row.Episodes}", Number(row.Success.Rate), $"[{Number(row.Success.Low)}, {Number(row.Success.High)}]",
                row.Steps?.ToString("0.0", CultureInfo.InvariantCulture) ?? "-",
                row.Speed.ToString("0.0000", CultureInfo.InvariantCulture), Number(row.Height));
        }

        AnsiConsole.Write(table);
        Told(run);
    }

    private static void Told(StudyRun run) => Console.WriteLine($"seed {run.Study.Seed}, at most {run.Study.StepLimit} steps; {run.Study.World}");

    private static string Number(double? value) => value?.ToString("0.000", CultureInfo.InvariantCulture) ?? "-";
}
