using Vitrine.Inputs.Pictures;
using Vitrine.Views.Drawing;

namespace Vitrine.Views;

/// <summary>Two episodes on one clock, with play, pause and scrub; on paper and without a script, a strip of frames.</summary>
/// <param name="pair">The episodes.</param>
public sealed class EpisodePlayer(EpisodePair pair) : View
{
    private const int SheetColumns = 10;
    private const int StripFrames = 8;
    private const double ChartWidth = 350, ChartHeight = 236;
    private readonly double[] before = Displacements(pair.Before), after = Displacements(pair.After);

    internal override void Write(Markup page)
    {
        var steps = Math.Max(Steps(pair.Before), Steps(pair.After));
        page.Open("figure", ("class", "player"), ("data-steps", steps));
        page.Open("figcaption").Text("h3", pair.Title).Close("figcaption");
        page.Open("div", ("class", "stage")).Open("div", ("class", "reels"));
        Reel(page, pair.Before, "before");
        Reel(page, pair.After, "after");
        page.Close("div");
        if (before.Length > 1 || after.Length > 1)
        {
            page.Open("div", ("class", "side"));
            Chart(page, steps);
            page.Close("div");
        }

        page.Close("div");
        if (steps > 1)
        {
            page.Open("div", ("class", "controls"), ("role", "group"), ("aria-label", $"Playback of {pair.Title}"));
            page.Text("button", "Play", ("type", "button"));
            page.Leaf("input", ("type", "range"), ("min", 0), ("max", steps - 1), ("value", 0), ("step", 1), ("aria-label", "Control step"));
            page.Text("output", $"step 0 of {steps - 1}").Close("div");
        }

        Strip(page, pair.Before);
        Strip(page, pair.After);
        Numbers(steps).WriteFolded(page, brief: true);
        page.Close("figure");
    }

    private static IReadOnlyList<Picture> Frames(FilmedEpisode episode) => episode.Episode.Pictures ?? [];

    /// <remarks>How far the gripper went in each control step, in the world's units.</remarks>
    private static double[] Displacements(FilmedEpisode episode) => [.. episode.Episode.Path.Zip(episode.Episode.Path.Skip(1), (a, b) => a.DistanceTo(b))];

    private static int Steps(FilmedEpisode episode) => Math.Max(Frames(episode).Count, episode.GripperPath.Count);

    private static string Outcome(FilmedEpisode episode)
        => Steps(episode) == 0 ? "not recorded" : $"{(episode.Episode.Succeeded ? "solved" : "not solved")} after {Steps(episode) - 1} steps";

    private void Reel(Markup page, FilmedEpisode episode, string role)
    {
        page.Open("div", ("class", "reel " + role));
        page.Open("p", ("class", "reel-label")).Text("strong", episode.Label).Text("span", $"“{episode.Episode.Instruction}”", ("class", "k")).Close("p");
        Screen(page, episode);
        page.Open("p", ("class", episode.Episode.Succeeded ? "outcome yes" : "outcome no")).Open("span", ("aria-hidden", "true"))
            .Text(episode.Episode.Succeeded ? "◉ " : "✕ ").Close("span").Text(Outcome(episode)).Close("p");
        page.Close("div");
    }

    private void Screen(Markup page, FilmedEpisode episode)
    {
        var sheet = Frames(episode).Count > 0 ? SpriteSheet.Of(Frames(episode), SheetColumns) : null;
        var (width, height) = (sheet?.FrameWidth ?? 64, sheet?.FrameHeight ?? 64);
        var path = episode.GripperPath.Select(point => (X: point.X * width, Y: point.Y * height)).ToList();
        page.OpenDrawing("screen", width, height, $"{pair.Title}: {episode.Label}",
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
            page.Dot("gripper", path[^1].X, path[^1].Y, width / 45.0);
            if (episode.Episode.Succeeded)
            {
                page.Dot("solved", path[^1].X, path[^1].Y, width / 9.0);
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

    private void Chart(Markup page, int steps)
    {
        var length = Math.Max(steps, Math.Max(before.Length, after.Length));
        var scale = AxisScale.Around(before.Concat(after), ChartHeight - 26, 30, 4);
        var along = new AxisScale(0, Math.Max(1, length - 1), 36, ChartWidth - 6);
        page.OpenDrawing("drawing chart", ChartWidth, ChartHeight, $"{pair.Title}: displacement in each step",
            $"Mean displacement {Figures.Plain(Mean(before))} in {pair.Before.Label}, {Figures.Plain(Mean(after))} in {pair.After.Label}.");
        foreach (var tick in scale.Ticks())
        {
            page.Line("axis", along.From, scale.At(tick), along.To, scale.At(tick))
                .Label("small faint", along.From - 8, scale.At(tick) + 4, Figures.Plain(tick, scale.Decimals()), "end");
        }

        Curve(page, "after", after, along, scale);
        Curve(page, "before", before, along, scale);
        page.Open("line", ("class", "playhead"), ("x1", along.From), ("x2", along.From), ("y1", 26), ("y2", ChartHeight - 26), ("data-from", along.From),
            ("data-pitch", along.At(1) - along.From)).Close("line");
        page.Label("small soft", 0, 12, "displacement in each step").Label("small soft", (along.From + along.To) / 2, ChartHeight - 6, "step", "middle")
            .Label("small faint", along.From, ChartHeight - 8, "0", "middle").Label("small faint", along.To, ChartHeight - 8, $"{length - 1}", "end")
            .Close("svg");
        page.Open("div", ("class", "legend")).Open("span").Leaf("i", ("class", "key before")).Text($"{pair.Before.Label}, mean {Figures.Plain(Mean(before))}")
            .Close("span")
            .Open("span").Leaf("i", ("class", "key after")).Text($"{pair.After.Label}, mean {Figures.Plain(Mean(after))}").Close("span").Close("div");
    }

    private static double Mean(double[] displacements) => displacements.Length == 0 ? double.NaN : displacements.Average();

    private static void Curve(Markup page, string role, IReadOnlyList<double> values, AxisScale along, AxisScale scale)
        => page.Leaf("polyline", ("class", "curve " + role),
            ("points",
                string.Join(' ',
                    values.Index().Where(value => double.IsFinite(value.Item))
                        .Select(value => FormattableString.Invariant($"{along.At(value.Index):0.##},{scale.At(value.Item):0.##}")))));

    private NumberTable Numbers(int steps)
    {
        var table = new NumberTable($"{pair.Title}, step by step",
            ["step", $"{pair.Before.Label}: gripper in the picture", "displacement", $"{pair.After.Label}: gripper in the picture", "displacement"]);
        for (var step = 0; step < Math.Max(steps, Math.Max(before.Length, after.Length)); step++)
        {
            table.Add($"{step}", At(pair.Before, step), Moved(before, step), At(pair.After, step), Moved(after, step));
        }

        return table;
    }

    private static string At(FilmedEpisode episode, int step)
        => step < episode.GripperPath.Count
            ? $"{Figures.Plain(episode.GripperPath[step].X, 2)}, {Figures.Plain(episode.GripperPath[step].Y, 2)}"
            : Figures.Missing;

    private static string Moved(double[] displacements, int step) => step < displacements.Length ? Figures.Plain(displacements[step]) : Figures.Missing;
}
