using Vitrine.Checkpoints;
using Vitrine.Transformers.Engine;
using Vitrine.Transformers.Points;

namespace Vitrine.Transformers.Families;

/// <summary>What a text model's configuration says.</summary>
/// <param name="Blocks">One spec a block.</param>
/// <param name="Vocabulary">V.</param>
internal sealed record TextConfig(IReadOnlyList<BlockSpec> Blocks, int Vocabulary)
{
    /// <summary>Of the first block.</summary>
    public BlockSpec Spec => Blocks[0];

    public int Layers => Blocks.Count;

    /// <summary>Whether the embedding is the unembedding too.</summary>
    public bool Tied { get; init; }

    /// <summary>Learned positions; 0 where they are rotary.</summary>
    public int Positions { get; init; }

    /// <summary>Kinds of segments; 0 where there are none.</summary>
    public int Segments { get; init; }

    /// <summary>Multiplies the token embeddings.</summary>
    public double EmbeddingScale { get; init; } = 1;

    /// <summary>c in c tanh(logit / c); null for none.</summary>
    public double? LogitCap { get; init; }

    /// <summary>Names of the classes where the model answers with one; null where it does not.</summary>
    public Labels? Classes { get; init; }

    /// <summary>The padding token that a class head skips.</summary>
    public int? PadToken { get; init; }

    /// <summary>The same with the labels of a <c>*ForSequenceClassification</c>.</summary>
    public TextConfig WithHead(ConfigReader json)
        => json.Texts("architectures") is [var architecture, ..] && architecture.EndsWith("ForSequenceClassification", StringComparison.Ordinal)
            ? this with { Classes = Labels.Read(json), PadToken = json.Optional("pad_token_id", PadToken) }
            : this;

    /// <summary>Puts a text stack together.</summary>
    /// <param name="name">First part of its addresses.</param>
    /// <param name="blocks">With their weights.</param>
    /// <param name="embedding">Before block 0.</param>
    /// <param name="entryNorm">Between the two.</param>
    /// <param name="lastNorm">Behind the last block.</param>
    /// <param name="head">The unembedding.</param>
    /// <param name="others">Points that the model adds behind the stack.</param>
    public Decoder Assemble(
        string name, IReadOnlyList<Block> blocks, TextEmbedding embedding, Norm? entryNorm, Norm? lastNorm, Linear? head, params Point[] others)
    {
        HashSet<Point> points = [.. Blocks.SelectMany(b => b.PointsInBlock()), Point.Embed, .. others];
        points.UnionWith(new[] { (Point.EntryNormIn,
            entryNorm is not null), (Point.FinalNorm, lastNorm is not null), (Point.Logits, head is not null) }.Where(p => p.Item2).Select(p => p.Item1));
        var attention = Spec.Attention;
        var shape = new StackShape(name, blocks.Count, Spec.Width, attention.Heads, attention.KeyValueHeads, attention.HeadWidth, Spec.Mlp.Neurons,
            head is null ? 0 : Vocabulary, points);
        return new Decoder(shape, blocks, embedding)
        {
            EntryNorm = entryNorm,
            LastNorm = lastNorm,
            Head = head,
            LogitCap = LogitCap is { } cap ? new SoftCap(cap) : null,
        };
    }

    /// <summary>A decoder's head: classes from <c>score.weight</c>, or the next token from the named tensor or the embedding.</summary>
    public (Linear? NextToken, ClassHead? Classes) DecoderHead(WeightReader weights, string unembedding, TextEmbedding embedding)
        => Classes is { } labels
            ? (null, new ScoreHead(weights.Linear("score", labels.Names.Count, Spec.Width, bias: false), PadToken) { Labels = labels })
            : (Tied && !weights.Has($"{unembedding}.weight") ? weights.TiedHead(embedding) : weights.Linear(unembedding, Vocabulary,
                Spec.Width, bias: false), null);
}
