using Vitrine.Transformers.Engine;
using Vitrine.Transformers.Families;
using static TorchSharp.torch;

namespace Vitrine.Policies.OpenVlaOft;

/// <summary>From a state to one token: two linear layers with exact GELU between them (openvla-oft, projectors.py).</summary>
internal sealed class ProprioProjector
{
    private readonly Linear first, second;

    /// <param name="file">Of its weights.</param>
    /// <param name="width">d of the language model.</param>
    public ProprioProjector(WeightReader file, int width)
    {
        var weights = file.Has("module.fc1.weight") ? file.Under("module.") : file;
        Width = (int)weights.Shape("fc1.weight")[1];
        (first, second) = (weights.Linear("fc1", width, Width, bias: true), weights.Linear("fc2", width, width, bias: true));
        file.RefuseOthers(_ => false);
    }

    /// <summary>Of a state.</summary>
    public int Width { get; }

    /// <param name="state">(B,P).</param>
    /// <returns>(B,d).</returns>
    public Tensor Apply(Tensor state) => second.Apply(nn.functional.gelu(first.Apply(state)));
}
