using System.Globalization;
using Spectre.Console;
using Vitrine.Mechanisms.Statistics;
using Vitrine.Worlds.Studies;
using Vitrine.Worlds.Studies.Files;

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
                c.Arm, c.IsExploratory ? $"{c.Measure}*" : c.Measure, Output.WithInterval(c.Change.Mean, c.Change.Low, c.Change.High),
                c.AdjustedP is { } p ? Probability(p) : "-", Controls(c), c.Selectivity is { } s ? Output.Signed(s.Difference.Mean) : "-",
                $"{Share(c.Success.Rate)} / {Share(c.BaselineSuccess.Rate)}", Said(c.Verdict));
        }

        AnsiConsole.Write(table);
        if (outcome.Comparisons.Any(c => c.IsExploratory))
        {
            Console.WriteLine("* exploratory: added after results were seen; p is not adjusted, and nothing is called shown");
        }

        foreach (var look in outcome.Looks)
        {
            Console.WriteLine($"look {look.Number}, {look.Layouts} layouts: {look.Crossed.Count} of {outcome.Comparisons.Count(c => !c.IsExploratory)} "
                + $"comparisons crossed (p <= {look.Level.ToString("G3", CultureInfo.InvariantCulture)}){(look.IsLast ? "; the study ended here" : "")}");
        }

        Console.WriteLine($"{outcome.File.Name}: {outcome.Result.Arms.Count} arms, {outcome.Result.Layouts} layouts each; registered "
            + $"{outcome.Registered[..12]}, policy {outcome.Policy.Name} {outcome.Policy.Short}");
        Console.WriteLine("controls: range of all random draws; selectivity: intended minus unintended movement, in lengths of the world; success: edit / "
            + "baseline");
    }

    public static void Print(StudyCheck check, StudyFile file, int workers, bool json)
    {
        var seconds = check.Seconds / Math.Max(1, workers);
        if (json)
        {
            Output.Write(new { file.Name, Workers = workers, EstimatedSeconds = seconds, Check = check });
            return;
        }

        var table = Output.Table("edit", "measure", "sd of differences", "detectable at .8", "effect named", "power, 95 %");
        foreach (var power in check.Powers)
        {
            table.Add(
                power.Arm, power.Measure, $"{Output.Plain(power.Deviation)}{(power.IsStated ? " (stated)" : "")}",
                power.Detectable is not { } least ? "no variation"
                    : double.IsFinite(least) ? Output.Plain(least) : "none: too few layouts", power.Effect is { } effect ? Output.Signed(effect) : "-",
                power.Power is { } found ? $"{Share(found.Rate)} [{Share(found.Low)}, {Share(found.High)}]" : "-");
        }

        AnsiConsole.Write(table);
        var strengths = Output.Table("edit", "dose", "nats, 95th percentile", "motion of one decision");
        foreach (var strength in check.Strengths)
        {
            strengths.Add(
                strength.Condition, strength.Dose, strength.Nats is { } nats ? Output.Plain(nats) : "-",
                strength.Motion is { } motion ? Output.Plain(motion) : "-");
        }

        AnsiConsole.Write(strengths);
        Console.WriteLine($"{file.Name}: {check.Arms} arms x {check.Layouts} layouts = {check.Episodes} episodes, at most {check.ControlSteps} control steps, "
            + $"about {check.ExpectedSteps}");
        Console.WriteLine($"about {seconds.ToString("0", CultureInfo.InvariantCulture)} s with {workers} workers, as the pilot's {check.PilotEpisodes} "
            + "episodes ran (selection layouts, which the study does not use)");
        Console.WriteLine($"registered {check.Registered}");
    }

    public static void Print(StudyContrast contrast, bool json)
    {
        if (json)
        {
            Output.Write(contrast);
            return;
        }

        var table = Output.Table("arm", "measure", "A", "B", "B - A, 95 %", "only A / only B", "adjusted p", "effect in B - in A, 95 %");
        foreach (var row in contrast.Rows)
        {
            table.Add(
                row.Arm, row.Measure, Output.Plain(row.First), Output.Plain(row.Second), Output.WithInterval(row.Change.Mean, row.Change.Low, row.Change.High),
                row.OnlyFirst is { } first ? $"{first} / {row.OnlySecond}" : "-", Probability(row.AdjustedP),
                row.EffectChange is { } effect ? Output.WithInterval(effect.Mean, effect.Low, effect.High) : "-");
        }

        AnsiConsole.Write(table);
        Console.WriteLine($"A: {contrast.First.Name} {contrast.First.Short}; B: {contrast.Second.Name} {contrast.Second.Short}; {contrast.Layouts} layouts; "
            + "p of success: McNemar, exact; of others: sign flips; Holm over all rows");
        foreach (var (side, arms) in new[] { ("A", contrast.OnlyFirst), ("B", contrast.OnlySecond) }.Where(s => s.Item2.Count > 0))
        {
            Console.WriteLine($"only in {side}: {string.Join(", ", arms)}");
        }
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

    private static string Controls(ArmComparison comparison)
    {
        Spread[] spreads = [.. new[] { comparison.MatchedRandom, comparison.RandomDirection }.OfType<Spread>()];
        return spreads.Length == 0 ? "-" : $"{Output.Signed(spreads.Min(s => s.Smallest))} to {Output.Signed(spreads.Max(s => s.Largest))}";
    }
}
