using Vitrine.Transformers.Engine;
using Vitrine.Transformers.Families;
using static TorchSharp.torch;

namespace Vitrine.Policies.OpenVlaOft;

/// <summary>From the hidden states of a chunk's tokens to its actions: an MLP with residual blocks (openvla-oft, action_heads.py).</summary>
internal sealed class L1Head
{
    private static readonly NormSpec NormOf = new(NormKind.LayerNorm, 1e-5);
    private readonly Norm before, after;
    private readonly Linear first, last;
    private readonly (Norm Norm, Linear Linear)[] blocks;

    /// <param name="file">Of the head's weights.</param>
    /// <param name="width">d of the language model.</param>
    public L1Head(WeightReader file, int width)
    {
        var weights = file.Has("module.model.fc1.weight") ? file.Under("module.model.") : file.Under("model.");
        Dimensions = (int)weights.Shape("fc2.weight")[0];
        before = weights.Norm(NormOf, "layer_norm1", Dimensions * width);
        var hidden = (int)weights.Shape("fc1.weight")[0];
        first = weights.Linear("fc1", hidden, Dimensions * width, bias: true);
        blocks =
        [
            .. Enumerable.Range(0, int.MaxValue).Select(i => $"mlp_resnet_blocks.{i}.ffn").TakeWhile(at => weights.Has($"{at}.0.weight"))
                .Select(at => (weights.Norm(NormOf, $"{at}.0", hidden), weights.Linear($"{at}.1", hidden, hidden, bias: true))),
        ];
        after = weights.Norm(NormOf, "layer_norm2", hidden);
        last = weights.Linear("fc2", Dimensions, hidden, bias: true);
        file.RefuseOthers(_ => false);
    }

    /// <summary>Of an action.</summary>
    public int Dimensions { get; }

    /// <param name="hidden">(B,C A,d): the hidden states of a chunk's tokens, the dimensions of a control step one behind the other.</param>
    /// <returns>(B,C,A).</returns>
    public Tensor Apply(Tensor hidden)
    {
        var x = OnAnyDevice.Relu(first.Apply(before.Apply(hidden.reshape(hidden.shape[0], -1, Dimensions * hidden.shape[2]))));
        x = blocks.Aggregate(x, (y, block) => y.Plus(OnAnyDevice.Relu(block.Linear.Apply(block.Norm.Apply(y)))));
        return last.Apply(after.Apply(x));
    }
}
