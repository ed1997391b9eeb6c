using System.Globalization;
using Vitrine.Views.Drawing;

namespace Vitrine.Views;

/// <summary>The pass from picture and words to an action: patches and tokens, heads and feed-forward beside the residual stream, action tokens.</summary>
/// <remarks>It is drawn twice, for a wide page and for a narrow one; the style sheet shows the one that fits.</remarks>
/// <param name="model">The model.</param>
/// <param name="pass">One pass through it; without one, only the model is drawn.</param>
public sealed class TransformerDiagram(ModelDescription model, PassExample? pass) : View
{
    private readonly StackDescription? language = model.Stacks.FirstOrDefault(stack => stack.Role == StackRole.Language);
    private readonly IReadOnlyList<StackDescription> towers = [.. model.Stacks.Where(stack => stack.Role == StackRole.Vision)];
    private readonly IReadOnlyList<StackDescription> experts = [.. model.Stacks.Where(stack => stack.Role == StackRole.Action)];

    internal override void Write(Markup page)
    {
        page.Open("figure");
        Wide(page);
        Narrow(page);
        page.Open("div", ("class", "legend"));
        page.Open("span").Leaf("i", ("class", "key attention-part")).Text("attention: one dot a head").Close("span");
        page.Open("span").Leaf("i", ("class", "key feedforward-part")).Text("feed-forward").Close("span");
        if (pass is { Contributions.Count: > 0 })
        {
            page.Text("span", $"bars: {pass.ContributionMeaning}, %; the line is 100 %");
        }

        page.Close("div");
        Tokens(page);
        Stacks().WriteFolded(page);
        if (pass is { Contributions.Count: > 0 })
        {
            var table = new NumberTable(pass.ContributionMeaning, ["layer", "attention, %", "feed-forward, %"]);
            foreach (var part in pass.Contributions)
            {
                table.Add($"layer {part.Layer}", Figures.Percent(part.Attention), Figures.Percent(part.FeedForward));
            }

            table.WriteFolded(page);
        }

        page.Close("figure");
    }

    private void Open(Markup page, string @class, double width, double height)
    {
        var says = pass is null
            ? ""
            : $" {(pass.Picture is null ? "No picture is read" : $"The picture is cut into {pass.PatchRows} x {pass.PatchColumns} patches")}; the prompt has "
                + $"{pass.PromptTokens.Count} tokens; "
            + (pass.ActionTokens.Count == 0 ? "the action is given in numbers." : $"{pass.ActionTokens.Count} action tokens are said.");
        var (title, what) = ($"The pass of {model.Name}, from picture and words to an action",
            string.Join("; ", model.Stacks.Select(stack => $"{stack.Name}: {Size(stack)}")) + "." + says);
        _ = Enumerable.Range(0, language?.Layers ?? 0).Any(layer => page.Places.Has(Places.Layer(layer)))
            ? page.OpenLinked(@class, width, height, title, what)
            : page.OpenDrawing(@class, width, height, title, what);
    }

    private static string Size(StackDescription stack)
        => $"{stack.Layers} layers of {stack.Heads} heads and {Figures.Count(stack.Neurons)} neurons, width {Figures.Count(stack.Width)}";

    private static string Short(StackDescription stack) => $"{stack.Layers} layers, {stack.Heads} heads";

    private void Wide(Markup page)
    {
        const double residual = 206, from = 496, to = 848;
        Open(page, "drawing wide", 1000, 316);
        Picture(page, 4, 30, 132);
        page.Label("small soft", 4, 20, PictureCaption);

        const double tower = 46, projectorY = 96;
        var top = projectorY - (((towers.Count * (tower + 12)) - 12) / 2);
        foreach (var (index, stack) in towers.Index())
        {
            var y = top + (index * (tower + 12));
            page.Line("wire", 140, projectorY, 172, y + (tower / 2)).Box("part", 176, y, 122, tower, 6)
                .Label("", 237, y + 20, stack.Name, "middle").Label("tiny soft", 237, y + 36, Short(stack), "middle");
            Arrow(page, 298, y + (tower / 2), 332, projectorY);
        }

        if (towers.Count > 0)
        {
            page.Box("part", 336, projectorY - 19, 84, 38, 6).Label("", 378, projectorY + 5, model.Projector, "middle");
            Arrow(page, 420, projectorY, 448, projectorY);
        }

        Sequence(page, 454, 62, 24, 212);
        page.Label("", 4, 222, pass is null ? "words" : "“" + Cut(pass.Instruction, 54) + "”")
            .Label("small soft", 4, 241, pass is null ? "" : $"{pass.PromptTokens.Count} prompt tokens");
        Arrow(page, pass is null ? 60 : Math.Min(400, 14 + (7.6 * Math.Min(54, pass.Instruction.Length + 2))), 217, 448, 217);

        Arrow(page, 478, residual, 498, residual);
        page.Line("residual", from, residual, to, residual);
        page.Label("small soft", from, experts.Count > 0 ? residual - 88 : residual + 44,
            language is null ? "" : $"residual stream, width {Figures.Count(language.Width)}");
        if (pass is { Contributions.Count: > 0 })
        {
            page.Label("small soft", from, 20, "what each part carries, %");
        }

        var shown = ShownLayers(8);
        var pitch = (to - from) / Math.Max(1, shown.Count);
        foreach (var (index, layer) in shown.Index())
        {
            var left = from + (index * pitch) + 5;
            if (layer is { } block)
            {
                Block(page, block, left, residual, (pitch - 14) / 2);
                if (experts.Count > 0)
                {
                    Arrow(page, left - 4, residual, left - 4, residual + 56);                              // keys and values, which experts read
                }
            }
            else
            {
                page.Label("soft", left + (pitch / 2) - 5, residual - 34, "⋯", "middle");
            }
        }

        foreach (var (index, expert) in experts.Index())
        {
            var y = residual + 58 + (index * 26);
            page.Box("part", from, y, to - from, 22, 6).Label("small", (from + to) / 2, y + 15, $"{expert.Name}: {Short(expert)}", "middle");
        }

        var middle = experts.Count > 0 ? residual + 69 : residual;
        Arrow(page, to, middle, 868, middle);
        Actions(page, 874, 24, middle);
        if (experts.Count == 0 && pass is { ActionTokens.Count: > 0 })
        {
            var below = residual + (pass.ActionTokens.Count * 12) + 4;
            page.Leaf("path", ("class", "loop"), ("d", FormattableString.Invariant($"M902 {below:0.#} V306 H466 V284")))
                .Leaf("path", ("class", "head"), ("d", "M466 278 l-4 8 h8 z"))
                .Label("small soft", (466 + 902) / 2.0, 300, "each action token is read before the next is said", "middle");
        }

        page.Close("svg");
    }

    private void Narrow(Markup page)
    {
        var shown = ShownLayers(8);
        const double first = 214, pitch = 46, middle = 180;
        var end = first + (shown.Count * pitch);
        Open(page, "drawing narrow", 360, end + 76);
        Picture(page, 4, 26, 112);
        page.Label("small soft", 4, 16, PictureCaption);
        foreach (var (index, stack) in towers.Index())
        {
            var y = 34 + (index * 50);
            Arrow(page, 118, 82, 134, y + 21);
            page.Box("part", 138, y, 132, 42, 6).Label("small", 204, y + 17, stack.Name, "middle").Label("tiny soft", 204, y + 34, Short(stack), "middle");
            page.Line("wire", 270, y + 21, 284, 82);
        }

        if (towers.Count > 0)
        {
            page.Box("part", 284, 66, 74, 32, 6).Label("small", 321, 86, model.Projector, "middle");
            page.Leaf("path", ("class", "wire"), ("d", "M321 98 V180 H180 V196"));
        }

        page.Label("small", 4, 164, pass is null ? "words" : "“" + Cut(pass.Instruction, 44) + "”")
            .Leaf("path", ("class", "wire"), ("d", "M60 170 V180 H180 V196"));
        page.Leaf("path", ("class", "head"), ("d", "M180 202 l-4 -8 h8 z"));
        page.Line("residual", middle, 204, middle, end + 6);
        foreach (var (index, layer) in shown.Index())
        {
            var y = first + (index * pitch);
            if (layer is not { } block)
            {
                page.Label("soft", middle + 14, y + 24, "⋯");
                continue;
            }

            var part = pass?.Contributions.FirstOrDefault(found => found.Layer == block);
            page.LinkedLabel(Places.Layer(block), "tiny soft", 4, y + 22, $"layer {block}");
            Heads(page, 116, y + 2, 50, 32);
            Neurons(page, 194, y + 2, 50, 32);
            page.Line("wire", 166, y + 18, middle, y + 18).Line("wire", middle, y + 18, 194, y + 18).Dot("join", middle, y + 18, 3);
            if (part is not null)
            {
                Bar(page, "attention-part", 112 - Length(part.Attention, 56), y + 10, Length(part.Attention, 56), 16, part.Attention, 112, y + 38, "end");
                Bar(page, "feedforward-part", 248, y + 10, Length(part.FeedForward, 100), 16, part.FeedForward, 248, y + 38, "start");
            }
        }

        foreach (var (index, expert) in experts.Index())
        {
            page.Label("tiny soft", middle + 14, end + 6 + (index * 13), $"{expert.Name}: {expert.Layers} layers");
        }

        page.Leaf("path", ("class", "head"), ("d", FormattableString.Invariant($"M180 {end + 16:0.#} l-4 -8 h8 z")));
        var tokens = pass?.ActionTokens ?? [];
        var cell = 352.0 / Math.Max(7, tokens.Count);
        foreach (var (index, _) in tokens.Index())
        {
            page.Box("said", 4 + (index * cell), end + 24, cell - 4, 22, 5);
        }

        page.Label("small soft", 4, end + (tokens.Count == 0 ? 40 : 66), tokens.Count == 0 ? ActionCaption : $"{tokens.Count} action tokens, one a dimension")
            .Close("svg");
    }

    private string ActionCaption => pass is null ? "action" : "numbers";

    private string PictureCaption => pass switch
    {
        null => "picture",
        { Picture: { } picture } => $"{picture.Width} × {picture.Height} pixels, {pass.PatchRows} × {pass.PatchColumns} patches",
        _ => "no picture",
    };

    private void Picture(Markup page, double x, double y, double side)
    {
        if (pass?.Picture is { } seen)
        {
            page.Leaf("image", ("href", SpriteSheet.Of(seen).Uri), ("x", x), ("y", y), ("width", side), ("height", side), ("preserveAspectRatio", "none"));
        }
        else
        {
            page.Box("part", x, y, side, side);
        }

        var (rows, columns) = pass is null ? (8, 8) : (pass.PatchRows, pass.PatchColumns);
        if (rows * columns == 0)
        {
            return;
        }

        for (var row = 0; row <= rows; row++)
        {
            page.Line("patch", x, y + (row * side / rows), x + side, y + (row * side / rows));
        }

        for (var column = 0; column <= columns; column++)
        {
            page.Line("patch", x + (column * side / columns), y, x + (column * side / columns), y + side);
        }
    }

    /// <summary>The sequence as one column: patches, words, and the action tokens as they are said; heights follow the square root of the counts.</summary>
    private void Sequence(Markup page, double x, double y, double width, double height)
    {
        var parts = new (string Class, int Count, string Name)[]
        {
            ("seq-patches", pass is null || towers.Count == 0 ? 0 : pass.PatchRows * pass.PatchColumns, "patch tokens"),
            ("seq-words", pass?.PromptTokens.Count ?? 1, "prompt tokens"),
            ("seq-actions", pass?.ActionTokens.Count ?? 0, "action tokens"),
        };
        var whole = parts.Sum(part => Math.Sqrt(part.Count));
        foreach (var (@class, count, name) in parts.Where(part => part.Count > 0))
        {
            var tall = height * Math.Sqrt(count) / whole;
            page.Open("g").Text("title", $"{count} {name}").Box("seq " + @class, x, y, width, tall - 3, 4)
                .Label("tiny seq-count", x + (width / 2), y + (tall / 2) + 3, $"{count}", "middle").Close("g");
            y += tall;
        }
    }

    /// <summary>One block: read from the residual stream, compute, add back.</summary>
    private void Block(Markup page, int layer, double left, double residual, double unit)
    {
        const double tall = 42;
        var top = residual - 72;
        var right = left + unit + 4;
        var part = pass?.Contributions.FirstOrDefault(found => found.Layer == layer);
        page.Box("block", left - 3, top - 5, (unit * 2) + 10, tall + 10, 7);
        Heads(page, left, top, unit, tall);
        Neurons(page, right, top, unit, tall);
        foreach (var x in new[] { left, right })
        {
            page.Line("wire", x + (unit * .3), residual, x + (unit * .3), residual - 26);
            Arrow(page, x + (unit * .7), residual - 26, x + (unit * .7), residual - 4);
            page.Dot("join", x + (unit * .7), residual, 4);
        }

        page.LinkedLabel(Places.Layer(layer), "tiny soft", left + unit + 2, residual + 22, unit > 20 ? $"layer {layer}" : $"{layer}", "middle");
        if (part is not null)
        {
            page.Line("whole", left - 3, top - 10 - Full, right + unit + 3, top - 10 - Full);
            Bar(page, "attention-part", left, top - 10 - Length(part.Attention, Full), unit, Length(part.Attention, Full), part.Attention, left + (unit / 2),
                top - 14 - Length(part.Attention, Full), "middle");
            Bar(page, "feedforward-part", right, top - 10 - Length(part.FeedForward, Full), unit, Length(part.FeedForward, Full), part.FeedForward,
                right + (unit / 2), top - 14 - Length(part.FeedForward, Full), "middle");
        }
    }

    /// <summary>Length of a bar of 100 % in the wide drawing.</summary>
    private const double Full = 74;

    /// <remarks>A bar of a negative share has no length; its number says so.</remarks>
    private static double Length(double share, double full) => double.IsFinite(share) ? Math.Clamp(share, .015, 1.1) * full : 0;

    private static void Bar(
        Markup page, string @class, double x, double y, double width, double height, double share, double textX, double textY, string anchor)
    {
        page.Box("bar " + @class, x, y, width, height, 2);
        if (Math.Abs(share) >= .05)
        {
            page.Label("tiny soft", textX, textY, Figures.Plain(share * 100, 0), anchor);
        }
    }

    private void Heads(Markup page, double x, double y, double width, double height)
    {
        page.Box("unit attention-unit", x, y, width, height, 5);
        var heads = Math.Clamp(language?.Heads ?? 4, 1, 16);
        var columns = (int)Math.Ceiling(Math.Sqrt(heads));
        var rows = (heads + columns - 1) / columns;
        var radius = Math.Min(3.2, Math.Min(width / columns, height / rows) / 3);
        for (var head = 0; head < heads; head++)
        {
            page.Dot("head-dot", x + (width * ((head % columns) + .5) / columns), y + (height * ((head / columns) + .5) / rows), radius);
        }
    }

    private static void Neurons(Markup page, double x, double y, double width, double height)
    {
        page.Box("unit feedforward-unit", x, y, width, height, 5);
        for (var line = 1; line <= 6; line++)
        {
            var at = x + (width * line / 7);
            page.Line("neuron", at, y + (height * .2), at, y + (height * .8));
        }
    }

    private void Actions(Markup page, double x, double pitch, double middle)
    {
        if (pass?.ActionTokens is not { Count: > 0 } tokens)
        {
            page.Label("small soft", x, middle + 4, ActionCaption);
            return;
        }

        var top = middle - (tokens.Count * pitch / 2);
        page.Label("small soft", x, Math.Max(20, top - 10), $"{tokens.Count} action tokens");
        foreach (var (index, token) in tokens.Take(8).Index())
        {
            var y = top + (index * pitch);
            page.Box("said", x, y + 2, 56, pitch - 4, 5).Label("tiny said-name", x + 28, y + (pitch / 2) + 4, Cut(token.Dimension, 7), "middle")
                .Label("small", x + 64, y + (pitch / 2) + 4, Figures.Change(token.Value));
        }
    }

    private static void Arrow(Markup page, double x1, double y1, double x2, double y2)
    {
        var length = Math.Max(1e-6, Math.Sqrt(((x2 - x1) * (x2 - x1)) + ((y2 - y1) * (y2 - y1))));
        var (ux, uy) = ((x2 - x1) / length, (y2 - y1) / length);
        page.Line("wire", x1, y1, x2 - (ux * 5), y2 - (uy * 5))
            .Leaf("path", ("class", "head"),
                ("d", string.Create(
                    CultureInfo.InvariantCulture,
                    $"M{x2:0.##} {y2:0.##} L{x2 - (ux * 7) - (uy * 3.5):0.##} {y2 - (uy * 7) + (ux * 3.5):0.##} "
                    + $"L{x2 - (ux * 7) + (uy * 3.5):0.##} {y2 - (uy * 7) - (ux * 3.5):0.##} Z")));
    }

    /// <summary>All layers where they fit; else the first and last, with a gap (null) between.</summary>
    private List<int?> ShownLayers(int most)
    {
        var layers = language?.Layers ?? 0;
        return layers <= most
            ? [.. Enumerable.Range(0, layers).Select(layer => (int?)layer)]
            : [0, 1, 2, null, .. Enumerable.Range(layers - most + 4, most - 4).Select(layer => (int?)layer)];
    }

    private static string Cut(string text, int characters) => text.Length <= characters ? text : text[..(characters - 1)].TrimEnd() + "…";

    private void Tokens(Markup page)
    {
        if (pass is null)
        {
            return;
        }

        page.Open("div", ("class", "said-and-heard")).Open("p").Text("span", "prompt ", ("class", "k"));
        new TokenStrip([.. pass.PromptTokens.Select(token => new VocabularyToken(token))]).Write(page);
        page.Close("p");
        if (pass.ActionTokens.Count > 0)
        {
            page.Open("div").Open("div", ("class", "scroll"), ("tabindex", 0), ("role", "group"), ("aria-label", "Action tokens")).Open("table")
                .Text("caption", "What it says: one token a dimension", ("class", "unseen")).Open("thead").Open("tr");
            foreach (var (index, column) in new[] { "dim.", "token", "value", "probability, %", "entropy, nats" }.Index())
            {
                page.Text("th", column, ("scope", "col"), ("class", index > 1 ? "r" : null));
            }

            page.Close("tr").Close("thead").Open("tbody");
            foreach (var token in pass.ActionTokens)
            {
                page.Open("tr").Text("th", token.Dimension, ("scope", "row")).Open("td")
                    .Text("span", TokenStrip.Visible(token.Token).Replace('-', '−'), ("class", "chip act"))
                    .Close("td").Open("td", ("class", "r")).Text(Figures.Change(token.Value)).Text("span", " " + token.Unit, ("class", "k")).Close("td")
                    .Open("td", ("class", "r meter"))
                    .Leaf("i",
                        ("style",
                            FormattableString.Invariant($"--v:{(double.IsFinite(token.Probability) ? Math.Clamp(token.Probability, 0, 1) : 0):0.###}"))).Text(
                                Figures.Percent(token.Probability)).Close("td")
                    .Text("td", Figures.Plain(token.Entropy, 2), ("class", "r")).Close("tr");
            }

            page.Close("tbody").Close("table").Close("div");
            if (pass.Choices > 0)
            {
                page.Text("p", $"Beside chance: a policy that knows nothing gives each of {pass.Choices} action tokens "
                    + $"{Figures.Percent(1.0 / pass.Choices, 1)} and has an entropy of ln {pass.Choices} = {Figures.Plain(Math.Log(pass.Choices), 2)} nats.",
                    ("class", "k"));
            }

            page.Close("div");
        }
        else
        {
            page.Text("p", "This policy gives its action in numbers, so there are no action tokens to show.", ("class", "empty"));
        }

        page.Close("div");
    }

    private NumberTable Stacks()
    {
        var table = new NumberTable($"the stacks of {model.Name}", ["stack", "layers", "width", "heads", "neurons a layer", "vocabulary", "parameters"]);
        foreach (var stack in model.Stacks)
        {
            table.Add(stack.Name, Figures.Count(stack.Layers), Figures.Count(stack.Width), Figures.Count(stack.Heads), Figures.Count(stack.Neurons),
                stack.Vocabulary is { } tokens ? Figures.Count(tokens) : Figures.Missing, Figures.Large(stack.Parameters));
        }

        return table;
    }
}
