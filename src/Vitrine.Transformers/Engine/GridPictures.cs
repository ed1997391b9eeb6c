using Vitrine.Inputs.Pictures;

namespace Vitrine.Transformers.Engine;

/// <summary>
/// Pictures of any size, read as one sequence of patches; their tokens stand at places of three axes: time, row and column (Qwen2.5-VL, Qwen3-VL).
/// </summary>
/// <param name="tower">Sees patches.</param>
/// <param name="connector">Makes tokens of what it saw.</param>
/// <param name="imageToken">Id of the placeholder.</param>
/// <param name="placing">How pictures stand in a prompt's text.</param>
internal sealed class GridPictures(GridTower tower, MergeConnector connector, int imageToken, PicturePlacing placing)
    : PictureSide(tower, connector, imageToken, placing)
{
    /// <remarks>Alone, the tower is shown a picture of pixels and cuts it itself.</remarks>
    public override PictureRecipe Alone(PictureRecipe recipe)
        => new([.. recipe.Sequence.Where(s => s is not Patches)], recipe.Channels, recipe.Height, recipe.Width) { Engine = recipe.Engine };

    protected override int TokensOfFrame(Preparation picture)
    {
        var (rows, columns) = GridOf(picture);
        return rows * columns / (tower.Layout.Merge * tower.Layout.Merge);
    }

    protected override (int Row, int Column) PlaceInFrame(Preparation picture, int token)
        => Math.DivRem(token, GridOf(picture).Columns / tower.Layout.Merge);

    protected override SeenPictures See(RunScope run, IReadOnlyList<IReadOnlyList<Preparation>> pictures)
    {
        Preparation[] all = [.. pictures.SelectMany(row => row)];
        (int Rows, int Columns)[] grids = [.. all.Select(GridOf)];
        var owners = OwnersOf(pictures);
        var cut = Together([.. all.Select(p => p.Pixels[0])]).reshape(-1, tower.PatchNumbers);
        var (features, behind) = tower.See(run, cut, grids, owners);
        var placed = tower.Layout.Of(grids);
        var ofTokens = GridTower.OfTokens(owners, placed.PictureLengths, tower.Layout.Merge * tower.Layout.Merge);
        var tokens = connector.Forward(run, features, ofTokens, placed.Order is null ? null : placed.Restoring());
        return new SeenPictures(tokens.squeeze(0)) { Behind = [.. behind.Select(b => b.squeeze(0))] };
    }

    /// <remarks>
    /// Words count on by one on all three axes. A picture's tokens stand at (begin, begin + row, begin + column) of its merged blocks; what follows begins
    /// behind the largest of them (transformers, modeling_qwen2_5_vl.py, get_rope_index).
    /// </remarks>
    protected override DecoderInput Placed(DecoderInput input, TokenBatch batch, IReadOnlyList<PictureSpan>[] spans)
    {
        if (input.PositionIds is not null)
        {
            return input;
        }

        var axes = Enumerable.Range(0, 3).Select(_ => input.Positions.Select(row => row.ToArray()).ToArray()).ToArray();
        var ahead = new long[input.Positions.Length];
        for (var row = 0; row < ahead.Length; row++)
        {
            var places = PlacesOf(input.Positions[row].LongCount(p => p >= 0), spans[row]);
            for (var token = 0; token < input.Positions[row].Length; token++)
            {
                if (input.Positions[row][token] is >= 0 and var own)
                {
                    (axes[0][row][token], axes[1][row][token], axes[2][row][token]) = places.Of[own];
                }
            }

            ahead[row] = places.Next - places.Of.Length;
        }

        return input with { PositionIds = axes, PositionShift = ahead };
    }

    private ((long, long, long)[] Of, long Next) PlacesOf(long length, IReadOnlyList<PictureSpan> spans)
    {
        var places = new (long, long, long)[length];
        var next = 0L;
        var pictures = spans.ToDictionary(s => s.Positions[0]);
        for (var at = 0L; at < length;)
        {
            if (!pictures.TryGetValue(at, out var span))
            {
                places[at++] = (next, next, next);
                next++;
                continue;
            }

            if (span.Positions[^1] - at != span.Positions.Length - 1)
            {
                throw new VitrineException($"prompt: the {span.Positions.Length} tokens of a picture do not stand behind each other, from {at} on.");
            }

            var (rows, columns) = GridOf(span.Picture);
            (rows, columns) = (rows / tower.Layout.Merge, columns / tower.Layout.Merge);
            for (var i = 0; i < rows * columns; i++)
            {
                places[at++] = (next, next + (i / columns), next + (i % columns));
            }

            next += Math.Max(rows, columns);
        }

        return (places, next);
    }

    private (int Rows, int Columns) GridOf(Preparation picture)
        => picture is { PatchGrid: (1, var rows, var columns), Pixels: [{ Channels: 1 } cut] } && cut.Height == rows * columns
            && cut.Width == tower.PatchNumbers
            ? (rows, columns)
            : throw new VitrineException($"pictures: one is not cut into patches of {tower.PatchNumbers} numbers, as this model reads it.");
}
