using Vitrine.Policies;
using static TorchSharp.torch;

namespace Vitrine.Tests.Worlds.Studies;

/// <summary>A small policy that computes with libtorch on what it sees, so that a sum split another way would show in its last bits.</summary>
internal sealed class LinearPolicy : IActor, IDisposable
{
    private readonly Tensor _weights;
    private readonly double _bias;

    /// <param name="bias">Added to dz: what this policy's edits do.</param>
    public LinearPolicy(double bias = 0)
    {
        _bias = bias;
        using var generator = new Generator(3);
        _weights = randn(64 * 64 * 3, 7, generator: generator);
    }

    public IReadOnlyList<double[]> Act(IReadOnlyList<Observation> observations, CancellationToken cancellation = default)
    {
        using var scope = NewDisposeScope();
        var pictures = stack(observations.Select(o => tensor(o.Picture.Rgb, dtype: ScalarType.Float32) / 255f));      // (B, 12288)
        var words = tensor(observations.Select(o => o.Instruction.Length / 100f).ToArray()).unsqueeze(1);            // (B, 1)
        var actions = (matmul(pictures, _weights) / 2000 + words / 10).to(ScalarType.Float64);                       // (B, 7)
        return [.. Enumerable.Range(0, observations.Count).Select(i => Biased([.. actions[i].data<double>()]))];
    }

    public void Dispose() => _weights.Dispose();

    private double[] Biased(double[] action)
    {
        action[2] += _bias;
        return action;
    }
}
