using Vitrine.Inputs.Pictures;
using Vitrine.Mechanisms.Pictures;
using Vitrine.Views.Drawing;

namespace Vitrine.Views;

/// <summary>One map of a <see cref="MapGrid"/>.</summary>
/// <param name="Row">What stands before its row; maps of one row follow each other.</param>
/// <param name="Name">What it is.</param>
/// <param name="Note">A number or two under it.</param>
/// <param name="Map">One number a patch.</param>
public sealed record GridMap(string Row, string Name, string Note, PatchMap Map)
{
    /// <summary>The head that it is the place of; names elsewhere lead here.</summary>
    internal (int Layer, int Head)? Head { get; init; }

    /// <summary>The neuron that it is the place of.</summary>
    internal (int Layer, int Index)? Neuron { get; init; }

    internal string? Place => Head is { } head ? Places.Head(head.Layer, head.Head) : Neuron is { } neuron ? Places.Neuron(neuron.Layer, neuron.Index) : null;
}

/// <summary>Many maps over one picture, all on one scale: heads by layer, layers of a rollout, neurons.</summary>
public sealed class MapGrid : View
{
    private const int Widest = 8;

    /// <summary>Unique in the page; letters, digits and hyphens.</summary>
    public required string Id { get; init; }

    /// <summary>What the maps are, with their unit, for the table behind them.</summary>
    public required string Caption { get; init; }

    /// <summary>What the patches lie on.</summary>
    public required Picture Picture { get; init; }

    /// <summary>In order.</summary>
    public required IReadOnlyList<GridMap> Maps { get; init; }

    /// <summary>The token of the first patch: how many stand in front of them.</summary>
    public int FirstToken { get; init; }

    /// <summary>The share of all patches below the number that is painted in full; 1 for the largest number.</summary>
    /// <remarks>A single bright patch would leave all others in the dark.</remarks>
    public double FullFrom { get; init; } = 1;

    /// <summary>How they are painted.</summary>
    public MapStyle Style { get; init; } = MapStyle.Veil;

    /// <summary>What every patch would have if none were preferred; null where that means nothing.</summary>
    public double? Uniform { get; init; }

    /// <summary>How the numbers are printed.</summary>
    internal PatchNumber Number { get; init; } = PatchNumber.Plain;

    internal override void Write(Markup page)
    {
        if (Maps.Count == 0)
        {
            page.Text("p", "There is nothing to show.", ("class", "empty"));
            return;
        }

        var seen = new SeenPicture(Picture, Id + "-seen");
        var full = Full();
        page.Open("figure", ("class", "grid-figure"), ("id", Id));
        Scale(page, full);
        foreach (var row in Maps.GroupBy(map => map.Row))
        {
            var maps = row.ToList();
            var layer = maps[0].Head is { } head && maps.TrueForAll(map => map.Head?.Layer == head.Layer) ? Places.Layer(head.Layer) : null;
            page.Open("div", ("class", row.Key.Length > 0 ? "map-row" : "map-row bare"), ("id", layer is null ? null : page.Places.Take(layer)));
            if (row.Key.Length > 0)
            {
                page.Open("p", ("class", "k"));
                _ = layer is null ? page.Named(row.Key) : page.Text(row.Key);
                page.Close("p");
            }

            page.Open("div", ("class", "map-cells"), ("style", FormattableString.Invariant($"--n:{Columns(maps.Count)}")));
            foreach (var map in maps)
            {
                Cell(page, map, seen, full);
            }

            page.Close("div").Close("div");
        }

        Numbers().WriteFolded(page, brief: true);
        page.Close("figure");
    }

    private void Scale(Markup page, double full)
    {
        var atLeast = FullFrom < 1;
        if (Style == MapStyle.Signed)
        {
            VeilLegend.WriteSigned(page, full, Number.Print, atLeast);
        }
        else
        {
            VeilLegend.Write(page, full, Number.Print, Uniform, atLeast);
        }
    }

    private void Cell(Markup page, GridMap map, SeenPicture seen, double full)
    {
        page.Open("div", ("class", "map-cell"), ("id", map.Place is { } place ? page.Places.Take(place) : null), ("data-layer", map.Head?.Layer),
            ("data-head", map.Head?.Head));
        seen.WriteUnder(page, map.Map, Style, full, Number, FirstToken, $"{Caption}: {map.Row} {map.Name}");
        page.Open("p").Open("strong");
        _ = map.Place is null ? page.Named(map.Name) : page.Text(map.Name);
        page.Close("strong");
        if (map.Note.Length > 0)
        {
            page.Text("span", map.Note, ("class", "k"));
        }

        page.Close("p").Close("div");
    }

    /// <remarks>So many that rows come out even where they can.</remarks>
    private static int Columns(int count) => count <= Widest ? count : Enumerable.Range(5, Widest - 4).Reverse().FirstOrDefault(n => count % n == 0, Widest);

    /// <summary>What is painted in full, over all maps.</summary>
    private double Full()
    {
        double[] sorted = [.. Maps.SelectMany(map => map.Map.Values).Where(float.IsFinite).Select(value => (double)Math.Abs(value)).Order()];
        return sorted.Length == 0 ? 0 : sorted[(int)Math.Ceiling((sorted.Length - 1) * FullFrom)];
    }

    private NumberTable Numbers()
    {
        var table = new NumberTable(Caption, ["map", "strongest patch: row, column", "its value", "mean of patches", "note"]);
        foreach (var map in Maps)
        {
            var peak = map.Map.Values.Index().MaxBy(value => Math.Abs(value.Item)).Index;
            table.Add($"{map.Row} {map.Name}".Trim(), $"{peak / map.Map.Columns}, {peak % map.Map.Columns}", Number.Print(map.Map.Values[peak]),
                Number.Print(map.Map.Values.Average()), map.Note);
        }

        return table;
    }
}
