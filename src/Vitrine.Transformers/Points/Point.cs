namespace Vitrine.Transformers.Points;

/// <summary>How the axes of a point's tensor are ordered.</summary>
public enum PointAxes
{
    /// <summary>(B,T,x): rows, positions, coordinates.</summary>
    Stream,

    /// <summary>(B,T,H,hd): rows, positions, heads, coordinates.</summary>
    Heads,

    /// <summary>(B,H,Tq,Tk): rows, heads, query positions, key positions.</summary>
    Attention,
}

/// <summary>A place where an activation can be read or edited: its name, its axes and their sizes.</summary>
/// <remarks>
/// The points that blocks compute are named here; <see cref="PointVocabulary"/> lists them. A model may bring points of its own (a dictionary's, an expert's
/// velocity): they are registered in its <see cref="StackShape"/> and addressed, edited and saved like the block's own. What no stack of a model registers does
/// not exist in it. Shapes: B batch, T tokens, d residual width, H heads, Hkv key/value heads, hd head width, F neurons, V vocabulary.
/// </remarks>
public sealed record Point : IComparable<Point>
{
    /// <summary>Place in the vocabulary of the last point that lies in a block.</summary>
    private const int LastInBlock = 21;

    private readonly Func<StackShape, int> heads;
    private readonly Func<StackShape, int> lastAxis;

    /// <summary>A point of a model's own.</summary>
    /// <param name="name">As in addresses, e.g. <c>velocity</c> or <c>sae.features</c>.</param>
    /// <param name="width">Size of the last axis.</param>
    /// <param name="isInBlock">Whether it lies in a block, so that its address has a layer.</param>
    /// <param name="axes">How its axes are ordered; not <see cref="PointAxes.Attention"/>, whose last axis is the keys.</param>
    /// <param name="headCount">Size of the head axis, for <see cref="PointAxes.Heads"/>.</param>
    /// <exception cref="VitrineException">The name is not one that an address can hold, or a size is not positive.</exception>
    public Point(string name, int width, bool isInBlock = false, PointAxes axes = PointAxes.Stream, int headCount = 0)
        : this(isInBlock, name, axes, _ => headCount, _ => width, ordinal: -1)
    {
        if (!PointVocabulary.IsName(name) || width < 1 || axes == PointAxes.Attention || (axes == PointAxes.Heads) != (headCount > 0))
        {
            throw new VitrineException($"point '{name}': {axes} of width {width} with {headCount} heads; expected a name of small letters, digits, dots and "
                + "underscores, and positive sizes.");
        }
    }

    private Point(bool isInBlock, string name, PointAxes axes, Func<StackShape, int> heads, Func<StackShape, int> lastAxis, int ordinal)
        => (IsInBlock, Name, Axes, this.heads, this.lastAxis, Ordinal) = (isInBlock, name, axes, heads, lastAxis, ordinal);

    /// <summary><c>resid_pre</c> (B,T,d): input of the block.</summary>
    public static Point ResidPre { get; } = Stream(0, "resid_pre");

    /// <summary><c>attn.in</c> (B,T,d): what q, k and v read, the normalised input.</summary>
    public static Point AttnIn { get; } = Stream(1, "attn.in");

    /// <summary><c>attn.q</c> (B,T,H,hd): query projection with bias, before any norm and rotation.</summary>
    public static Point AttnQ { get; } = Head(2, "attn.q");

    /// <summary><c>attn.k</c> (B,T,Hkv,hd): key projection with bias, before any norm and rotation.</summary>
    public static Point AttnK { get; } = KeyValueHead(3, "attn.k");

    /// <summary><c>attn.v</c> (B,T,Hkv,hd): value projection with bias.</summary>
    public static Point AttnV { get; } = KeyValueHead(4, "attn.v");

    /// <summary><c>attn.q_norm</c> (B,T,H,hd): queries after their norm, only in families that have one.</summary>
    public static Point AttnQNorm { get; } = Head(5, "attn.q_norm");

    /// <summary><c>attn.k_norm</c> (B,T,Hkv,hd): keys after their norm, only in families that have one.</summary>
    public static Point AttnKNorm { get; } = KeyValueHead(6, "attn.k_norm");

    /// <summary><c>attn.q_rot</c> (B,T,H,hd): queries as they enter the score, only with rotary positions.</summary>
    public static Point AttnQRot { get; } = Head(7, "attn.q_rot");

    /// <summary><c>attn.k_rot</c> (B,T,Hkv,hd): keys as they enter the score, only with rotary positions.</summary>
    public static Point AttnKRot { get; } = KeyValueHead(8, "attn.k_rot");

    /// <summary><c>attn.scores</c> (B,H,Tq,Tk): scaled (and soft-capped) scores before the mask.</summary>
    public static Point AttnScores { get; } = Attention(9, "attn.scores");

    /// <summary><c>attn.pattern</c> (B,H,Tq,Tk): after mask and softmax.</summary>
    public static Point AttnPattern { get; } = Attention(10, "attn.pattern");

    /// <summary><c>attn.z</c> (B,T,H,hd): weighted values per head, input of the output projection.</summary>
    public static Point AttnZ { get; } = Head(11, "attn.z");

    /// <summary><c>attn.out</c> (B,T,d): after the output projection.</summary>
    public static Point AttnOut { get; } = Stream(12, "attn.out");

    /// <summary><c>attn.out_post</c> (B,T,d): what is added to the residual, only where a norm, a LayerScale or a gate stands in between.</summary>
    public static Point AttnOutPost { get; } = Stream(13, "attn.out_post");

    /// <summary><c>resid_mid</c> (B,T,d): after attention was added (absent in parallel blocks).</summary>
    public static Point ResidMid { get; } = Stream(14, "resid_mid");

    /// <summary><c>mlp.in</c> (B,T,d): normalised input of the feed-forward.</summary>
    public static Point MlpIn { get; } = Stream(15, "mlp.in");

    /// <summary><c>mlp.gate</c> (B,T,F): pre-activation of the gate, gated feed-forwards only.</summary>
    public static Point MlpGate { get; } = Stream(16, "mlp.gate", s => s.Neurons);

    /// <summary><c>mlp.up</c> (B,T,F): up projection (gated), or the pre-activation (ungated).</summary>
    public static Point MlpUp { get; } = Stream(17, "mlp.up", s => s.Neurons);

    /// <summary><c>mlp.neurons</c> (B,T,F): input of the down projection, the neuron activations.</summary>
    public static Point MlpNeurons { get; } = Stream(18, "mlp.neurons", s => s.Neurons);

    /// <summary><c>mlp.out</c> (B,T,d): after the down projection.</summary>
    public static Point MlpOut { get; } = Stream(19, "mlp.out");

    /// <summary><c>mlp.out_post</c> (B,T,d): as <see cref="AttnOutPost"/>.</summary>
    public static Point MlpOutPost { get; } = Stream(20, "mlp.out_post");

    /// <summary><c>resid_post</c> (B,T,d): output of the block.</summary>
    public static Point ResidPost { get; } = Stream(21, "resid_post");

    /// <summary><c>pre_norm_in</c> (B,T,d): the embeddings before the norm in front of block 0, only in stacks that have one.</summary>
    public static Point EntryNormIn { get; } = Stream(22, "pre_norm_in");

    /// <summary><c>embed</c> (B,T,d): what enters block 0.</summary>
    public static Point Embed { get; } = Stream(23, "embed");

    /// <summary><c>final_norm</c> (B,T,d): after the last norm.</summary>
    public static Point FinalNorm { get; } = Stream(24, "final_norm");

    /// <summary><c>logits</c> (B,T,V).</summary>
    public static Point Logits { get; } = Stream(25, "logits", s => s.Vocabulary);

    /// <summary><c>features</c> (B,T,d): what a tower hands on.</summary>
    public static Point Features { get; } = Stream(26, "features");

    /// <summary><c>head.attn.scores</c> (B,H,1,T): scores of an attention-pool head.</summary>
    public static Point HeadAttnScores { get; } = Attention(27, "head.attn.scores");

    /// <summary><c>head.attn.pattern</c> (B,H,1,T): pattern of an attention-pool head.</summary>
    public static Point HeadAttnPattern { get; } = Attention(28, "head.attn.pattern");

    /// <summary><c>head.attn.out</c> (B,1,d): what the attention of an attention-pool head gives.</summary>
    public static Point HeadAttnOut { get; } = Stream(29, "head.attn.out");

    /// <summary><c>head.mlp.neurons</c> (B,1,F): neuron activations of an attention-pool head.</summary>
    public static Point HeadMlpNeurons { get; } = Stream(30, "head.mlp.neurons", s => s.Neurons);

    /// <summary>
    /// <c>out</c>: what a model-level part hands on: the projector (B,T,d), a decoder's class head <c>score</c> (B,T,classes), an encoder's <c>pooler</c>
    /// (B,d).
    /// </summary>
    public static Point Out { get; } = Stream(31, "out");

    /// <summary>
    /// <c>attn.in_q</c> (B,T,d): what queries read where positions are added to them and to keys, and not to values (DETR's blocks; ACT).
    /// </summary>
    public static Point AttnInQ { get; } = Further("attn.in_q", 32);

    /// <summary><c>attn.in_k</c> (B,T,d): what keys read there.</summary>
    public static Point AttnInK { get; } = Further("attn.in_k", 33);

    /// <summary>
    /// <c>attn.prefix_k</c> (B,Tp,Hkv,hd): the keys of another stack's tokens, rotated, as the block reads them; its positions are that stack's.
    /// </summary>
    public static Point AttnPrefixK { get; } = FurtherHead("attn.prefix_k", 34, keyValue: true);

    /// <summary><c>attn.prefix_v</c> (B,Tp,Hkv,hd): their values.</summary>
    public static Point AttnPrefixV { get; } = FurtherHead("attn.prefix_v", 35, keyValue: true);

    /// <summary><c>cross.in</c> (B,Tm,d): another stack's output as the values of cross-attention read it; its positions are that stack's.</summary>
    public static Point CrossIn { get; } = Further("cross.in", 36);

    /// <summary><c>cross.in_q</c> (B,T,d): what the queries of cross-attention read.</summary>
    public static Point CrossInQ { get; } = Further("cross.in_q", 37);

    /// <summary><c>cross.in_k</c> (B,Tm,d): what its keys read.</summary>
    public static Point CrossInK { get; } = Further("cross.in_k", 38);

    /// <summary><c>cross.q</c> (B,T,H,hd): queries of cross-attention.</summary>
    public static Point CrossQ { get; } = FurtherHead("cross.q", 39);

    /// <summary><c>cross.k</c> (B,Tm,H,hd): its keys.</summary>
    public static Point CrossK { get; } = FurtherHead("cross.k", 40, keyValue: true);

    /// <summary><c>cross.v</c> (B,Tm,H,hd): its values.</summary>
    public static Point CrossV { get; } = FurtherHead("cross.v", 41, keyValue: true);

    /// <summary><c>cross.scores</c> (B,H,T,Tm): its scores.</summary>
    public static Point CrossScores { get; } = new(true, "cross.scores", PointAxes.Attention, s => s.Heads, _ => 0, 42);

    /// <summary><c>cross.pattern</c> (B,H,T,Tm): its pattern.</summary>
    public static Point CrossPattern { get; } = new(true, "cross.pattern", PointAxes.Attention, s => s.Heads, _ => 0, 43);

    /// <summary><c>cross.z</c> (B,T,H,hd): its weighted values.</summary>
    public static Point CrossZ { get; } = FurtherHead("cross.z", 44);

    /// <summary><c>cross.out</c> (B,T,d): what it adds.</summary>
    public static Point CrossOut { get; } = Further("cross.out", 45);

    /// <summary><c>resid_cross</c> (B,T,d): the stream after cross-attention was added, before its norm.</summary>
    public static Point ResidCross { get; } = Further("resid_cross", 46);

    /// <summary><c>resid_mlp</c> (B,T,d): the stream after the feed-forward was added, before its norm.</summary>
    public static Point ResidMlp { get; } = Further("resid_mlp", 47);

    /// <summary>How many points have a place of their own in a block's slots.</summary>
    internal const int Count = 48;

    /// <summary>The name in an address, e.g. <c>mlp.neurons</c>.</summary>
    public string Name { get; }

    /// <summary>Whether the point lies in a block, so that its address has a layer.</summary>
    public bool IsInBlock { get; }

    /// <summary>How the axes of its tensor are ordered.</summary>
    public PointAxes Axes { get; }

    /// <summary>Place in the vocabulary, in the order of the forward pass; -1 for a model's own point.</summary>
    internal int Ordinal { get; }

    /// <summary>Size of its head axis in a stack; 0 where it has none.</summary>
    public int HeadsIn(StackShape shape) => heads(shape);

    /// <summary>Size of its last axis in a stack; 0 where it is the number of keys.</summary>
    public int LastAxisIn(StackShape shape) => lastAxis(shape);

    /// <summary>A point that an address names and no vocabulary knows: whether it exists is the model's to say.</summary>
    internal static Point Unregistered(string name, bool isInBlock) => new(isInBlock, name, PointAxes.Stream, _ => 0, _ => 0, ordinal: -1);

    /// <summary>Names within and outside of blocks are apart; two points of one name are the same.</summary>
    public bool Equals(Point? other) => other is not null && IsInBlock == other.IsInBlock && string.Equals(Name, other.Name, StringComparison.Ordinal);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(IsInBlock, Name.GetHashCode(StringComparison.Ordinal));

    /// <summary>In the order of the forward pass; points of a model's own behind, by name.</summary>
    public int CompareTo(Point? other)
        => other is null ? 1 : Ordinal != other.Ordinal ? ((uint)Ordinal).CompareTo((uint)other.Ordinal) : string.CompareOrdinal(Name, other.Name);

    /// <inheritdoc/>
    public override string ToString() => Name;

    private static Point Stream(int ordinal, string name, Func<StackShape, int>? width = null)
        => new(ordinal <= LastInBlock, name, PointAxes.Stream, _ => 0, width ?? (s => s.Width), ordinal);

    private static Point Head(int ordinal, string name) => new(ordinal <= LastInBlock, name, PointAxes.Heads, s => s.Heads, s => s.HeadWidth, ordinal);

    private static Point KeyValueHead(int ordinal, string name)
        => new(ordinal <= LastInBlock, name, PointAxes.Heads, s => s.KeyValueHeads, s => s.HeadWidth, ordinal);

    private static Point Further(string name, int ordinal) => new(true, name, PointAxes.Stream, _ => 0, s => s.Width, ordinal);

    private static Point FurtherHead(string name, int ordinal, bool keyValue = false)
        => new(true, name, PointAxes.Heads, s => keyValue ? s.KeyValueHeads : s.Heads, s => s.HeadWidth, ordinal);

    private static Point Attention(int ordinal, string name) => new(ordinal <= LastInBlock, name, PointAxes.Attention, s => s.Heads, _ => 0, ordinal);
}
