using Vitrine.Transformers.Engine;
using Vitrine.Transformers.Families;
using Vitrine.Transformers.Points;
using static TorchSharp.torch;

namespace Vitrine.Policies.OpenVla;

/// <summary>From the towers' features to image tokens: three linear layers with exact GELU between them (openvla, modeling_prismatic.py).</summary>
internal sealed class Projector
{
    private readonly Linear first;
    private readonly Linear second;
    private readonly Linear third;

    public Projector(WeightReader weights, int visionWidth, int width)
    {
        first = weights.Linear("projector.fc1", 4 * visionWidth, visionWidth, bias: true);
        second = weights.Linear("projector.fc2", width, 4 * visionWidth, bias: true);
        third = weights.Linear("projector.fc3", width, width, bias: true);
        Shape = new StackShape("projector", 0, width, 0, 0, 0, 0, 0, new HashSet<Point> { Point.Out });
    }

    public StackShape Shape { get; }

    /// <param name="features">(B,P,visionWidth), DINO's channels first.</param>
    /// <returns>(B,P,d).</returns>
    public Tensor Forward(Tensor features, BoundPlan plan, Dictionary<Address, Tensor> kept)
    {
        var x = nn.functional.gelu(first.Apply(features));
        x = third.Apply(nn.functional.gelu(second.Apply(x)));
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
