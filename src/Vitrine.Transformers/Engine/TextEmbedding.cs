using static TorchSharp.torch;

namespace Vitrine.Transformers.Engine;

/// <summary>What stands before block 0 of a text stack.</summary>
/// <param name="Words">(V,d).</param>
internal sealed record TextEmbedding(Tensor Words)
{
    /// <summary>Multiplies the rows of <see cref="Words"/>, in the precision of the stack; null for 1.</summary>
    public Tensor? Scale { get; init; }

    /// <summary>(P,d): one row a position; null where positions are rotary.</summary>
    public Tensor? Positions { get; init; }

    /// <summary>(2,d): one row a segment; null where there are none.</summary>
    public Tensor? Segments { get; init; }

    /// <summary>Embedded tokens with their segments and positions added (B,T,d).</summary>
    /// <exception cref="VitrineException">The text is longer than the table of positions, or a segment is unknown.</exception>
    public Tensor Placed(Tensor embedded, Pass pass, Tensor? segments)
    {
        if (Segments is not null)
        {
            embedded = embedded.Plus(segments is null ? Segments.narrow(0, 0, 1) : Segments[Known(segments, Segments.shape[0])]);
        }
        else if (segments is not null && segments.any().item<bool>())
        {
            throw new VitrineException("segments: this family does not tell texts apart; expected all 0.");
        }

        if (Positions is null)
        {
            return embedded;
        }

        return pass.LastPositionId < Positions.shape[0]
            ? embedded.Plus(Positions[pass.PositionIds()])
            : throw new VitrineException($"position {pass.LastPositionId}: the model has learned {Positions.shape[0]} positions, counted from 0. Shorten the text.");
    }

    private static Tensor Known(Tensor segments, long count)
    {
        var (low, high) = (segments.min().item<long>(), segments.max().item<long>());
        return low >= 0 && high < count ? segments : throw new VitrineException($"segment {(low < 0 ? low : high)}: the model knows {count}, counted from 0.");
    }
}
