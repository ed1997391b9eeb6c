using System.CommandLine;
using System.Globalization;
using Spectre.Console;
using Vitrine.Mechanisms.Diagnoses;
using Vitrine.Mechanisms.Statistics;
using Vitrine.Policies;
using Vitrine.Transformers;
using Vitrine.Worlds;
using Vitrine.Worlds.Tabletop;

namespace Vitrine.Cli.Commands;

/// <summary><c>vitrine diagnose POLICY</c>: what a policy uses of instruction, cameras and state, each beside the noise.</summary>
internal static class DiagnoseCommand
{
    private const int Drawn = 24, Episodes = 12;
    private const string ChunksPart = "chunks";

    public static Command Create()
    {
        var name = ModelArgument.Policy();
        var states = new StateOptions(Drawn);
        var seeds = new Option<int>("--seeds") { Description = "Seeds of other noise that the floor is measured with.", DefaultValueFactory = _ => 4 };
        var carried = new Option<int?>("--action-steps")
        {
            Description = "Rows of each chunk that are carried out before the policy acts again; as many as its checkpoint says by default.",
        };
        var sequence = new Option<bool>("--sequence")
        {
            Description = "The observations of --observations follow each other, one whenever the policy acts anew: consecutive chunks are compared too, as "
                + "they are in closed loop for a policy whose world is known.",
        };
        var units = UnitsOption.Create();
        var device = DeviceOption.Create();
        var json = Output.JsonOption();
        var command = new Command(
            "diagnose", "Change what a policy is given, one thing at a time, and tell what moves its actions further than other noise does.")
        {
            name, seeds, carried, sequence, units, device, json,
        };
        states.AddTo(command);
        command.SetAction(async (parsed, cancellation) =>
        {
            if (parsed.GetValue(seeds) < 1)
            {
                throw new VitrineException($"--seeds is {parsed.GetValue(seeds)}; expected at least 1.");
            }

            using var policy = Policy.Open(parsed.GetValue(name)!, device.ModelOptionsOf(parsed));
            using var acting = policy.With(units: parsed.GetValue(units));
            var source = states.Source(parsed, policy);
            var observations = source.ForTest(states.Count(parsed) ?? (source.IsDrawn ? Drawn : null));
            var diagnosis = new Diagnosis(acting, observations)
            {
                Seed = (int)parsed.GetValue(states.Seed),
                Seeds = parsed.GetValue(seeds),
                Synonyms = StateSource.WorldOf(policy) is null ? Rewording.Synonyms : [.. TabletopVocabulary.Concepts.Select(c => c.Words)],
            };
            if (parsed.GetValue(sequence) && source.IsDrawn)
            {
                throw new VitrineException("--sequence: goes with --observations FILE.json; situations that are drawn do not follow each other.");
            }

            var steps = parsed.GetValue(carried) ?? acting.ActionSteps;
            if (steps < 1)
            {
                throw new VitrineException($"--action-steps is {steps}; expected at least 1.");
            }

            var (trials, chunks) = await Output.WithProgressAsync(
                "acting under every change", p => Task.FromResult((diagnosis.Run(p, cancellation), Consecutive()))).ConfigureAwait(false);
            Row[] rows = [.. trials.Select(Row.Of), .. chunks];
            if (parsed.GetValue(json))
            {
                Output.Write(rows);
                return 0;
            }

            Print(rows, observations.Count);
            return 0;

            IReadOnlyList<Row> Consecutive()
            {
                var seed = parsed.GetValue(states.Seed);
                var sequences = parsed.GetValue(sequence) ? ActingSequences.Given(observations, steps, seed)
                    : source.IsDrawn && StateSource.WorldOf(policy) is not null
                        ? ActingSequences.InTabletop(acting, seed, Math.Min(observations.Count, Episodes), steps, cancellation)
                    : null;
                return sequences is null ? [] : Chunks(acting, sequences, steps, parsed.GetValue(seeds), cancellation);
            }
        });
        return command;
    }

    /// <summary>The floor first.</summary>
    private static IReadOnlyList<Row> Chunks(
        Policy policy, IReadOnlyList<IReadOnlyList<Turn>> sequences, int carried, int seeds, CancellationToken cancellation)
    {
        const string Overlap = "where consecutive chunks overlap";
        try
        {
            var found = ChunkConsistency.Of(policy, sequences, carried, seeds, cancellation);
            var where = found.Apart.Count == found.Pairs ? $"{found.Pairs} pairs" : $"{found.Apart.Count} episodes, {found.Pairs} pairs";
            return
            [
                new Row(ChunksPart, policy.NoiseShape is null ? "the same again" : $"{seeds} other seeds, the {found.Rows} rows that overlap", "",
                    PairedBootstrap.MeanDifference(found.Noise), null),
                new Row(ChunksPart, $"{Overlap} ({found.Rows} rows; {where})", "", PairedBootstrap.MeanDifference(found.Apart), null),
            ];
        }
        catch (VitrineException e) when (e is not NonFiniteException)
        {
            return [new Row(ChunksPart, Overlap, "", null, e.Message)];
        }
    }

    private sealed record Row(string About, string What, string Example, Estimate? Change, string? Refused)
    {
        public static Row Of(DiagnosisTrial trial) => new(
            trial.About, trial.What, trial.Example, trial.Changes.Count > 0 ? PairedBootstrap.MeanDifference(trial.Changes) : null, trial.Refused);

        /// <summary>In words, beside the floor.</summary>
        public string Said(Row floor, Row? chunks) => this == chunks ? "their floor"
            : About == ChunksPart && Change is { } apart ? apart.Low > chunks!.Change!.High ? "the plan changes" : "not above the noise"
            : About == floor.About ? this == floor ? "the floor" : ""
            : Change is not { } change ? $"refused: {Refused}"
            : change.Low > floor.Change!.High ? "moves the action"
            : change.High == 0 ? "changes no bit"
            : "not above the noise";
    }

    private static void Print(IReadOnlyList<Row> rows, int observations)
    {
        var (first, chunks) = (rows[0].Change!.Mean, rows.FirstOrDefault(r => r.About == ChunksPart && r.Change is not null));
        string[] example = Output.IsNarrow ? [] : ["first instruction"];
        var table = Output.Table(["what", "changed to", "change", "95 %", "times the noise", "", .. example]);
        foreach (var row in rows)
        {
            var floor = row.About == ChunksPart ? chunks?.Change!.Mean ?? 0 : first;
            string[] numbers = row.Change is { } change
                ? [Number(change.Mean), $"[{Number(change.Low)}, {Number(change.High)}]", floor > 0 ? Times(change.Mean / floor) : "-"]
                : ["-", "-", "-"];
            table.Add([row.About, row.What, .. numbers, row.Said(rows[0], chunks), .. Output.IsNarrow ? Array.Empty<string>() : [row.Example]]);
        }

        AnsiConsole.Write(table);
        Console.WriteLine(
            $"change: root mean square over the chunk, normalised; {observations} observations, bootstrap over them, the same noise in all but the floor"
            + (chunks is null ? "" : "; chunks: over the rows that consecutive ones have in common, bootstrap over episodes, or over pairs of one sequence"));
    }

    private static string Times(double ratio) => ratio.ToString("0.0", CultureInfo.InvariantCulture);

    private static string Number(double value) => value.ToString("0.000", CultureInfo.InvariantCulture);
}
