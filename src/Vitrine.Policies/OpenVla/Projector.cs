using Vitrine.Transformers.Engine;
using Vitrine.Transformers.Families;

namespace Vitrine.Policies.OpenVla;

/// <summary>
/// From the towers' features (B,P,visionWidth), DINO's channels first, to image tokens: linear layers with exact GELU between them, three behind two towers
/// and two behind one (openvla, modeling_prismatic.py).
/// </summary>
internal sealed class Projector(WeightReader weights, int visionWidth, int width, bool isFused)
    : LinearConnector(Layers(weights, isFused ? [visionWidth, 4 * visionWidth, width, width] : [visionWidth, width, width]), Activation.Gelu)
{
    private static Linear[] Layers(WeightReader weights, int[] widths)
        => [.. Enumerable.Range(1, widths.Length - 1).Select(i => weights.Linear($"projector.fc{i}", widths[i], widths[i - 1], bias: true))];
}
