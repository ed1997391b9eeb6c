using System.Globalization;
using Vitrine.Views.Drawing;
using Vitrine.Worlds;
using Vitrine.Worlds.Studies;

namespace Vitrine.Views;

/// <summary>A study as one HTML file that needs nothing beside it: what was found, every arm, every comparison with its controls, the registration.</summary>
public static class StudyPage
{
    private const string Lead = "Every arm runs the same layouts with the same noise. What was decided before the study ran is compared as planned; what was "
        + "looked at afterwards is exploratory and claims nothing.";

    /// <summary>The page as text.</summary>
    /// <param name="outcome">What the study came to.</param>
    /// <param name="units">Of its world.</param>
    /// <param name="made">How the page was made.</param>
    public static string Render(StudyOutcome outcome, WorldUnits units, Provenance made)
    {
        ArgumentNullException.ThrowIfNull(outcome);
        ArgumentNullException.ThrowIfNull(units);
        ArgumentNullException.ThrowIfNull(made);
        var (page, file) = (new Markup(), outcome.File);
        ArmComparison[] planned = [.. outcome.Comparisons.Where(c => !c.IsExploratory)], exploratory = [.. outcome.Comparisons.Where(c => c.IsExploratory)];
        var shown = new StudySummary
        {
            Studies = [new ShownStudy(outcome.Result, file.Measure)],
            Units = units,
            SpeedMeaning = "change of speed, steps 1 to 6",
            HeightMeaning = "change of height, steps 1 to 10",
            Note = $"{outcome.Result.Layouts} layouts an arm; paired bootstrap 95 %, Wilson 95 % for success; adjusted p of this drawing: Holm over the edits.",
        };
        NamedValue[] facts =
        [
            new("planned comparisons", $"{planned.Length}"), new("arms", $"{outcome.Result.Arms.Count}"), new("layouts an arm", $"{outcome.Result.Layouts}"),
            new("success without edits", Figures.Percent(outcome.Result.Arms.Single(a => a.Arm.Kind == ArmKind.Baseline).All.Success.Rate)),
            new("registered", outcome.Registered[..12]),
        ];
        PageFrame.Section[] sections =
        [
            new("found", "Findings", "What was found", () => Found(page, planned, units)),
            new("arms", "Arms", "Every arm", () =>
            {
                Card(page, new ForestPlot(shown));
                Card(page, new TaskSuccessTable(shown.Studies));
            }),
            new("compared", "Comparisons", "What was compared, as planned", () => Compared(page, planned, units, file.Alpha)),
            .. exploratory.Length == 0 ? Array.Empty<PageFrame.Section>()
                : [new PageFrame.Section("exploratory", "Exploratory", "Exploratory: looked at after results were seen", () =>
                {
                    page.Text("p", "These measures were added when results were there. They suggest what to ask next; their p is not adjusted, and nothing is "
                        + "called shown.");
                    Compared(page, exploratory, units, file.Alpha);
                })],
            .. outcome.Looks.Count == 0 ? Array.Empty<PageFrame.Section>()
                : [new PageFrame.Section("looks", "Looks", "Looks before the end", () => Looks(page, outcome))],
            new("strength", "Strength", "How strong the edits are in one decision", () => Strengths(page, outcome)),
            new("registered", "Registered", "What was registered", () => Registered(page, outcome)),
        ];
        return PageFrame.Render(page, file.Question is { } question ? $"{file.Name}: *{question}*" : $"The study *{file.Name}*", Lead, facts, sections, made,
            Report.StyleSheet);
    }

    private static void Found(Markup page, ArmComparison[] planned, WorldUnits units)
        => new VerdictList([.. planned.Select(c => StatementOf(c, units))]).Write(page);

    private static Statement StatementOf(ArmComparison c, WorldUnits units)
    {
        var label = new ArmLabel { Name = c.Arm, Kind = ArmKind.Edit, Concept = c.Concept };
        var effect = EditWords.Effect(c.Measure, c.Change.Mean > 0, plain: c.Verdict == VerdictClass.NotShown);
        var sentence = c.Verdict switch
        {
            VerdictClass.Shown => $"{EditWords.Doing(label)} {effect}",
            VerdictClass.BreaksTask => $"{EditWords.Doing(label)} {effect}, and the task is solved less often",
            _ => $"{EditWords.Doing(label)} was not shown to {effect}",
        };
        var unit = Measure.Named(c.Measure).Unit(units);
        return new Statement(EditWords.Sentence(sentence), c.Verdict)
        {
            Evidence =
            [
                $"{c.Measure} {Figures.Change(c.Change)}{(unit.Length > 0 ? " " + unit : "")}, adjusted p {Figures.Probability(c.AdjustedP ?? c.P)}; "
                    + $"{Controls(c)}; success {Figures.Percent(c.Success.Rate)} against {Figures.Percent(c.BaselineSuccess.Rate)}",
                .. Why(c),
            ],
        };
    }

    /// <summary>Why something that moved is not called shown.</summary>
    private static IEnumerable<string> Why(ArmComparison c)
    {
        if (c.Verdict != VerdictClass.NotShown || !c.Change.ExcludesZero)
        {
            yield break;
        }

        if (!c.IsSignificant)
        {
            yield return "the interval leaves zero out, but the adjusted p does not reach alpha over all planned comparisons";
        }

        foreach (var (what, spread) in new[] { ("matched random neurons", c.MatchedRandom), ("random directions", c.RandomDirection) })
        {
            if (spread is { } random && c.Change.Mean <= random.Largest && c.Change.Mean >= random.Smallest)
            {
                yield return $"{what} move it as much";
            }
        }

        if (c.Reversed is { ExcludesZero: true } reversed && reversed.Mean / c.Change.Mean >= 1)
        {
            yield return "the reversed sign moves it as much, to the same side";
        }
    }

    private static string Controls(ArmComparison c) => string.Join(", ",
    [
        .. c.MatchedRandom is { } matched ? [$"matched random {Figures.Range(matched)}"] : Array.Empty<string>(),
        .. c.RandomDirection is { } directions ? [$"random directions {Figures.Range(directions)}"] : Array.Empty<string>(),
        .. c.Reversed is { } reversed ? [$"reversed sign {Figures.Change(reversed.Mean, Figures.Fine)}"] : Array.Empty<string>(),
        .. c.Word is { } word ? [$"the word {Figures.Change(word.Mean, Figures.Fine)}"] : Array.Empty<string>(),
    ]);

    private static void Compared(Markup page, ArmComparison[] comparisons, WorldUnits units, double alpha)
    {
        page.Text("p", $"Change: mean paired difference to no edit, bootstrap 95 %. p: sign flips, adjusted by Holm over the planned comparisons; alpha "
            + $"{Figures.Plain(alpha, 2)}. d_z: mean over deviation of the differences. Selectivity: intended minus largest unintended movement, in "
            + $"{units.Length}: a height as it is, a speed as the distance over its first steps.");
        page.Open("div", ("class", "card")).Open("ul");
        foreach (var c in comparisons)
        {
            page.Open("li").Open("p").Text($"{c.Arm}, {Unit(c, units)}: ").Text("strong", Said(c)).Close("p").Text("p", Moved(c), ("class", "k"))
                .Text("p", $"{Controls(c)}; success {Figures.Percent(c.Success.Rate)} against {Figures.Percent(c.BaselineSuccess.Rate)}", ("class", "k"))
                .Close("li");
        }

        page.Close("ul");
        Numbers(comparisons, units).WriteFolded(page);
        page.Close("div");
    }

    private static NumberTable Numbers(ArmComparison[] comparisons, WorldUnits units)
    {
        var table = new NumberTable("comparisons",
        [
            "edit", "measure", "change", "p", "adjusted p", "d_z", "Cliff’s delta", "selectivity", "matched random", "random directions", "reversed sign",
            "zero dose", "the word", "success change", "verdict",
        ]);
        foreach (var c in comparisons)
        {
            table.Add(
                c.Arm, Unit(c, units), Figures.Change(c.Change), Figures.Probability(c.P), c.AdjustedP is { } p ? Figures.Probability(p) : Figures.Missing,
                c.EffectSize is { } d ? Figures.Change(d, 2) : Figures.Missing, Figures.Change(c.CliffsDelta, 2), Figures.Change(c.Selectivity?.Difference),
                c.MatchedRandom is { } m ? Figures.Range(m) : Figures.Missing, c.RandomDirection is { } r ? Figures.Range(r) : Figures.Missing,
                Figures.Change(c.Reversed), Figures.Change(c.ZeroDose), Figures.Change(c.Word), Figures.Points(c.SuccessChange), Said(c));
        }

        return table;
    }

    private static string Unit(ArmComparison c, WorldUnits units)
        => Measure.Named(c.Measure).Unit(units) is { Length: > 0 } unit ? $"{c.Measure} in {unit}" : c.Measure;

    private static string Moved(ArmComparison c)
        => $"{Figures.Change(c.Change)}, p {Figures.Probability(c.P)}{(c.AdjustedP is { } p ? $", adjusted {Figures.Probability(p)}" : "")}"
            + (c.EffectSize is { } d ? $", d_z {Figures.Change(d, 2)}" : "") + $", Cliff’s delta {Figures.Change(c.CliffsDelta, 2)}"
            + (c.Selectivity is { } s ? $", selectivity {Figures.Change(s.Difference)}" : "");

    private static string Said(ArmComparison c) => c.IsExploratory ? "exploratory" : c.Verdict switch
    {
        VerdictClass.Shown => "shown",
        VerdictClass.BreaksTask => "breaks the task",
        _ => "not shown",
    };

    private static void Looks(Markup page, StudyOutcome outcome)
    {
        var planned = outcome.Comparisons.Count(c => !c.IsExploratory);
        page.Open("ul");
        foreach (var look in outcome.Looks)
        {
            page.Text("li", $"look {look.Number}, {look.Layouts} layouts an arm: {look.Crossed.Count} of {planned} comparisons have p at most "
                + $"{look.Level.ToString("G3", CultureInfo.InvariantCulture)}{(look.IsLast ? "; the study ended here" : "")}");
        }

        page.Close("ul");
    }

    private static void Strengths(Markup page, StudyOutcome outcome)
    {
        page.Text("p", "Over the states that edits were made on. Nats: the 95th percentile of the divergence of the edited from the unedited answer, token by "
            + "token. Motion: mean length by which the decided step changes.");
        page.Open("div", ("class", "card")).Open("table").Text("caption", "Strength in one decision", ("class", "unseen")).Open("thead").Open("tr")
            .Text("th", "edit", ("scope", "col")).Text("th", "dose", ("scope", "col")).Text("th", "nats", ("scope", "col"), ("class", "r"))
            .Text("th", "motion", ("scope", "col"), ("class", "r")).Close("tr").Close("thead").Open("tbody");
        foreach (var strength in outcome.Strengths)
        {
            page.Open("tr").Text("th", strength.Condition, ("scope", "row")).Text("td", strength.Dose)
                .Text("td", Figures.Plain(strength.Nats ?? double.NaN, 4), ("class", "r"))
                .Text("td", Figures.Plain(strength.Motion ?? double.NaN, 4), ("class", "r")).Close("tr");
        }

        page.Close("tbody").Close("table").Close("div");
    }

    private static void Registered(Markup page, StudyOutcome outcome)
    {
        page.Text("p", "SHA-256 of the study file’s content and of the files that it names. The file was written before the study ran; with another hash it "
            + "is another study.");
        page.Text("p", outcome.Registered, ("class", "mono"));
        page.Open("details").Text("summary", "The study file, in its canonical form").Open("div", ("class", "scroll"), ("tabindex", 0), ("role", "group"),
            ("aria-label", "The study file")).Text("pre", outcome.File.ToJson()).Close("div").Close("details");
    }

    private static void Card(Markup page, View view)
    {
        page.Open("div", ("class", "card"));
        view.Write(page);
        page.Close("div");
    }
}
