using System.IO.Compression;
using System.Runtime.InteropServices;
using Vitrine.Inputs.Pictures;
using Vitrine.Mechanisms.Pictures;
using Vitrine.Views.Drawing;

namespace Vitrine.Views;

/// <summary>Two heads beside each other and their difference, from any token: a click on a patch makes it the one that looks.</summary>
/// <remarks>Without a script it shows two heads of the last layer from the query of the page.</remarks>
/// <param name="picture">What the model sees.</param>
/// <param name="tokens">Names of the tokens.</param>
/// <param name="table">All attention.</param>
/// <param name="query">The token that looks first.</param>
public sealed class AttentionExplorer(Picture picture, PictureTokens tokens, AttentionTable table, int query) : View
{
    private const int Listed = 5;

    internal override void Write(Markup page)
    {
        var seen = new SeenPicture(picture, "explorer-seen");
        var (layer, other) = (table.Layers.Count - 1, table.Heads.Count > 1 ? 1 : 0);
        double[] first = Of(layer, 0), second = Of(layer, other);
        double[] apart = [.. first.Zip(second, (a, b) => a - b)];
        var (most, farthest) = (first.Concat(second).Max(), apart.Max(Math.Abs));
        page.Open("figure", ("class", "explorer"), ("id", "explorer"), ("data-rows", tokens.Rows), ("data-columns", tokens.Columns),
            ("data-first", tokens.Prefix.Count), ("data-tokens", table.Tokens), ("data-heads", table.Heads.Count), ("data-veil", AttentionOverlay.Veil));
        page.Open("div", ("class", "explorer-query"), ("hidden", "hidden")).Open("label").Text("who looks ").Open("select", ("data-choose", "query"));
        for (var token = 0; token < table.Tokens; token++)
        {
            page.Text("option", $"{tokens.Name(token)} (token {token})", ("value", token), ("selected", token == query ? "selected" : null));
        }

        page.Text("option", "all patches, on average", ("value", "mean")).Close("select").Close("label")
            .Text("span", "or click a patch of A or B", ("class", "k")).Close("div");
        page.Open("div", ("class", "panes"));
        Pane(page, seen, "a", "A", layer, 0, first, most);
        Pane(page, seen, "b", "B", layer, other, second, most);
        Pane(page, seen, "difference", "A − B", layer, 0, apart, farthest);
        page.Close("div");
        page.Open("div", ("class", "map-scale")).Text("span", "A and B on one scale:").Text("span", Figures.Percent(0, 1))
            .Leaf("i", ("class", "ramp veil-ramp")).Text("span", Figures.Percent(most, 1), ("class", "scale-most"))
            .Text("span", "A − B:", ("class", "second-scale")).Leaf("i", ("class", "ramp signed-ramp"))
            .Text("span", $"± {Figures.Percent(farthest, 1)}", ("class", "scale-difference"))
            .Text("span", $"looking everywhere alike: {Figures.Percent(1.0 / table.Tokens, 2)} a token").Close("div");
        Strongest(page, other, first, second);
        Weights(page);
        page.Close("figure");
    }

    /// <summary>From the query to each patch.</summary>
    private double[] Of(int layer, int head)
        => [.. Enumerable.Range(tokens.Prefix.Count, tokens.Patches).Select(key => table.Weight(layer, head, query, key))];

    private void Pane(Markup page, SeenPicture seen, string id, string name, int layer, int head, double[] weights, double most)
    {
        var isDifference = id == "difference";
        page.Open("div", ("class", "pane"), ("data-pane", id)).Open("p").Text("strong", name);
        if (isDifference)
        {
            page.Text("span", " teal: more in A, orange: more in B", ("class", "k"));
        }
        else
        {
            page.Text("span", $" head {table.Layers[layer]}:{table.Heads[head]}", ("class", "pane-name"))
                .Open("span", ("class", "choices"), ("hidden", "hidden"));
            Choice(page, "layer", name, table.Layers, layer);
            Choice(page, "head", name, table.Heads, head);
            page.Close("span");
        }

        page.Close("p");
        page.OpenDrawing("drawing picture", seen.Size.Width, seen.Size.Height, isDifference ? "Attention of A minus B" : $"Attention of head {name}",
            $"From {tokens.Name(query)}; the numbers of the strongest patches stand below.");
        seen.Write(page);
        var (across, down) = (seen.Size.Width / tokens.Columns, seen.Size.Height / tokens.Rows);
        page.Open("g", ("class", "cells"));
        foreach (var (index, weight) in weights.Index())
        {
            var share = most > 0 ? Math.Min(1, Math.Abs(weight) / most) : 0;
            page.Leaf("rect", ("class", isDifference ? weight < 0 ? "cell less" : "cell more" : "cell veil"), ("x", index % tokens.Columns * across),
                ("y", index / tokens.Columns * down), ("width", across), ("height", down),
                ("fill-opacity", FormattableString.Invariant($"{(isDifference ? share * .85 : AttentionOverlay.Veil * (1 - share)):0.###}")));
        }

        page.Close("g");
        var patch = query - tokens.Prefix.Count;
        page.Leaf("rect", ("class", "query-mark"), ("x", Math.Max(0, patch) % tokens.Columns * across), ("y", Math.Max(0, patch) / tokens.Columns * down),
            ("width", across), ("height", down), ("visibility", patch < 0 ? "hidden" : "visible"));
        page.Close("svg").Close("div");
    }

    private static void Choice(Markup page, string what, string pane, IReadOnlyList<int> numbers, int chosen)
    {
        page.Open("label").Text($" {what} ").Open("select", ("data-choose", what), ("aria-label", $"{what} of {pane}"));
        foreach (var (place, number) in numbers.Index())
        {
            page.Text("option", $"{number}", ("value", place), ("selected", place == chosen ? "selected" : null));
        }

        page.Close("select").Close("label");
    }

    private void Strongest(Markup page, int other, double[] first, double[] second)
    {
        page.Open("div", ("class", "scroll"), ("tabindex", 0), ("role", "group"), ("aria-label", "Strongest patches"));
        page.Open("table", ("class", "strongest")).Text("caption", "Strongest patches of A and B", ("class", "unseen")).Open("thead").Open("tr")
            .Text("th", "head", ("scope", "col")).Text("th", "on patches", ("scope", "col"), ("class", "r"))
            .Text("th", "strongest patches: row, column, share", ("scope", "col")).Close("tr").Close("thead").Open("tbody");
        foreach (var (name, head, weights) in new[] { ("A", 0, first), ("B", other, second) })
        {
            var strongest = weights.Index().OrderByDescending(w => w.Item).Take(Listed)
                .Select(w => $"{w.Index / tokens.Columns}, {w.Index % tokens.Columns}: {Figures.Percent(w.Item, 1)}");
            page.Open("tr", ("data-strongest", name.ToLowerInvariant())).Open("th", ("scope", "row")).Text(name + " ").Open("span", ("class", "which"))
                .Link(Places.Head(table.Layers[^1], table.Heads[head]), $"{table.Layers[^1]}:{table.Heads[head]}").Close("span").Close("th")
                .Text("td", Figures.Percent(weights.Sum()), ("class", "r")).Text("td", string.Join("; ", strongest)).Close("tr");
        }

        page.Close("tbody").Close("table").Close("div");
    }

    /// <remarks>Levels are packed by zlib, which browsers unpack by themselves; nothing is loaded from elsewhere.</remarks>
    private void Weights(Markup page)
    {
        foreach (var (place, _) in table.Layers.Index())
        {
            using var packed = new MemoryStream();
            using (var zlib = new ZLibStream(packed, CompressionLevel.SmallestSize, leaveOpen: true))
            {
                zlib.Write(table.Levels[place]);
            }

            page.Text("pre", Convert.ToBase64String(packed.GetBuffer().AsSpan(0, (int)packed.Length)), ("hidden", "hidden"), ("class", "weights"),
                ("data-largest", Convert.ToBase64String(MemoryMarshal.AsBytes(table.Largest[place].AsSpan()))));
        }
    }
}
