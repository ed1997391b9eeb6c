using Vitrine.Transformers.Engine;
using Vitrine.Transformers.Families;
using Vitrine.Transformers.Points;
using static TorchSharp.torch;

namespace Vitrine.Policies.OpenVla;

/// <summary>
/// From the towers' features to image tokens: linear layers with exact GELU between them, three behind two towers and two behind one (openvla,
/// modeling_prismatic.py).
/// </summary>
internal sealed class Projector
{
    private readonly Linear[] layers;

    public Projector(WeightReader weights, int visionWidth, int width, bool isFused)
    {
        int[] widths = isFused ? [visionWidth, 4 * visionWidth, width, width] : [visionWidth, width, width];
        layers = [.. Enumerable.Range(1, widths.Length - 1).Select(i => weights.Linear($"projector.fc{i}", widths[i], widths[i - 1], bias: true))];
        Shape = StackShape.Part("projector", width, Point.Out);
    }

    public StackShape Shape { get; }

    /// <param name="run">Of the policy.</param>
    /// <param name="features">(B,P,visionWidth), DINO's channels first.</param>
    /// <param name="owners">Whose pictures they are; null where each row of the batch has one.</param>
    /// <returns>(B,P,d).</returns>
    public Tensor Forward(RunScope run, Tensor features, FrameOwners? owners = null)
    {
        var x = layers.Skip(1).Aggregate(layers[0].Apply(features), (y, layer) => layer.Apply(nn.functional.gelu(y)));
        using var pass = run.PassOver((int)x.shape[1], owners: owners);
        return pass.At(Shape.Name, Point.Out, x);
    }
}
