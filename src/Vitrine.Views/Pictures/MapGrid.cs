using Vitrine.Inputs.Pictures;
using Vitrine.Mechanisms.Pictures;
using Vitrine.Views.Drawing;

namespace Vitrine.Views;

/// <summary>One map of a <see cref="MapGrid"/>.</summary>
/// <param name="Row">What stands before its row; maps of one row follow each other.</param>
/// <param name="Name">What it is.</param>
/// <param name="Note">A number or two under it.</param>
/// <param name="Map">One number a patch.</param>
public sealed record GridMap(string Row, string Name, string Note, PatchMap Map);

/// <summary>Many maps over one picture: heads by layer, layers of a rollout, neurons.</summary>
public sealed class MapGrid : View
{
    private const int Widest = 8;

    /// <summary>Unique in the page; letters, digits and hyphens.</summary>
    public required string Id { get; init; }

    /// <summary>What the maps are, for the table behind them.</summary>
    public required string Caption { get; init; }

    /// <summary>What the patches lie on.</summary>
    public required Picture Picture { get; init; }

    /// <summary>In order.</summary>
    public required IReadOnlyList<GridMap> Maps { get; init; }

    /// <summary>The share of a map's patches below the number that is painted in full; 1 for the largest number.</summary>
    /// <remarks>A single bright patch would leave all others in the dark.</remarks>
    public double FullFrom { get; init; } = 1;

    /// <summary>How they are painted.</summary>
    public MapStyle Style { get; init; } = MapStyle.Veil;

    /// <summary>Whether maps of one row are painted on one scale, so that they can be compared; each by its own largest number otherwise.</summary>
    public bool SharesRow { get; init; }

    /// <summary>Prints one of the numbers.</summary>
    internal Func<double, string> Print { get; init; } = value => Figures.Plain(value);

    internal override void Write(Markup page)
    {
        if (Maps.Count == 0)
        {
            page.Text("p", "There is nothing to show.", ("class", "empty"));
            return;
        }

        var seen = new SeenPicture(Picture, Id + "-seen");
        page.Open("figure", ("class", "grid-figure"));
        foreach (var row in Maps.GroupBy(map => map.Row))
        {
            page.Open("div", ("class", row.Key.Length > 0 ? "map-row" : "map-row bare"));
            if (row.Key.Length > 0)
            {
                page.Text("p", row.Key, ("class", "k"));
            }

            var maps = row.ToList();
            var most = SharesRow ? maps.Max(map => map.Map.Values.Max(value => (double)Math.Abs(value))) : (double?)null;
            page.Open("div", ("class", "map-cells"), ("style", FormattableString.Invariant($"--n:{Columns(maps.Count)}")));
            foreach (var map in maps)
            {
                var peak = map.Map.Values.Index().MaxBy(value => Math.Abs(value.Item)).Index;
                page.Open("div", ("class", "map-cell"));
                seen.WriteUnder(page, map.Map, Style, most ?? Full(map.Map), $"{Caption}: {map.Row} {map.Name}",
                    $"Strongest at row {peak / map.Map.Columns}, column {peak % map.Map.Columns}, with "
                        + $"{Print(map.Map.Values[peak])}.{(map.Note.Length > 0 ? " " + map.Note + "." : "")}");
                page.Open("p").Text("strong", map.Name);
                if (map.Note.Length > 0)
                {
                    page.Text("span", map.Note, ("class", "k"));
                }

                page.Close("p").Close("div");
            }

            page.Close("div").Close("div");
        }

        Numbers().WriteFolded(page, brief: true);
        page.Close("figure");
    }

    /// <remarks>So many that rows come out even where they can.</remarks>
    private static int Columns(int count) => count <= Widest ? count : Enumerable.Range(5, Widest - 4).Reverse().FirstOrDefault(n => count % n == 0, Widest);

    private double Full(PatchMap map)
    {
        var sorted = map.Values.Where(float.IsFinite).Select(value => (double)Math.Abs(value)).Order().ToArray();
        return sorted.Length == 0 ? 0 : sorted[(int)Math.Ceiling((sorted.Length - 1) * FullFrom)];
    }

    private NumberTable Numbers()
    {
        var table = new NumberTable(Caption, ["map", "strongest patch", "its value", "mean of patches", ""]);
        foreach (var map in Maps)
        {
            var peak = map.Map.Values.Index().MaxBy(value => Math.Abs(value.Item)).Index;
            table.Add($"{map.Row} {map.Name}".Trim(), $"{peak / map.Map.Columns},{peak % map.Map.Columns}", Print(map.Map.Values[peak]),
                Print(map.Map.Values.Average()), map.Note);
        }

        return table;
    }
}
