namespace Vitrine.Transformers;

/// <summary>A token of a prompt that shows a part of a picture.</summary>
/// <param name="Position">In the row's own sequence.</param>
/// <param name="Picture">Which picture of the row, from 0.</param>
/// <param name="Frame">Which frame of the picture, from 0: its tiles row by row, the whole picture behind them.</param>
/// <param name="Row">Among the tokens of the frame; -1 for one that stands for the whole frame (a class token).</param>
/// <param name="Column">Among the tokens of the frame; -1 as <paramref name="Row"/>.</param>
public readonly record struct PictureToken(long Position, int Picture, int Frame, int Row, int Column)
{
    /// <inheritdoc/>
    public override string ToString() => Row < 0
        ? FormattableString.Invariant($"picture {Picture}, frame {Frame}, class")
        : FormattableString.Invariant($"picture {Picture}, frame {Frame}, token {Row},{Column}");
}
