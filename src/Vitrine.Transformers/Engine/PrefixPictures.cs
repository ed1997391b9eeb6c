namespace Vitrine.Transformers.Engine;

/// <summary>Pictures in front of a prompt that sees itself both ways; what is generated behind it is causal (PaliGemma).</summary>
/// <param name="tower">Sees frames.</param>
/// <param name="connector">Makes tokens of what it saw.</param>
/// <param name="imageToken">Id of the placeholder.</param>
/// <param name="placing">How pictures stand in a prompt's text.</param>
internal sealed class PrefixPictures(Tower tower, Connector connector, int imageToken, PicturePlacing placing)
    : FramePictures(tower, connector, imageToken, placing)
{
    public override bool NeedsPictures => true;

    /// <remarks>
    /// Position ids count from 1. The prefix is what has token type 0: the whole prompt where no types are given. Behind it stands a suffix that is scored, of
    /// type 1.
    /// </remarks>
    /// <exception cref="VitrineException">A token of type 0 stands behind one of type 1.</exception>
    protected override DecoderInput Placed(DecoderInput input, TokenBatch batch, IReadOnlyList<PictureSpan>[] spans) => input with
    {
        PositionShift = [.. batch.Ids.Select(_ => 1L)],
        PositionIds = input.PositionIds ?? [[.. input.Positions.Select(row => row.Select(p => p < 0 ? p : p + 1).ToArray())]],
        PrefixLengths = [.. batch.Positions.Select((row, r) => Prefix(row, batch.Segments?[r], r))],
        Segments = null,
    };

    private static long Prefix(IReadOnlyList<long> positions, IReadOnlyList<long>? types, int row)
    {
        long[] own = [.. positions.Zip(types ?? [.. positions.Select(_ => 0L)]).Where(t => t.First >= 0).Select(t => t.Second)];
        var length = own.TakeWhile(type => type == 0).LongCount();
        return own.Skip((int)length).All(type => type == 1)
            ? length
            : throw new VitrineException($"prompt {row}: has token types {string.Join(", ", own.Distinct())} in another order than a prefix of 0, then 1.");
    }
}
