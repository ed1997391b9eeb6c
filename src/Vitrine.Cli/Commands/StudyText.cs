using System.Globalization;
using Spectre.Console;
using Vitrine.Mechanisms.Statistics;
using Vitrine.Worlds.Studies;

namespace Vitrine.Cli.Commands;

/// <summary>What studies came to, as tables.</summary>
internal static class StudyText
{
    public static void Print(StudyOutcome outcome, bool json)
    {
        if (json)
        {
            Console.WriteLine(outcome.ToJson());
            return;
        }

        var table = Output.Table("edit", "measure", "change, 95 %", "adjusted p", "controls", "selectivity", "success", "verdict");
        foreach (var c in outcome.Comparisons)
        {
            table.Add(
                c.Arm, c.IsExploratory ? $"{c.Measure} (exploratory)" : c.Measure, Output.WithInterval(c.Change.Mean, c.Change.Low, c.Change.High),
                c.AdjustedP is { } p ? Probability(p) : "-", Controls(c), c.Selectivity is { } s ? Short(s.Difference.Mean) : "-",
                $"{Share(c.Success.Rate)} / {Share(c.BaselineSuccess.Rate)}", Said(c.Verdict));
        }

        AnsiConsole.Write(table);
        foreach (var look in outcome.Looks)
        {
            Console.WriteLine($"look {look.Number}, {look.Layouts} layouts: {look.Crossed.Count} of {outcome.Comparisons.Count(c => !c.IsExploratory)} "
                + $"comparisons crossed (p <= {look.Level.ToString("G3", CultureInfo.InvariantCulture)}){(look.IsLast ? "; the study ended here" : "")}");
        }

        Console.WriteLine($"{outcome.File.Name}: {outcome.Result.Arms.Count} arms, {outcome.Result.Layouts} layouts each; registered "
            + $"{outcome.Registered[..12]}, policy {outcome.Policy.Name} {outcome.Policy.Short}");
        Console.WriteLine("controls: range of all random draws; selectivity: intended minus unintended movement in deviations of the baseline; success: edit / "
            + "baseline");
    }

    /// <summary>A verdict in words.</summary>
    public static string Said(VerdictClass verdict) => verdict switch
    {
        VerdictClass.Shown => "shown",
        VerdictClass.BreaksTask => "breaks the task",
        _ => "not shown",
    };

    public static string Probability(double p) => p.ToString(p < .001 ? "0.0e0" : "0.000", CultureInfo.InvariantCulture);

    public static string Share(double? rate) => rate?.ToString("0.00", CultureInfo.InvariantCulture) ?? "-";

    private static string Short(double value) => value.ToString("+0.00;-0.00;0.00", CultureInfo.InvariantCulture);

    private static string Controls(ArmComparison comparison)
    {
        Spread[] spreads = [.. new[] { comparison.MatchedRandom, comparison.RandomDirection }.OfType<Spread>()];
        return spreads.Length == 0 ? "-" : $"{Output.Signed(spreads.Min(s => s.Smallest))} to {Output.Signed(spreads.Max(s => s.Largest))}";
    }
}
