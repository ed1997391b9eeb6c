namespace Vitrine.Transformers.Points;

/// <summary>Every place where an activation can be read or edited. The vocabulary is closed: what is not here does not exist.</summary>
/// <remarks>Shapes: B batch, T tokens, d residual width, H heads, Hkv key/value heads, hd head width, F neurons, V vocabulary.</remarks>
public enum Point
{
    /// <summary><c>resid_pre</c> (B,T,d): input of the block.</summary>
    ResidPre,

    /// <summary><c>attn.in</c> (B,T,d): what q, k and v read, the normalised input.</summary>
    AttnIn,

    /// <summary><c>attn.q</c> (B,T,H,hd): query projection with bias, before any norm and rotation.</summary>
    AttnQ,

    /// <summary><c>attn.k</c> (B,T,Hkv,hd): key projection with bias, before any norm and rotation.</summary>
    AttnK,

    /// <summary><c>attn.v</c> (B,T,Hkv,hd): value projection with bias.</summary>
    AttnV,

    /// <summary><c>attn.q_norm</c> (B,T,H,hd): queries after their norm, only in families that have one.</summary>
    AttnQNorm,

    /// <summary><c>attn.k_norm</c> (B,T,Hkv,hd): keys after their norm, only in families that have one.</summary>
    AttnKNorm,

    /// <summary><c>attn.q_rot</c> (B,T,H,hd): queries as they enter the score, only with rotary positions.</summary>
    AttnQRot,

    /// <summary><c>attn.k_rot</c> (B,T,Hkv,hd): keys as they enter the score, only with rotary positions.</summary>
    AttnKRot,

    /// <summary><c>attn.scores</c> (B,H,Tq,Tk): scaled (and soft-capped) scores before the mask.</summary>
    AttnScores,

    /// <summary><c>attn.pattern</c> (B,H,Tq,Tk): after mask and softmax.</summary>
    AttnPattern,

    /// <summary><c>attn.z</c> (B,T,H,hd): weighted values per head, input of the output projection.</summary>
    AttnZ,

    /// <summary><c>attn.out</c> (B,T,d): after the output projection.</summary>
    AttnOut,

    /// <summary><c>attn.out_post</c> (B,T,d): what is added to the residual, only where a norm, a LayerScale or a gate stands in between.</summary>
    AttnOutPost,

    /// <summary><c>resid_mid</c> (B,T,d): after attention was added (absent in parallel blocks).</summary>
    ResidMid,

    /// <summary><c>mlp.in</c> (B,T,d): normalised input of the feed-forward.</summary>
    MlpIn,

    /// <summary><c>mlp.gate</c> (B,T,F): pre-activation of the gate, gated feed-forwards only.</summary>
    MlpGate,

    /// <summary><c>mlp.up</c> (B,T,F): up projection (gated), or the pre-activation (ungated).</summary>
    MlpUp,

    /// <summary><c>mlp.neurons</c> (B,T,F): input of the down projection, the neuron activations.</summary>
    MlpNeurons,

    /// <summary><c>mlp.out</c> (B,T,d): after the down projection.</summary>
    MlpOut,

    /// <summary><c>mlp.out_post</c> (B,T,d): as <see cref="AttnOutPost"/>.</summary>
    MlpOutPost,

    /// <summary><c>resid_post</c> (B,T,d): output of the block.</summary>
    ResidPost,

    /// <summary><c>pre_norm_in</c> (B,T,d): the embeddings before the norm in front of block 0, only in stacks that have one.</summary>
    PreNormIn,

    /// <summary><c>embed</c> (B,T,d): what enters block 0.</summary>
    Embed,

    /// <summary><c>final_norm</c> (B,T,d): after the last norm.</summary>
    FinalNorm,

    /// <summary><c>logits</c> (B,T,V).</summary>
    Logits,

    /// <summary><c>features</c> (B,T,d): what a tower hands on.</summary>
    Features,

    /// <summary><c>head.attn.scores</c> (B,H,1,T): scores of an attention-pool head.</summary>
    HeadAttnScores,

    /// <summary><c>head.attn.pattern</c> (B,H,1,T): pattern of an attention-pool head.</summary>
    HeadAttnPattern,

    /// <summary><c>head.attn.out</c> (B,1,d): what the attention of an attention-pool head gives.</summary>
    HeadAttnOut,

    /// <summary><c>head.mlp.neurons</c> (B,1,F): neuron activations of an attention-pool head.</summary>
    HeadMlpNeurons,

    /// <summary><c>out</c>: what a model-level part hands on: the projector (B,T,d), a decoder's class head <c>score</c> (B,T,classes), an encoder's <c>pooler</c> (B,d).</summary>
    Out,
}

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

/// <summary>Names and shapes of the vocabulary.</summary>
public static class PointVocabulary
{
    private static readonly string[] Names =
    [
        "resid_pre", "attn.in", "attn.q", "attn.k", "attn.v", "attn.q_norm", "attn.k_norm", "attn.q_rot", "attn.k_rot", "attn.scores", "attn.pattern", "attn.z", "attn.out", "attn.out_post",
        "resid_mid", "mlp.in", "mlp.gate", "mlp.up", "mlp.neurons", "mlp.out", "mlp.out_post", "resid_post",
        "pre_norm_in", "embed", "final_norm", "logits", "features", "head.attn.scores", "head.attn.pattern", "head.attn.out", "head.mlp.neurons", "out",
    ];

    /// <summary>Every point, in the order of the forward pass.</summary>
    public static IReadOnlyList<Point> All { get; } = Enum.GetValues<Point>();

    /// <summary>The name in an address, e.g. <c>mlp.neurons</c>.</summary>
    public static string Name(this Point point) => Names[(int)point];

    /// <summary>Whether the point lies in a block, so that its address has a layer.</summary>
    public static bool IsInBlock(this Point point) => point <= Point.ResidPost;

    /// <summary>How the axes of its tensor are ordered.</summary>
    public static PointAxes Axes(this Point point) => point switch
    {
        Point.AttnQ or Point.AttnK or Point.AttnV or Point.AttnQNorm or Point.AttnKNorm or Point.AttnQRot or Point.AttnKRot or Point.AttnZ => PointAxes.Heads,
        Point.AttnScores or Point.AttnPattern or Point.HeadAttnScores or Point.HeadAttnPattern => PointAxes.Attention,
        _ => PointAxes.Stream,
    };

    /// <summary>The point of that name, in a block or outside of it.</summary>
    /// <returns>False when there is none.</returns>
    public static bool TryParse(string name, bool inBlock, out Point point)
    {
        var index = Array.IndexOf(Names, name);
        point = index < 0 ? default : (Point)index;
        return index >= 0 && point.IsInBlock() == inBlock;
    }
}
