using Vitrine.Checkpoints.Gguf;
using Vitrine.Transformers.Weights;
using static TorchSharp.torch;

namespace Vitrine.Transformers.Engine;

/// <summary>What stands before block 0 of a text stack.</summary>
/// <param name="StoredWords">(V,d), as the file has it, or the bytes of its rows, where they are blocks.</param>
/// <param name="Blocks">What the rows of <see cref="Words"/> are where they are blocks; null where they are numbers.</param>
internal sealed record TextEmbedding(StoredTensor StoredWords, BlockRows? Blocks = null)
{
    /// <summary>What rows are computed with in; <see cref="Words"/> may be narrower.</summary>
    public ScalarType Dtype { get; init; } = Blocks is null ? StoredWords.Dtype : ScalarType.Float32;

    /// <summary>(V,d), as the file has it, or the bytes of its rows, where they are blocks.</summary>
    public Tensor Words => StoredWords.Value;

    /// <summary>Multiplies the rows of <see cref="Words"/>, in the precision of the stack; null for 1.</summary>
    public StoredTensor? StoredScale { get; init; }

    /// <inheritdoc cref="StoredScale"/>
    public Tensor? Scale => StoredScale?.Value;

    /// <summary>(P,d): one row a position; null where positions are rotary.</summary>
    public StoredTensor? StoredPositions { get; init; }

    /// <inheritdoc cref="StoredPositions"/>
    public Tensor? Positions => StoredPositions?.Value;

    /// <summary>(2,d): one row a segment; null where there are none.</summary>
    public StoredTensor? StoredSegments { get; init; }

    /// <inheritdoc cref="StoredSegments"/>
    public Tensor? Segments => StoredSegments?.Value;

    /// <summary>Whether each row loses its mean before it is written into the residual (see <see cref="Folding.CentreWriting"/>).</summary>
    public bool IsCentred { get; init; }

    /// <summary>Rows of <see cref="Words"/> (...,d), as they are in the file but for their precision.</summary>
    /// <param name="ids">Of any shape; null for the whole table.</param>
    public Tensor WordRows(Tensor? ids = null) => Blocks is null ? (ids is null ? Words.alias() : Words[ids]).to(Dtype)
        : ids is null ? new Linear(StoredWords, null, Dtype, Blocks).Weight
        : StoredRows.Chosen(Words, Blocks, ids, Dtype);

    /// <summary>Rows of one of the tables as they are written.</summary>
    public Tensor Table(Tensor rows) => IsCentred ? ProcessedWeights.Centred(rows) : rows.alias();

    /// <summary>Positions of a pass as they are added (B,T,d); null where positions are rotary.</summary>
    /// <exception cref="VitrineException">The text is longer than the table of positions.</exception>
    public Tensor? PositionRows(Pass pass) => Positions is null ? null : PositionRows(pass.PositionIds(), pass.LastPositionId);

    /// <summary>The same of positions that no pass goes over (B,T), -1 for padding.</summary>
    public Tensor? PositionRows(IReadOnlyList<IReadOnlyList<long>> positions)
        => Positions is null
            ? null
            : PositionRows(tensor([.. positions.SelectMany(r => r).Select(p => Math.Max(p, 0))], [positions.Count, positions[0].Count], device: Words.device),
                positions.Max(r => r.Max()));

    /// <summary>Embedded tokens with their segments and positions added (B,T,d).</summary>
    /// <exception cref="VitrineException">The text is longer than the table of positions, or a segment is unknown.</exception>
    public Tensor Placed(Tensor embedded, Pass pass, Tensor? segments)
    {
        if (Segments is not null)
        {
            embedded = embedded.Plus(segments is null ? Segments.narrow(0, 0, 1) : Segments[Checked(segments, Segments.shape[0])]);
        }
        else if (segments is not null && segments.any().item<bool>())
        {
            throw new VitrineException("segments: this family does not tell texts apart; expected all 0.");
        }

        return PositionRows(pass) is { } positions ? embedded.Plus(positions) : embedded;
    }

    /// <summary>Refuses a position that the table lacks.</summary>
    /// <param name="position">The largest that is read; there is a table.</param>
    /// <exception cref="VitrineException">The table ends before it.</exception>
    public void RequireLearned(long position)
    {
        if (position >= Positions!.shape[0])
        {
            throw new VitrineException($"position {position}: the model has learned {Positions.shape[0]} positions, counted from 0. Shorten the text.");
        }
    }

    private Tensor PositionRows(Tensor ids, long last)
    {
        RequireLearned(last);
        return Table(Positions![ids]);
    }

    private static Tensor Checked(Tensor segments, long count)
    {
        var (low, high) = (segments.min().item<long>(), segments.max().item<long>());
        return low >= 0 && high < count ? segments : throw new VitrineException($"segment {(low < 0 ? low : high)}: the model knows {count}, counted from 0.");
    }
}
