using System.CommandLine;
using System.Globalization;
using Spectre.Console;
using Vitrine.Checkpoints;
using Vitrine.Policies;
using Vitrine.Transformers;
using Vitrine.Views;
using Vitrine.Worlds;
using Vitrine.Worlds.Records;
using Vitrine.Worlds.Studies;
using Vitrine.Worlds.Tabletop;

namespace Vitrine.Cli.Commands;

/// <summary><c>vitrine replay RECORD</c>: computes records again, bit by bit; or puts an edit on from a step and shows both paths.</summary>
internal sealed class ReplayCommand
{
    private readonly Argument<string> record = new("RECORD") { Description = "A record, or a folder of records ('vitrine rollout --record FOLDER')." };
    private readonly Option<string?> name = new("--policy") { Description = "Whose weights; by default the policy that the record names." };
    private readonly Option<int?> from = new("--from") { Description = "Put the edits on from this control step, from 0, and show both paths." };
    private readonly EditOption plan = EditOption.Create(", put on from the step of --from.");
    private readonly Option<string?> word = new("--word") { Description = "A word behind the instruction from the step of --from on." };
    private readonly WorkersOption workers = WorkersOption.Create("Records side by side; nothing depends on it.");
    private readonly PageOption page = new();
    private readonly DeviceOption device = DeviceOption.Create();
    private readonly NonFiniteOption allowed = NonFiniteOption.Create();
    private readonly Option<bool> json = Output.JsonOption();

    public static Command Create()
    {
        var own = new ReplayCommand();
        var command = new Command("replay", "Compute recorded episodes again, bit by bit, or with an edit from a step on.")
        {
            own.record, own.name, own.from, own.plan, own.word, own.workers, own.device, own.allowed, own.json,
        };
        own.plan.Aliases.Add("--plan");
        own.page.AddTo(command);
        command.SetAction(own.RunAsync);
        return command;
    }

    private async Task<int> RunAsync(ParseResult parsed, CancellationToken cancellation)
    {
        var sideBySide = workers.Of(parsed);
        page.RequireWritable(parsed);
        EpisodeRecord[] records = [.. EpisodeRecord.Find(parsed.GetValue(record)!).Select(EpisodeRecord.Open)];
        var edits = plan.Plan(parsed);
        if (parsed.GetValue(from) is null && (edits is not null || parsed.Word(word) is not null))
        {
            throw new VitrineException("replay: edits and words are put on from a step; give --from STEP. A record's own plan is in it.");
        }

        using var policy = Policy.Open(parsed.GetValue(name) ?? records[0].Header.Policy.Name, allowed.Over(device.ModelOptionsOf(parsed), parsed));
        if (parsed.GetValue(from) is { } step)
        {
            return records is [var one]
                ? await BranchAsync(parsed, policy, one, step, edits, cancellation).ConfigureAwait(false)
                : throw new VitrineException($"{parsed.GetValue(record)}: holds {records.Length} records; an edit is put on in one.");
        }

        var rows = await Output.WithProgressAsync(
            $"replaying {records.Length} records",
            progress => AgainAsync(records, policy, sideBySide, progress, cancellation)).ConfigureAwait(false);
        Print(rows, parsed.GetValue(json));
        return rows.All(r => r.Identical) ? 0 : 1;
    }

    private static async Task<ReplayRow[]> AgainAsync(
        EpisodeRecord[] records, Policy policy, int workers, IProgress<double> progress, CancellationToken cancellation)
    {
        var rows = new ReplayRow[records.Length];
        var done = 0;
        await ComputeThreads.EachAsync(records.Length, workers, (turn, stop) =>
        {
            rows[turn] = ReplayRow.Of(records[turn], Replay.Run(records[turn], policy, RecordedWorlds.Open(records[turn]), stop));
            progress.Report((double)Interlocked.Increment(ref done) / records.Length);
        }, cancellation).ConfigureAwait(false);
        return rows;
    }

    private static void Print(IReadOnlyList<ReplayRow> rows, bool json)
    {
        if (json)
        {
            Output.Write(rows);
            return;
        }

        var table = Output.Table("record", "steps", "same bits", "first departure", "by at most", "steps that depart");
        foreach (var row in rows)
        {
            table.Add(
                row.Record, $"{row.Steps}", row.Identical ? "yes" : "no", row.FirstStep is { } first ? $"step {first}, {row.What}" : "-",
                row.Identical ? "-" : row.Largest.ToString("0.0e+00", CultureInfo.InvariantCulture), $"{row.Differing}");
        }

        AnsiConsole.Write(table);
        Console.WriteLine($"{rows.Count(r => r.Identical)} of {rows.Count} records are the same bit by bit");
        foreach (var difference in rows.SelectMany(r => r.Machine).Distinct())
        {
            Console.WriteLine($"recorded on another machine: {difference}");
        }

        if (rows.Sum(r => r.Batched) is > 0 and var batched)
        {
            Console.WriteLine($"{batched} steps were recorded in passes of several observations and computed alone now: their last bits may differ");
        }
    }

    private async Task<int> BranchAsync(ParseResult parsed, Policy policy, EpisodeRecord kept, int step, RunPlan? edits, CancellationToken cancellation)
    {
        var newWorld = RecordedWorlds.Open(kept)
            ?? throw new VitrineException($"{kept.Folder}: is of a server's requests; there is no world to go on in.");
        Output.Warn(edits is null ? [] : policy.DeadEdits(edits));
        var condition = kept.Header.Condition with
        {
            Name = "from the step on",
            Kind = ArmKind.Edit,
            Plan = edits is null ? kept.Header.Condition.Plan : (kept.Header.Condition.Plan ?? RunPlan.Empty).Then(edits),
            Word = parsed.GetValue(word) ?? kept.Header.Condition.Word,
        };
        var branch = await Output.WithProgressAsync(
            $"going on from step {step}", _ => Task.FromResult(Replay.Branch(kept, policy, newWorld, step, condition, keepsPictures: true, cancellation)))
            .ConfigureAwait(false);
        Output.Warn(branch.UntouchedEdits);
        var before = EpisodeFilm.Of(newWorld, kept.ToEpisode());
        BranchRow[] rows = [.. BranchRow.Of(before, branch.Episode)];
        if (parsed.GetValue(json))
        {
            Output.Write(new BranchResult(step, before.Succeeded, before.Steps, branch.Episode.Succeeded, branch.Episode.Steps, rows));
        }
        else
        {
            var table = Output.Table("step", "gripper as recorded", "gripper with the edit", "apart");
            foreach (var row in rows.Where(r => r.Step >= step))
            {
                table.Add($"{row.Step}", Place(row.Recorded), Place(row.Edited), row.Apart?.ToString("0.0000", CultureInfo.InvariantCulture) ?? "-");
            }

            AnsiConsole.Write(table);
            Console.WriteLine($"as recorded {Ended(before)}; with the edit from step {step} {Ended(branch.Episode)}");
        }

        page.Write(parsed, "replay", policy, kept.Header.Layout!.Seed, made => ReplayPage.Render(PairOf(before, branch.Episode, step, newWorld()), made));
        return 0;
    }

    private static EpisodePair PairOf(Episode before, Episode after, int step, IWorld world)
    {
        return new EpisodePair
        {
            Title = $"{before.Layout.Task} {before.Layout.Index}: as recorded, and with an edit from step {step}",
            Units = world.Units,
            Before = FilmedEpisode.Of("as recorded", before, InPicture),
            After = FilmedEpisode.Of($"edited from step {step}", after, InPicture),
        };

        PathPoint InPicture(Position place)
        {
            var (x, y) = TabletopRenderer.InPicture(place, (world as TabletopWorld)?.Options);
            return new PathPoint(x, y);
        }
    }

    private static string Ended(Episode episode) => episode.Succeeded ? $"solved after {episode.Steps} steps" : $"not solved in {episode.Steps} steps";

    private static string Place(Position? place)
        => place is { } p ? string.Create(CultureInfo.InvariantCulture, $"{p.X:0.000}, {p.Y:0.000}, {p.Z:0.000}") : "-";

    private sealed record ReplayRow(
        string Record, int Steps, bool Identical, int? FirstStep, string? What, double Largest, int Differing, IReadOnlyList<string> Machine, int Batched)
    {
        public static ReplayRow Of(EpisodeRecord record, ReplayResult result) => new(
            Path.GetFileName(Path.GetFullPath(record.Folder)), result.Steps, result.IsIdentical, result.First?.Step, result.First?.What, result.Largest,
            result.Differing, result.Machine, result.Batched);
    }

    private sealed record BranchRow(int Step, Position? Recorded, Position? Edited, double? Apart)
    {
        public static IEnumerable<BranchRow> Of(Episode before, Episode after)
            => Enumerable.Range(0, Math.Max(before.Path.Count, after.Path.Count)).Select(i =>
            {
                var (a, b) = (At(before, i), At(after, i));
                return new BranchRow(i, a, b, a is { } x && b is { } y ? x.DistanceTo(y) : null);
            });

        private static Position? At(Episode episode, int step) => step < episode.Path.Count ? episode.Path[step] : null;
    }

    private sealed record BranchResult(int From, bool RecordedSolved, int RecordedSteps, bool EditedSolved, int EditedSteps, IReadOnlyList<BranchRow> Path);
}
