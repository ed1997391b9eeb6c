using Vitrine.Views.Drawing;

namespace Vitrine.Views;

/// <summary>A closed-loop study, one line an arm: motion and success side by side, treatments filled, controls hollow, random draws as a band from the smallest to the largest.</summary>
/// <remarks>It is drawn twice, for a wide page and for a narrow one; the style sheet shows the one that fits.</remarks>
/// <param name="study">What to draw.</param>
public sealed class ForestPlot(StudySummary study) : View
{
    private const double WideWidth = 1000, WideLabels = 304, WideGap = 44, WidePitch = 30;
    private const double NarrowWidth = 360, NarrowPitch = 40;

    private sealed record Panel(string Title, bool IsShare, Func<StudyRow, Interval?> Estimate, Func<StudyRow, DrawRange?> Draws);

    internal override void Write(Markup page)
    {
        if (study.Rows.Count == 0)
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
        if (study.Rows.Any(row => row.SpeedChange is { IsFinite: true } || row.SpeedDraws is { IsFinite: true }))
        {
            yield return new(study.SpeedMeaning, false, row => row.SpeedChange, row => row.SpeedDraws);
        }

        if (study.Rows.Any(row => row.HeightChange is { IsFinite: true } || row.HeightDraws is { IsFinite: true }))
        {
            yield return new(study.HeightMeaning, false, row => row.HeightChange, row => row.HeightDraws);
        }

        yield return new("success", true, row => row.Success, row => row.SuccessDraws);
    }

    private void Wide(Markup page, List<Panel> panels)
    {
        var rows = Places(study.Rows, 38, WidePitch, 34);
        var floor = rows[^1].Y + (WidePitch / 2);
        Open(page, "drawing wide", WideWidth, floor + 30);
        foreach (var (row, y, heading) in rows)
        {
            if (heading is not null)
            {
                page.Label("heading", 0, y - 26, heading);
            }

            page.Label(row.IsControl ? "soft" : "", WideLabels - 18, y + 4.5, Fitted(row.Arm, 42), "end");
        }

        var width = (WideWidth - WideLabels - 22 - (WideGap * (panels.Count - 1))) / panels.Count;
        foreach (var (index, panel) in panels.Index())
        {
            var left = WideLabels + (index * (width + WideGap));
            page.Label("small soft", left + (width / 2), 14, Fitted(panel.Title, (int)((width + WideGap) / 6)), "middle");
            Draw(page, panel, rows.Select(place => (place.Row, place.Y)), left, left + width, 24, floor, floor + 18);
        }

        page.Close("svg");
    }

    private void Narrow(Markup page, List<Panel> panels)
    {
        var blocks = panels.Select(panel => Places(study.Rows.Where(row => Ends(panel, row).Any()), 44, NarrowPitch, 26)).ToList();
        Open(page, "drawing narrow", NarrowWidth, blocks.Sum(block => Depth(block)));
        var top = 0.0;
        foreach (var (panel, block) in panels.Zip(blocks))
        {
            if (block.Count == 0)
            {
                continue;
            }

            page.Label("heading", 0, top + 14, Fitted(panel.Title, 48));
            Draw(page, panel, block.Select(place => (place.Row, top + place.Y + 4)), 16, NarrowWidth - 22, top + 24, top + block[^1].Y + 14, top + block[^1].Y + 30);
            foreach (var (row, y, heading) in block)
            {
                if (heading is not null)
                {
                    page.Label("small heading", 0, top + y - 30, heading);
                }

                page.Label(row.IsControl ? "small soft halo" : "small halo", 0, top + y - 8, Fitted(row.Arm, 54));
            }

            top += Depth(block);
        }

        page.Close("svg");
    }

    private static double Depth(List<(StudyRow Row, double Y, string? Heading)> block) => block.Count == 0 ? 0 : block[^1].Y + 56;

    private void Open(Markup page, string @class, double width, double height)
    {
        var tested = study.Rows.Count(row => !row.IsControl);
        page.OpenDrawing(@class, width, height, "Closed-loop study: motion and success of every arm",
            $"{tested} treatments and {study.Rows.Count - tested} controls. " + string.Join(" ", study.Rows.Select(row => $"{row.Arm}: speed {Figures.Change(row.SpeedChange)}, success {Figures.Percent(row.Success)}.")));
    }

    /// <summary>Where each arm stands, and the concept's heading where a new one begins.</summary>
    private List<(StudyRow Row, double Y, string? Heading)> Places(IEnumerable<StudyRow> rows, double first, double pitch, double headingHeight)
    {
        var headed = study.Rows.Select(row => row.Concept).Where(concept => concept.Length > 0).Distinct().Count() > 1;
        var places = new List<(StudyRow, double, string?)>();
        var (y, concept) = (first, "");
        foreach (var row in rows)
        {
            var heading = headed && row.Concept.Length > 0 && row.Concept != concept ? row.Concept : null;
            y += heading is null ? 0 : headingHeight;
            places.Add((row, y, heading));
            concept = row.Concept;
            y += pitch;
        }

        return places;
    }

    private void Draw(Markup page, Panel panel, IEnumerable<(StudyRow Row, double Y)> rows, double left, double right, double top, double floor, double ticksAt)
    {
        var scale = panel.IsShare ? new Scale(0, 1, left, right) : Scale.Around(study.Rows.SelectMany(row => Ends(panel, row)), left, right);
        foreach (var tick in scale.Ticks())
        {
            page.Line(!panel.IsShare && Math.Abs(tick) < 1e-12 ? "zero" : "axis", scale.At(tick), top, scale.At(tick), floor)
                .Label("small faint tick", scale.At(tick), ticksAt, panel.IsShare ? Figures.Percent(tick) : Figures.Change(tick, scale.Decimals()), "middle");
        }

        if (panel.IsShare && study.Rows.FirstOrDefault(row => row.Kind == ArmKind.Baseline)?.Success is { IsFinite: true } baseline)
        {
            page.Line("zero", scale.At(baseline.Mean), top, scale.At(baseline.Mean), floor);
        }

        foreach (var (row, y) in rows)
        {
            var (estimate, draws) = (panel.Estimate(row), panel.Draws(row));
            var kind = row.IsControl ? "control" : "treatment";
            page.Open("g", ("class", kind));
            if (draws is { IsFinite: true })
            {
                page.Open("rect", ("class", "draws"), ("x", scale.At(draws.Low)), ("y", y - 6), ("width", Math.Max(2, scale.At(draws.High) - scale.At(draws.Low))), ("height", 12), ("rx", 3))
                    .Text("title", $"{row.Arm}, {draws.Draws} draws: {Range(panel, draws)}").Close("rect");
            }

            if (estimate is { IsFinite: true })
            {
                page.Line("interval", scale.At(estimate.Low), y, scale.At(estimate.High), y);
                page.Open("circle", ("class", "estimate"), ("cx", scale.At(estimate.Mean)), ("cy", y), ("r", 4.5))
                    .Text("title", $"{row.Arm}: {(panel.IsShare ? Figures.Percent(estimate) : Figures.Change(estimate))}").Close("circle");
            }

            page.Close("g");
        }
    }

    private static IEnumerable<double> Ends(Panel panel, StudyRow row)
    {
        if (panel.Estimate(row) is { IsFinite: true } estimate)
        {
            yield return Math.Min(estimate.Low, estimate.Mean);
            yield return Math.Max(estimate.High, estimate.Mean);
        }

        if (panel.Draws(row) is { IsFinite: true } draws)
        {
            yield return draws.Low;
            yield return draws.High;
        }
    }

    private static string Range(Panel panel, DrawRange draws) => panel.IsShare
        ? $"{Figures.Percent(draws.Low)} to {Figures.Percent(draws.High)}"
        : $"{Figures.Change(draws.Low)} to {Figures.Change(draws.High)}";

    private static string Draws(DrawRange? draws, bool isShare) => draws is not { IsFinite: true } ? Figures.Missing
        : isShare ? $"{Figures.Percent(draws.Low)} to {Figures.Percent(draws.High)} ({draws.Draws})" : $"{Figures.Change(draws.Low)} to {Figures.Change(draws.High)} ({draws.Draws})";

    /// <remarks>The whole name stands in the table under the drawing.</remarks>
    private static string Fitted(string text, int characters) => text.Length <= characters ? text : text[..(characters - 1)].TrimEnd() + "…";

    private NumberTable Numbers()
    {
        var table = new NumberTable("closed-loop study", ["arm", "concept", "n", "speed change", "draws", "height change", "draws", "success", "draws", "success change, points", "adjusted p"]);
        foreach (var row in study.Rows)
        {
            var points = row.SuccessChange is { IsFinite: true } change
                ? $"{Figures.Points(change.Mean)} {Figures.Brackets(change.Low * 100, change.High * 100, 0)}" : Figures.Missing;
            table.Add(row.Arm, row.Concept, Figures.Count(row.Episodes), Figures.Change(row.SpeedChange), Draws(row.SpeedDraws, false), Figures.Change(row.HeightChange), Draws(row.HeightDraws, false),
                Figures.Percent(row.Success), Draws(row.SuccessDraws, true), points, row.AdjustedP is { } p ? Figures.Probability(p) : Figures.Missing);
        }

        return table;
    }
}
