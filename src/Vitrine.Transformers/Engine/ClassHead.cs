using Vitrine.Transformers.Points;
using static TorchSharp.torch;

namespace Vitrine.Transformers.Engine;

/// <summary>A head that answers with a class instead of the next token.</summary>
internal abstract class ClassHead
{
    /// <summary>Names of the classes, in the order of the logits.</summary>
    public required Labels Labels { get; init; }

    /// <summary>Its part of the addresses; null where it has no point of its own.</summary>
    public virtual StackShape? Shape => null;

    /// <summary>The column of each row that decides.</summary>
    public abstract long[] Deciding(TokenBatch batch);

    /// <param name="hidden">(B,T,d), behind the last norm.</param>
    /// <param name="deciding">Column of each row.</param>
    /// <param name="pass">Of the stack.</param>
    /// <returns>(B, classes).</returns>
    public abstract Tensor Forward(Tensor hidden, long[] deciding, Pass pass);
}

/// <summary>A decoder's class head: a linear map of every token's normed residual, read at the last token that is no padding.</summary>
/// <param name="score">Without bias.</param>
/// <param name="padToken">The <c>pad_token_id</c> of config.json.</param>
internal sealed class ScoreHead(Linear score, int? padToken) : ClassHead
{
    private readonly StackShape shape = new("score", 0, (int)score.Outputs, 0, 0, 0, 0, 0, new HashSet<Point> { Point.Out });

    public override StackShape Shape => shape;

    /// <remarks>
    /// The reference looks at ids, not at the mask: the rightmost id that is not the padding token, 0 where there is none (transformers since February 2025,
    /// modeling_layers.py). Rows that <see cref="TokenBatch.Of(IReadOnlyList{IReadOnlyList{int}}, bool)"/> padded know their own length.
    /// </remarks>
    public override long[] Deciding(TokenBatch batch)
    {
        if (batch.IsPaddedHere)
        {
            return [.. batch.Positions.Select((row, r) => (long)LastIndex(row, p => p >= 0))];
        }

        return padToken is not { } pad && batch.Ids.Count > 1
            ? throw new VitrineException(
                "classification: config.json has no pad_token_id, so the last token of a padded row is not known; give one row at a time.")
            : [.. batch.Ids.Select(row => (long)Math.Max(0, LastIndex(row, id => id != padToken)))];
    }

    public override Tensor Forward(Tensor hidden, long[] deciding, Pass pass)
        => Decoder.Pick(pass.Plan.Of(shape.Name).At(Point.Out, score.Apply(hidden), pass), deciding);

    private static int LastIndex<T>(IReadOnlyList<T> row, Func<T, bool> holds)
    {
        var i = row.Count - 1;
        while (i >= 0 && !holds(row[i]))
        {
            i--;
        }

        return i;
    }
}

/// <summary>An encoder's class head: a pooler on the first token, then a linear map.</summary>
/// <param name="pooler">(d to d).</param>
/// <param name="activation">Of the pooler.</param>
/// <param name="classifier">(d to classes).</param>
internal sealed class PoolerHead(Linear pooler, Activation activation, Linear classifier) : ClassHead
{
    private readonly StackShape shape = new("pooler", 0, (int)pooler.Outputs, 0, 0, 0, 0, 0, new HashSet<Point> { Point.Out });

    public override StackShape Shape => shape;

    /// <remarks>The reference reads column 0, padding or not; rows that were padded here are read at their own first token.</remarks>
    public override long[] Deciding(TokenBatch batch)
        => [.. batch.Positions.Select(row => batch.IsPaddedHere ? row.TakeWhile(p => p < 0).LongCount() : 0)];

    public override Tensor Forward(Tensor hidden, long[] deciding, Pass pass)
    {
        var pooled = activation.Apply(pooler.Apply(Decoder.Pick(hidden, deciding)));                               // (B, d)
        return classifier.Apply(pass.Plan.Of(shape.Name).At(Point.Out, pooled, pass));
    }
}
