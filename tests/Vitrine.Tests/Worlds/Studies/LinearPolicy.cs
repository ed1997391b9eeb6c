using Vitrine.Mechanisms.Statistics;
using Vitrine.Policies;
using static TorchSharp.torch;

namespace Vitrine.Tests.Worlds.Studies;

/// <summary>A small policy that computes with libtorch on what it sees and is told, so that a sum split another way would show in its last bits.</summary>
/// <remarks>One product and no scalars: TorchSharp may free a scalar while the native call still reads it.</remarks>
internal sealed class LinearPolicy : IActor, IDisposable
{
    private const int Pixels = 64 * 64 * 3, Inputs = Pixels + 1, Outputs = 7;
    private readonly Tensor _weights;
    private readonly double _bias;

    /// <param name="bias">Added to dz: what this policy's edits do.</param>
    public LinearPolicy(double bias = 0)
    {
        _bias = bias;
        var random = new RandomStream("weights");
        _weights = tensor([.. Enumerable.Range(0, Inputs * Outputs).Select(_ => (float)(random.Gaussian() / 500_000))], [Inputs, Outputs]);
    }

    public IReadOnlyList<double[]> Act(IReadOnlyList<Turn> turns, CancellationToken cancellation = default)
    {
        using var scope = NewDisposeScope();
        var inputs = turns.Select(t => t.Seen).SelectMany(o => o.Picture.Rgb.Select(v => (float)v).Append(1000 * o.Instruction.Length));
        var actions = matmul(tensor([.. inputs], [turns.Count, Inputs]), _weights);                           // (B, 7)
        return [.. actions.data<float>().ToArray().Chunk(Outputs).Select(Biased)];
    }

    public void Dispose() => _weights.Dispose();

    private double[] Biased(float[] action)
    {
        double[] biased = [.. action.Select(v => (double)v)];
        biased[2] += _bias;
        return biased;
    }
}
