using Vitrine.Views.Drawing;
using Vitrine.Worlds.Decisions;
using Vitrine.Worlds.Studies;

namespace Vitrine.Views;

/// <summary>Where a word acts, as an HTML file that needs nothing beside it.</summary>
public static class LocationPage
{
    /// <summary>The page as text.</summary>
    /// <param name="located">What was found.</param>
    /// <param name="made">How to make it again.</param>
    public static string Render(LocationResult located, Provenance made)
    {
        ArgumentNullException.ThrowIfNull(located);
        ArgumentNullException.ThrowIfNull(made);
        var page = new Markup();
        var against = located.Without is null ? "" : $" against {located.Without}";
        PageFrame.Section[] sections =
        [
            new("decision", "One decision", "One decision, by component and layer", () => new OneStepTable(new ShownDecision(located.Decision)).Write(page)),
            .. located.Heads.Count == 0 ? Array.Empty<PageFrame.Section>() : [new("heads", "Heads", "Heads, by layer", () => Heads(page, located))],
            .. located.Rows is null ? Array.Empty<PageFrame.Section>()
                : [new("rows", "Rows", "Rows of the prompt that the expert reads", () => new PrefixSwapTable(new ShownSwap(located.Rows)).Write(page))],
            .. located.Ablations.Count == 0 ? Array.Empty<PageFrame.Section>()
                : [new("needed", "Needed", "What the decision needs", () => Ablations(page, located.Ablations))],
            .. located.Looks.Count == 0 ? Array.Empty<PageFrame.Section>()
                : [new("looks", "Looks", "Where the expert looks", () => new ExpertLookTable(located.Looks).Write(page))],
            .. located.ClosedLoop is null ? Array.Empty<PageFrame.Section>()
                : [new("loop", "Closed loop", "The moving robot", () => Loop(page, located.ClosedLoop))],
        ];
        return PageFrame.Render(
            page, $"Where *{located.Word}* acts", $"What {located.Word}{against} changes of {located.Decision.Metric}, part by part.",
            [new("states", $"{located.Decision.States}"), new($"{located.Decision.Metric} without it", Figures.Plain(located.Decision.Baseline, Figures.Fine))],
            sections, made, Report.StyleSheet);
    }

    private static void Heads(Markup page, LocationResult located)
    {
        page.Text("p", "Each head alone: its mean difference added, its output put in state by state from the run with the word, and what remains of the word "
            + "where the head is held at the run without it.");
        var table = new NumberTable("Heads", ["layer", "head", "mean difference", "put in", "what remains"]);
        foreach (var head in located.Heads)
        {
            table.Add($"{head.Layer}", $"{head.Head}", Figures.Change(head.MeanDifference), Figures.Change(head.Sufficient), Figures.Change(head.Necessary));
        }

        table.WriteFolded(page, brief: false);
    }

    private static void Ablations(Markup page, IReadOnlyList<AblationEstimate> ablations)
    {
        page.Text("p", "How far the decided motion, with the word said, goes away where a part is left out: root mean square over the rows of a "
            + "decision, in the robot’s units. That a part is needed does not say what it does.");
        var table = new NumberTable("What is left out", ["left out", "change of the motion"]);
        foreach (var (part, change) in ablations)
        {
            table.Add($"{part}", Figures.Change(change));
        }

        table.WriteFolded(page, brief: false);
    }

    private static void Loop(Markup page, StudyResult study)
    {
        page.Text("p", $"Changes against the first arm on the same {study.Layouts} layouts and noise; draws from the smallest to the largest.");
        var table = new NumberTable("Arms", ["arm", "success", "change of speed", "change of height"]);
        foreach (var arm in study.Arms.Where(a => !a.Arm.IsRandom))
        {
            table.Add(arm.Arm.Name, arm.All.Success.Rate is { } rate ? Figures.Plain(rate, 3) : Figures.Missing, Of(arm, "speed"), Of(arm, "height"));
        }

        foreach (var group in study.Draws)
        {
            table.Add($"{group.Group}, {group.Draws} draws", Figures.Missing, Range(group, "speed"), Range(group, "height"));
        }

        table.WriteFolded(page, brief: false);

        static string Of(ArmResult arm, string measure)
            => arm.All.Differences.TryGetValue(measure, out var difference) ? Figures.Change(difference.Estimate) : Figures.Plain(arm.All.Means[measure]);

        static string Range(DrawsResult group, string measure)
            => $"{Figures.Plain(group.Differences[measure].Smallest)} to {Figures.Plain(group.Differences[measure].Largest)}";
    }
}
