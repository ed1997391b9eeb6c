using Vitrine.Transformers.Engine;
using Vitrine.Transformers.Families;
using Vitrine.Transformers.Points;
using static TorchSharp.torch;

namespace Vitrine.Policies.OpenVla;

/// <summary>From the towers' features to image tokens: linear layers with exact GELU between them, three behind two towers and two behind one (openvla, modeling_prismatic.py).</summary>
internal sealed class Projector
{
    private readonly Linear[] layers;

    public Projector(WeightReader weights, int visionWidth, int width, bool isFused)
    {
        int[] widths = isFused ? [visionWidth, 4 * visionWidth, width, width] : [visionWidth, width, width];
        layers = [.. Enumerable.Range(1, widths.Length - 1).Select(i => weights.Linear($"projector.fc{i}", widths[i], widths[i - 1], bias: true))];
        Shape = new StackShape("projector", 0, width, 0, 0, 0, 0, 0, new HashSet<Point> { Point.Out });
    }

    public StackShape Shape { get; }

    /// <param name="features">(B,P,visionWidth), DINO's channels first.</param>
    /// <returns>(B,P,d).</returns>
    public Tensor Forward(Tensor features, BoundPlan plan, Dictionary<Address, Tensor> kept)
    {
        var x = layers.Skip(1).Aggregate(layers[0].Apply(features), (y, layer) => layer.Apply(nn.functional.gelu(y)));
        var own = plan.Of(Shape.Name);
        if (!own.Wants(Point.Out))
        {
            return x;
        }

        var positions = Enumerable.Range(0, (int)x.shape[1]).Select(i => (long)i).ToArray();
        var rows = (int)x.shape[0];
        using var pass = new Pass(0, [.. Enumerable.Repeat(positions, rows)], [], [.. Enumerable.Repeat(x.shape[1], rows)], causal: false, plan, kept);
        return own.At(Point.Out, x, pass);
    }
}
