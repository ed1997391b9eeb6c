using Vitrine.Transformers.Points;
using static TorchSharp.torch;

namespace Vitrine.Transformers.Engine;

/// <summary>Linear layers with a non-linearity between them: one layer (PaliGemma), two (LLaVA), three (OpenVLA).</summary>
/// <param name="layers">In order.</param>
/// <param name="activation">Between them.</param>
internal class LinearConnector(IReadOnlyList<Linear> layers, Activation activation) : Connector(layers[^1].Outputs)
{
    public override int TokensOf(int features) => features;

    public override Tensor Forward(RunScope run, Tensor features, FrameOwners? owners = null)
    {
        var x = layers.Skip(1).Aggregate(layers[0].Apply(features), (y, layer) => layer.Apply(activation.Apply(y)));
        using var pass = run.PassOver(x.shape[0], x.shape[1], owners);
        return pass.At(Shape.Name, Point.Out, x);
    }
}
