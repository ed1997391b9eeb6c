using Vitrine.Inputs.Pictures;
using Vitrine.Views.Drawing;

namespace Vitrine.Views;

/// <summary>Two episodes on one clock, with play, pause and scrub; on paper and without a script, a strip of frames.</summary>
/// <param name="pair">The episodes.</param>
public sealed class EpisodePlayer(EpisodePair pair) : View
{
    private const int SheetColumns = 10;
    private const int StripFrames = 8;
    private const double ChartWidth = 460, ChartHeight = 226, ChartLeft = 56, ChartTop = 36, ChartFloor = ChartHeight - 48;
    private readonly double[] before = Course(pair, pair.Before), after = Course(pair, pair.After);

    internal override void Write(Markup page)
    {
        var steps = Math.Max(Steps(pair.Before), Steps(pair.After));
        page.Open("figure", ("class", "player"), ("data-steps", steps));
        page.Open("figcaption").Open(Heading).Prose(pair.Title).Close(Heading).Close("figcaption");
        page.Open("div", ("class", "reels"));
        Reel(page, pair.Before, "before");
        Reel(page, pair.After, "after");
        page.Close("div");
        if (steps > 1)
        {
            page.Open("div", ("class", "controls"), ("role", "group"), ("aria-label", $"Playback of {Title}"));
            page.Text("button", "Play", ("type", "button"));
            page.Leaf("input", ("type", "range"), ("min", 0), ("max", steps - 1), ("value", steps - 1), ("step", 1), ("aria-label", "Control step"));
            page.Text("output", $"step {steps - 1} of {steps - 1}").Close("div");
        }

        Strip(page, pair.Before);
        Strip(page, pair.After);
        if (before.Length > 0 || after.Length > 0)
        {
            Chart(page, steps);
        }

        Numbers(steps).WriteFolded(page, brief: true);
        page.Close("figure");
    }

    /// <summary>The level at which the title stands: under a subject's heading, or under the section's.</summary>
    private string Heading => pair.Subject.Length > 0 ? "h4" : "h3";

    private string Title => pair.Title.Replace("*", "");

    private static IReadOnlyList<Picture> Frames(FilmedEpisode episode) => episode.Episode.Pictures ?? [];

    private static double[] Course(EpisodePair pair, FilmedEpisode episode) => episode.Episode.Path.Count == 0
        ? []
        : [.. pair.Measure.Course?.Invoke(episode.Episode) ?? throw new VitrineException(
            $"episodes '{pair.Title}': {pair.Measure.Name} has no course to draw; expected one of "
                + $"{string.Join(", ", Worlds.Measure.All.Where(m => m.Course is not null).Select(m => m.Name))}.")];

    private static int Steps(FilmedEpisode episode) => Math.Max(Frames(episode).Count, episode.GripperPath.Count);

    private static string Outcome(FilmedEpisode episode) => Steps(episode) == 0 ? "not recorded"
        : episode.Episode.Succeeded ? $"solved after {Steps(episode) - 1} steps" : $"not solved in {Steps(episode) - 1} steps";

    private static string Sign(FilmedEpisode episode) => episode.Episode.Succeeded ? "✓ " : "✕ ";

    private static string Class(FilmedEpisode episode) => episode.Episode.Succeeded ? "yes" : "no";

    private void Reel(Markup page, FilmedEpisode episode, string role)
    {
        page.Open("div", ("class", "reel " + role));
        page.Open("p", ("class", "reel-label")).Text("strong", episode.Label).Text("span", $"“{episode.Episode.Instruction}”", ("class", "k")).Close("p");
        Screen(page, episode);
        page.Open("p", ("class", "outcome " + Class(episode))).Open("span", ("aria-hidden", "true")).Text(Sign(episode)).Close("span").Text(Outcome(episode))
            .Close("p");
        page.Close("div");
    }

    private void Screen(Markup page, FilmedEpisode episode)
    {
        var sheet = Frames(episode).Count > 0 ? SpriteSheet.Of(Frames(episode), SheetColumns) : null;
        var (width, height) = (sheet?.FrameWidth ?? 64, sheet?.FrameHeight ?? 64);
        var path = episode.GripperPath.Select(point => (X: point.X * width, Y: point.Y * height)).ToList();
        page.OpenDrawing("screen", width, height, $"{Title}: {episode.Label}",
            $"“{episode.Episode.Instruction}”, {Outcome(episode)}. The line is the gripper’s path, with a dot at each step.");
        if (sheet is not null)
        {
            page.Leaf("image", ("class", "sheet"), ("href", sheet.Uri), ("width", width * sheet.Columns), ("height", height * sheet.Rows),
                ("data-frames", Frames(episode).Count), ("data-columns", sheet.Columns), ("data-width", width), ("data-height", height));
        }

        if (path.Count > 0)
        {
            var points = string.Join(' ', path.Select(at => FormattableString.Invariant($"{at.X:0.##},{at.Y:0.##}")));
            page.Leaf("polyline", ("class", "path under"), ("points", points)).Leaf("polyline", ("class", "path"), ("points", points));
            page.Leaf("path", ("class", "steps"), ("d", string.Concat(path.Select(at => FormattableString.Invariant($"M{at.X:0.##} {at.Y:0.##}h0")))));
            var (x, y, reach) = (path[^1].X, path[^1].Y, width / 12.0);
            page.Dot("gripper", x, y, width / 45.0);
            if (episode.Episode.Succeeded)
            {
                page.Dot("ending solved", x, y, reach * 1.3);
            }
            else
            {
                var (left, right, top, floor) = (x - reach, x + reach, y - reach, y + reach);
                page.Leaf("path", ("class", "ending failed"),
                    ("d", FormattableString.Invariant($"M{left:0.##} {top:0.##}L{right:0.##} {floor:0.##}M{right:0.##} {top:0.##}L{left:0.##} {floor:0.##}")));
            }
        }

        page.Close("svg");
    }

    /// <remarks>Shown where nothing moves: in print, and where scripts do not run.</remarks>
    private static void Strip(Markup page, FilmedEpisode episode)
    {
        if (Frames(episode).Count == 0)
        {
            return;
        }

        var count = Math.Min(StripFrames, Frames(episode).Count);
        var chosen = Enumerable.Range(0, count).Select(index => count == 1 ? 0 : (int)Math.Round(index * (Frames(episode).Count - 1) / (count - 1.0))).ToList();
        var steps = string.Join(", ", chosen);
        page.Open("div", ("class", "film"));
        page.Leaf("img", ("src", SpriteSheet.Of([.. chosen.Select(index => Frames(episode)[index])], count).Uri),
            ("alt", $"{episode.Label}: frames at steps {steps}"), ("style", FormattableString.Invariant($"max-width:{count * 12.5:0.#}%")));
        page.Text("p", $"{episode.Label}, {Outcome(episode)}; frames at steps {steps}", ("class", "k")).Close("div");
    }

    private string Unit => pair.Measure.Unit(pair.Units);

    private void Chart(Markup page, int steps)
    {
        var last = Math.Max(1, Math.Max(steps - 1, Math.Max(before.Length, after.Length)));
        var scale = AxisScale.Around(before.Concat(after), ChartFloor, ChartTop, 4);
        var along = new AxisScale(0, last, ChartLeft, ChartWidth - 14);
        page.OpenDrawing("drawing chart", ChartWidth, ChartHeight, $"{Title}: {pair.Measure.Name} in each step",
            $"{pair.Measure.Name}: {Measured(pair.Before)} in {pair.Before.Label}, {Measured(pair.After)} in {pair.After.Label}, {Unit}.");
        if (pair.Measure.FirstSteps is { } counted)
        {
            page.Box("counted", along.From, ChartTop, along.At(Math.Min(counted, last)) - along.From, ChartFloor - ChartTop, 0);
        }

        foreach (var tick in scale.Ticks())
        {
            page.Line("axis", along.From, scale.At(tick), along.To, scale.At(tick))
                .Label("small faint", along.From - 7, scale.At(tick) + 4, Figures.Plain(tick, scale.Decimals()), "end");
        }

        foreach (var tick in new AxisScale(0, last, along.From, along.To).Ticks().Where(tick => tick == Math.Floor(tick)))
        {
            page.Label("small faint", along.At(tick), ChartFloor + 19, Figures.Plain(tick, 0), "middle");
        }

        var now = along.At(steps - 1);
        page.Open("line", ("class", "playhead"), ("x1", now), ("x2", now), ("y1", ChartTop - 4), ("y2", ChartFloor), ("data-from", along.From),
            ("data-pitch", along.At(1) - along.From)).Close("line");
        Curve(page, "after", pair.After, after, along, scale);
        Curve(page, "before", pair.Before, before, along, scale);
        page.Label("small soft", 0, 16, $"{pair.Measure.Name}, {Unit}").Label("small soft", along.To, ChartHeight - 5, pair.Units.Step, "end").Close("svg");
        page.Open("div", ("class", "legend"));
        page.Open("span").Leaf("i", ("class", "key before")).Text($"{pair.Before.Label}: {Measured(pair.Before)}").Close("span");
        page.Open("span").Leaf("i", ("class", "key after")).Text($"{pair.After.Label}: {Measured(pair.After)}").Close("span");
        if (pair.Measure.FirstSteps is { } first)
        {
            page.Open("span").Leaf("i", ("class", "key counted")).Text($"the means count steps 1 to {first}").Close("span");
        }

        page.Close("div");
    }

    private string Measured(FilmedEpisode episode) => episode.Episode.Path.Count == 0 ? Figures.Missing : Figures.Plain(pair.Measure.Of(episode.Episode));

    /// <remarks>The value of step i stands at i: at 0 nothing has moved. The end says how the episode ended.</remarks>
    private static void Curve(Markup page, string role, FilmedEpisode episode, double[] values, AxisScale along, AxisScale scale)
    {
        var drawn = values.Index().Where(value => double.IsFinite(value.Item))
            .Select(value => (X: along.At(value.Index + 1), Y: scale.At(value.Item))).ToList();
        page.Leaf("polyline", ("class", "curve " + role),
            ("points", string.Join(' ', drawn.Select(at => FormattableString.Invariant($"{at.X:0.##},{at.Y:0.##}")))));
        if (drawn.Count > 0)
        {
            page.Open("text", ("class", "curve-end " + Class(episode)), ("x", drawn[^1].X), ("y", drawn[^1].Y + 5), ("text-anchor", "middle"))
                .Text(Sign(episode).Trim()).Close("text");
        }
    }

    private NumberTable Numbers(int steps)
    {
        var measure = $"{pair.Measure.Name}, {Unit}";
        var table = new NumberTable($"{Title}, step by step",
            [pair.Units.Step, $"{pair.Before.Label}: place in the picture", measure, $"{pair.After.Label}: place in the picture", measure]);
        for (var step = 0; step < Math.Max(steps, Math.Max(before.Length, after.Length) + 1); step++)
        {
            table.Add($"{step}", At(pair.Before, step), In(before, step), At(pair.After, step), In(after, step));
        }

        return table;
    }

    private static string At(FilmedEpisode episode, int step)
        => step < episode.GripperPath.Count
            ? $"{Figures.Plain(episode.GripperPath[step].X, 2)}, {Figures.Plain(episode.GripperPath[step].Y, 2)}"
            : Figures.Missing;

    private static string In(double[] course, int step) => step >= 1 && step <= course.Length ? Figures.Plain(course[step - 1]) : Figures.Missing;
}
