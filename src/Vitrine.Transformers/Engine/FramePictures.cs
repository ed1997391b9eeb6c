using Vitrine.Inputs.Pictures;

namespace Vitrine.Transformers.Engine;

/// <summary>Pictures that are read frame by frame, each a row of the tower's own batch (PaliGemma, LLaVA, SmolVLM).</summary>
/// <param name="tower">Sees frames.</param>
/// <param name="connector">Makes tokens of what it saw.</param>
/// <param name="imageToken">Id of the placeholder.</param>
/// <param name="placing">How pictures stand in a prompt's text.</param>
internal class FramePictures(Tower tower, Connector connector, int imageToken, PicturePlacing placing)
    : PictureSide(tower, connector, imageToken, placing)
{
    /// <remarks>Tiles and the whole picture: alone, the tower is shown the whole picture.</remarks>
    public override PictureRecipe Alone(PictureRecipe recipe)
        => recipe.Sequence.Any(s => s is SplitIntoTiles) ? recipe.Tiled(split: false) : recipe;

    protected override int TokensOfFrame(Preparation picture)
    {
        var (side, first) = (Tower.Around.PatchSize, picture.Pixels[0]);
        return Connector.TokensOf((first.Height / side * (first.Width / side)) + Tower.PrefixTokens - Tower.PrefixTokensCut);
    }

    /// <remarks>Tokens in front of the patches come first, where they are handed on.</remarks>
    protected override (int Row, int Column) PlaceInFrame(Preparation picture, int token)
    {
        var patch = token + Tower.PrefixTokensCut - Tower.PrefixTokens;
        var columns = picture.Pixels[0].Width / Tower.Around.PatchSize / Connector.Side;
        return patch < 0 ? (-1, -1) : Math.DivRem(patch, columns);
    }

    protected override SeenPictures See(RunScope run, IReadOnlyList<IReadOnlyList<Preparation>> pictures)
    {
        Preparation[] all = [.. pictures.SelectMany(row => row)];
        var (frames, owners) = (all.SelectMany(p => p.Pixels).ToArray(), OwnersOf(pictures));
        var first = frames[0];
        if (Array.Find(frames, f => (f.Channels, f.Height, f.Width) != (first.Channels, first.Height, first.Width)) is { } other)
        {
            throw new VitrineException($"pictures: one became {other.Channels} x {other.Height} x {other.Width} numbers, another {first.Channels} x "
                + $"{first.Height} x {first.Width}; they cannot lie in one batch.");
        }

        var pixels = Together(frames).reshape(frames.Length, first.Channels, first.Height, first.Width);
        var (features, _) = Tower.Forward(run, pixels, owners, Shown(all));
        return new SeenPictures(Connector.Forward(run, features, owners).flatten(0, 1));
    }

    /// <summary>Patches that are picture; null where all of every frame is.</summary>
    private List<(int Rows, int Columns)>? Shown(Preparation[] pictures)
    {
        if (Array.TrueForAll(pictures, p => p.Shown.Count == 0))
        {
            return null;
        }

        if (Tower.Around.Resampling != PositionResampling.Bucketed)
        {
            throw new VitrineException($"pictures: a frame is padded; stack '{Tower.Shape.Name}' sees whole frames alone.");
        }

        return [.. pictures.SelectMany(p => Tower.Shown(p))];
    }
}
