using System.CommandLine;
using System.Globalization;
using Spectre.Console;
using Vitrine.Mechanisms.Diagnoses;
using Vitrine.Mechanisms.Statistics;
using Vitrine.Policies;
using Vitrine.Worlds;
using Vitrine.Worlds.Tabletop;

namespace Vitrine.Cli.Commands;

/// <summary><c>vitrine diagnose POLICY</c>: what a policy uses of instruction, cameras and state, each beside the noise.</summary>
internal static class DiagnoseCommand
{
    private const int Drawn = 24;

    public static Command Create()
    {
        var name = ModelArgument.Policy();
        var states = new StateOptions(Drawn);
        var seeds = new Option<int>("--seeds") { Description = "Seeds of other noise that the floor is measured with.", DefaultValueFactory = _ => 4 };
        var units = UnitsOption.Create();
        var device = DeviceOption.Create();
        var json = Output.JsonOption();
        var command = new Command(
            "diagnose", "Change what a policy is given, one thing at a time, and tell what moves its actions further than other noise does.")
        {
            name, seeds, units, device, json,
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
            var trials = await Output.WithProgressAsync("acting under every change", p => Task.FromResult(diagnosis.Run(p, cancellation)))
                .ConfigureAwait(false);
            Row[] rows = [.. trials.Select(Row.Of)];
            if (parsed.GetValue(json))
            {
                Output.Write(rows);
                return 0;
            }

            Print(rows, observations.Count);
            return 0;
        });
        return command;
    }

    private sealed record Row(string About, string What, string Example, Estimate? Change, string? Refused)
    {
        public static Row Of(DiagnosisTrial trial) => new(
            trial.About, trial.What, trial.Example, trial.Changes.Count > 0 ? PairedBootstrap.MeanDifference(trial.Changes) : null, trial.Refused);

        /// <summary>In words, beside the floor.</summary>
        public string Said(Row floor) => About == floor.About ? this == floor ? "the floor" : ""
            : Change is not { } change ? $"refused: {Refused}"
            : change.Low > floor.Change!.High ? "moves the action"
            : change.High == 0 ? "changes no bit"
            : "not above the noise";
    }

    private static void Print(IReadOnlyList<Row> rows, int observations)
    {
        var floor = rows[0].Change!.Mean;
        var table = Output.Table("what", "changed to", "change", "95 %", "times the noise", "", "first instruction");
        foreach (var row in rows)
        {
            string[] numbers = row.Change is { } change
                ? [Number(change.Mean), $"[{Number(change.Low)}, {Number(change.High)}]", floor > 0 ? Times(change.Mean / floor) : "-"]
                : ["-", "-", "-"];
            table.Add([row.About, row.What, .. numbers, row.Said(rows[0]), row.Example]);
        }

        AnsiConsole.Write(table);
        Console.WriteLine(
            $"change: root mean square over the chunk, normalised; {observations} observations, bootstrap over them, the same noise in all but the floor");
    }

    private static string Times(double ratio) => ratio.ToString("0.0", CultureInfo.InvariantCulture);

    private static string Number(double value) => value.ToString("0.000", CultureInfo.InvariantCulture);
}
