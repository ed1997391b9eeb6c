using Vitrine.Transformers;
using Vitrine.Transformers.Engine;
using static TorchSharp.torch;

namespace Vitrine.Mechanisms.Heads;

/// <summary>
/// What a head reads and writes, as the circuits of Elhage et al. 2021: OV = W_V W_O moves, QK = W_Q W_K^T looks; rows and columns are the residual's.
/// </summary>
/// <remarks>
/// The weights as they run, without norms in front: of a raw model the norm's gain is not in them (fold it with <see cref="TextModel.Processed"/>), rotations
/// are left out of QK, as are biases. Grouped keys and values serve each of their query heads.
/// </remarks>
public static class HeadCircuits
{
    /// <summary>W_V W_O of a head (d,d), owned by the caller.</summary>
    /// <exception cref="VitrineException">There is no such head, or a gate of the pass leaves what it writes no fixed direction.</exception>
    public static FactoredMatrix Ov(Stack stack, int layer, int head)
    {
        var weights = Weights(stack, layer, head);
        using var scope = NewDisposeScope();
        using var mode = no_grad();
        var written = weights.AttentionWriting.Direction(weights.Output.Weight.t()).Widened()
            .narrow(0, (long)head * stack.Shape.HeadWidth, stack.Shape.HeadWidth);
        var read = OfHead(weights.Value, stack, head / Shared(stack)).t();
        return new FactoredMatrix(read.contiguous().MoveToOuterDisposeScope(), written.contiguous().clone().MoveToOuterDisposeScope());
    }

    /// <summary>W_Q W_K^T of a head (d,d), owned by the caller: row what asks, column what is looked at.</summary>
    /// <exception cref="VitrineException">There is no such head.</exception>
    public static FactoredMatrix Qk(Stack stack, int layer, int head)
    {
        var weights = Weights(stack, layer, head);
        using var scope = NewDisposeScope();
        using var mode = no_grad();
        return new FactoredMatrix(
            OfHead(weights.Query, stack, head).t().contiguous().MoveToOuterDisposeScope(),
            OfHead(weights.Key, stack, head / Shared(stack)).contiguous().clone().MoveToOuterDisposeScope());
    }

    /// <summary>W_E W_V W_O W_U (V,V): what a head that looks at a token says, token by token; owned by the caller, never formed.</summary>
    /// <exception cref="VitrineException">The model does not speak, or there is no such head.</exception>
    public static FactoredMatrix FullOv(Decoder decoder, int layer, int head)
    {
        ArgumentNullException.ThrowIfNull(decoder);
        using var scope = NewDisposeScope();
        using var own = Ov(decoder, layer, head);
        var made = own.Between(Words(decoder), decoder.Unembedding().Widened().t());
        made.Left.MoveToOuterDisposeScope();
        made.Right.MoveToOuterDisposeScope();
        return made;
    }

    /// <summary>W_E W_Q W_K^T W_E^T (V,V): which token a head looks for from which; owned by the caller, never formed.</summary>
    /// <exception cref="VitrineException">The model reads no words, or there is no such head.</exception>
    public static FactoredMatrix FullQk(Decoder decoder, int layer, int head)
    {
        ArgumentNullException.ThrowIfNull(decoder);
        using var scope = NewDisposeScope();
        using var own = Qk(decoder, layer, head);
        var words = Words(decoder);
        var made = own.Between(words, words.t());
        made.Left.MoveToOuterDisposeScope();
        made.Right.MoveToOuterDisposeScope();
        return made;
    }

    private static Tensor Words(Decoder decoder) => decoder.Embedding.Table(decoder.Embedding.WordRows()).Widened();

    /// <summary>Query heads that one key serves.</summary>
    private static int Shared(Stack stack) => stack.Shape.Heads / stack.Shape.KeyValueHeads;

    /// <summary>(hd,d).</summary>
    private static Tensor OfHead(Linear linear, Stack stack, int head)
        => linear.Weight.Widened().narrow(0, (long)head * stack.Shape.HeadWidth, stack.Shape.HeadWidth);

    private static BlockWeights Weights(Stack stack, int layer, int head)
    {
        ArgumentNullException.ThrowIfNull(stack);
        var shape = stack.Shape;
        return layer >= 0 && layer < shape.Layers && head >= 0 && head < shape.Heads
            ? stack.At(layer).Weights
            : throw new VitrineException($"head {layer}.{head}: stack '{shape.Name}' has {shape.Layers} layers of {shape.Heads} heads, both counted from 0.");
    }
}
