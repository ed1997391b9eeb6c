using Vitrine.Mechanisms.Statistics;
using Vitrine.Views.Drawing;
using Vitrine.Worlds;

namespace Vitrine.Views;

/// <summary>
/// A closed-loop study, one line an arm: motion and success side by side, treatments filled, controls hollow, random draws as a band from the smallest to the
/// largest.
/// </summary>
/// <remarks>It is drawn twice, for a wide page and for a narrow one; the style sheet shows the one that fits.</remarks>
/// <param name="study">What to draw.</param>
public sealed class ForestPlot(StudySummary study) : View
{
    private const double WideWidth = 1000, WideLabels = 304, WideGap = 44, WidePitch = 30;
    private const double NarrowWidth = 360, NarrowPitch = 40;

    private static readonly string Speed = Measure.Speed.Name, Height = Measure.Height.Name, Success = Measure.Success.Name;
    private readonly StudyLine[] lines = [.. study.Studies.SelectMany(StudyLine.Of)];

    private sealed record Panel(string Title, string Unit, bool IsShare, Func<StudyLine, Estimate?> Estimate, Func<StudyLine, Spread?> Draws);

    internal override void Write(Markup page)
    {
        if (lines.Length == 0)
        {
            page.Text("p", "No closed-loop arm was run.", ("class", "empty"));
            return;
        }

        var panels = Panels().ToList();
        page.Open("figure");
        Wide(page, panels);
        Narrow(page, panels);
        page.Open("div", ("class", "legend"));
        page.Open("span").Leaf("i", ("class", "key dot")).Text("treatment, with its interval").Close("span");
        page.Open("span").Leaf("i", ("class", "key ring")).Text("control").Close("span");
        page.Open("span").Leaf("i", ("class", "key band")).Text("range of random draws").Close("span");
        page.Open("span").Leaf("i", ("class", "key base")).Text("no edit").Close("span");
        if (study.Note.Length > 0)
        {
            page.Text("span", study.Note);
        }

        page.Close("div");
        Numbers().WriteFolded(page, brief: true);
        page.Close("figure");
    }

    private IEnumerable<Panel> Panels()
    {
        foreach (var (measure, meaning) in new[] { (Speed, study.SpeedMeaning), (Height, study.HeightMeaning) })
        {
            if (lines.Any(row => row.Change(measure) is { IsFinite: true } || row.Range(measure) is { IsFinite: true }))
            {
                yield return new(meaning, Unit(measure), false, row => row.Change(measure), row => row.Range(measure));
            }
        }

        yield return new("success", "share of the episodes", true, row => row.Success, row => row.SuccessRange);
    }

    private string Unit(string measure) => Measure.Named(measure).Unit(study.Units);

    private void Wide(Markup page, List<Panel> panels)
    {
        var rows = Places(lines, 56, WidePitch, 34);
        var floor = rows[^1].Y + (WidePitch / 2);
        Open(page, "drawing wide", WideWidth, floor + 30);
        foreach (var (row, y, heading) in rows)
        {
            if (heading is not null)
            {
                page.Label("heading", 0, y - 26, heading);
            }

            page.Label(row.IsControl ? "soft" : "", WideLabels - 18, y + 4.5, Fitted(row.Name, 42), "end");
        }

        var width = (WideWidth - WideLabels - 22 - (WideGap * (panels.Count - 1))) / panels.Count;
        foreach (var (index, panel) in panels.Index())
        {
            var left = WideLabels + (index * (width + WideGap));
            page.Label("small", left + (width / 2), 14, Fitted(panel.Title, (int)((width + WideGap) / 6.2)), "middle")
                .Label("small soft", left + (width / 2), 31, Fitted(panel.Unit, (int)((width + WideGap) / 6.2)), "middle");
            Draw(page, panel, [.. rows.Select(place => (place.Row, place.Y))], left, left + width, 42, floor, floor + 18);
        }

        page.Close("svg");
    }

    private void Narrow(Markup page, List<Panel> panels)
    {
        var blocks = panels.Select(panel => Places(lines.Where(row => BoundsOf(panel, row).Any()), 62, NarrowPitch, 26)).ToList();
        Open(page, "drawing narrow", NarrowWidth, blocks.Sum(block => Depth(block)));
        var top = 0.0;
        foreach (var (panel, block) in panels.Zip(blocks))
        {
            if (block.Count == 0)
            {
                continue;
            }

            page.Label("heading", 0, top + 14, Fitted(panel.Title, 46)).Label("soft", 0, top + 33, Fitted(panel.Unit, 46));
            Draw(page, panel, [.. block.Select(place => (place.Row, top + place.Y + 4))], 26, NarrowWidth - 24, top + 42, top + block[^1].Y + 14,
                top + block[^1].Y + 30);
            foreach (var (row, y, heading) in block)
            {
                if (heading is not null)
                {
                    page.Label("small heading", 0, top + y - 30, heading);
                }

                page.Label(row.IsControl ? "small soft halo" : "small halo", 0, top + y - 8, Fitted(row.Name, 46));
            }

            top += Depth(block);
        }

        page.Close("svg");
    }

    private static double Depth(List<(StudyLine Row, double Y, string? Heading)> block) => block.Count == 0 ? 0 : block[^1].Y + 56;

    private void Open(Markup page, string @class, double width, double height)
    {
        var tested = lines.Count(row => !row.IsControl);
        page.OpenDrawing(@class, width, height, "Closed-loop study: motion and success of every arm",
            $"{tested} treatments and {lines.Length - tested} controls. " + string.Join(" ",
                lines.Select(row => $"{row.Name}: speed {Figures.Change(row.Change(Speed))}, success {Figures.Share(row.Success)}.")));
    }

    /// <summary>Where each arm stands, and the concept's heading where a new one begins.</summary>
    private List<(StudyLine Row, double Y, string? Heading)> Places(IEnumerable<StudyLine> rows, double first, double pitch, double headingHeight)
    {
        var headed = lines.Select(row => row.Concept).Distinct().Count() > 1;
        var places = new List<(StudyLine, double, string?)>();
        var (y, concept) = (first, (string?)null);
        foreach (var row in rows)
        {
            var heading = headed && row.Concept != concept ? row.Concept : null;
            y += heading is null ? 0 : headingHeight;
            places.Add((row, y, heading));
            concept = row.Concept;
            y += pitch;
        }

        return places;
    }

    private void Draw(
        Markup page, Panel panel, IReadOnlyList<(StudyLine Row, double Y)> rows, double left, double right, double top, double floor, double ticksAt)
    {
        var scale = panel.IsShare ? new AxisScale(0, 1, left, right) : AxisScale.Around(lines.SelectMany(row => BoundsOf(panel, row)), left, right);
        foreach (var tick in scale.Ticks())
        {
            page.Line(!panel.IsShare && Math.Abs(tick) < 1e-12 ? "zero" : "axis", scale.At(tick), top, scale.At(tick), floor)
                .Label("small faint tick", scale.At(tick), ticksAt, panel.IsShare ? Figures.Percent(tick) : Figures.Change(tick, scale.Decimals()), "middle");
        }

        foreach (var concept in panel.IsShare ? rows.GroupBy(place => place.Row.Concept) : [])
        {
            if (concept.FirstOrDefault(place => place.Row.IsBaseline).Row?.Success is { IsFinite: true } baseline)
            {
                var at = scale.At(baseline.Mean);
                page.Line("zero", at, concept.Min(place => place.Y) - 13, at, concept.Max(place => place.Y) + 13);
            }
        }

        foreach (var (row, y) in rows)
        {
            var (estimate, draws) = (panel.Estimate(row), panel.Draws(row));
            var kind = row.IsControl ? "control" : "treatment";
            page.Open("g", ("class", kind));
            if (draws is { IsFinite: true })
            {
                page.Open("rect", ("class", "draws"), ("x", scale.At(draws.Smallest)), ("y", y - 6),
                    ("width", Math.Max(2, scale.At(draws.Largest) - scale.At(draws.Smallest))), ("height", 12), ("rx", 3))
                    .Text("title", $"{row.Name}, {row.Draws} draws: {Range(panel, draws)}").Close("rect");
            }

            if (estimate is { IsFinite: true })
            {
                page.Line("interval", scale.At(estimate.Low), y, scale.At(estimate.High), y);
                page.Open("circle", ("class", "estimate"), ("cx", scale.At(estimate.Mean)), ("cy", y), ("r", 4.5))
                    .Text("title", $"{row.Name}: {(panel.IsShare ? Figures.Share(estimate) : Figures.Change(estimate))}").Close("circle");
            }

            page.Close("g");
        }
    }

    private static IEnumerable<double> BoundsOf(Panel panel, StudyLine row)
    {
        if (panel.Estimate(row) is { IsFinite: true } estimate)
        {
            yield return Math.Min(estimate.Low, estimate.Mean);
            yield return Math.Max(estimate.High, estimate.Mean);
        }

        if (panel.Draws(row) is { IsFinite: true } draws)
        {
            yield return draws.Smallest;
            yield return draws.Largest;
        }
    }

    private static string Range(Panel panel, Spread draws) => Range(draws, panel.IsShare);

    private static string Range(Spread draws, bool isShare)
        => isShare ? $"{Figures.Percent(draws.Smallest)} to {Figures.Percent(draws.Largest)}" : Figures.Range(draws);

    private static string Draws(StudyLine row, Spread? draws, bool isShare)
        => draws is { IsFinite: true } ? $"{Range(draws, isShare)} ({row.Draws})" : Figures.Missing;

    /// <remarks>The whole name stands in the table under the drawing.</remarks>
    private static string Fitted(string text, int characters) => text.Length <= characters ? text : text[..(characters - 1)].TrimEnd() + "…";

    private NumberTable Numbers()
    {
        var table = new NumberTable("closed-loop study",
            ["arm", "episodes", $"speed change, {Unit(Speed)}", $"over draws, {Unit(Speed)}", $"height change, {Unit(Height)}", $"over draws, {Unit(Height)}",
                "success, %", "over draws, %", "success change", "adjusted p"]);
        foreach (var concept in lines.GroupBy(row => row.Concept))
        {
            table.Group(concept.Key);
            foreach (var row in concept)
            {
                table.Add(row.Name, Figures.Count(row.Episodes), Figures.Change(row.Change(Speed)), Draws(row, row.Range(Speed), false),
                    Figures.Change(row.Change(Height)), Draws(row, row.Range(Height), false), Figures.Share(row.Success), Draws(row, row.SuccessRange, true),
                    Figures.Points(row.Change(Success)), row.AdjustedP is { } p ? Figures.Probability(p) : Figures.Missing);
            }
        }

        return table;
    }
}
