using Vitrine.Mechanisms.Pictures;
using Vitrine.Transformers.Engine;
using static TorchSharp.torch;

namespace Vitrine.Mechanisms.InputAttribution;

/// <summary>What becomes of the scores of noisy inputs.</summary>
public enum NoiseMean
{
    /// <summary>Their mean (SmoothGrad; Smilkov et al. 2017).</summary>
    SmoothGrad,

    /// <summary>The mean of their squares (Hooker et al. 2019).</summary>
    SmoothGradSquared,

    /// <summary>Their variance (Adebayo et al. 2018).</summary>
    VarGrad,
}

/// <summary>A method on noisy copies of the inputs, taken together.</summary>
public static class NoiseTunnel
{
    /// <summary>Scores (B,...).</summary>
    /// <param name="function">What is attributed.</param>
    /// <param name="method">Scores of a function's inputs.</param>
    /// <param name="noise">(B S,...): added to the inputs, each repeated S times, one after the other.</param>
    /// <param name="mean">What becomes of them.</param>
    public static Tensor Of(Attributed function, Func<Attributed, Tensor> method, Tensor noise, NoiseMean mean = NoiseMean.SmoothGrad)
    {
        ArgumentNullException.ThrowIfNull(function);
        ArgumentNullException.ThrowIfNull(method);
        ArgumentNullException.ThrowIfNull(noise);
        if (noise.shape[0] == 0 || noise.shape[0] % function.Rows != 0)
        {
            throw new VitrineException($"noise: {noise.shape[0]} copies of {function.Rows} inputs; expected as many for each.");
        }

        using var scope = NewDisposeScope();
        var samples = (int)noise.shape[0] / function.Rows;
        int[] rows = [.. Enumerable.Range(0, (int)noise.shape[0]).Select(i => i / samples)];
        var noisy = function.Inputs.repeat_interleave(samples, 0).Plus(noise.to(function.Inputs.dtype, function.Inputs.device));
        var scores = method(function.With(noisy, rows)).reshape([function.Rows, samples, .. function.Inputs.shape[1..]]);
        var (first, second) = (scores.mean([1]), (scores * scores).mean([1]));
        return (mean switch
        {
            NoiseMean.SmoothGrad => first,
            NoiseMean.SmoothGradSquared => second,
            NoiseMean.VarGrad => second.Minus(first * first),
            _ => throw new ArgumentOutOfRangeException(nameof(mean)),
        }).MoveToOuterDisposeScope();
    }

    /// <summary>Gaussian noise for <see cref="Of"/>.</summary>
    /// <param name="function">What is attributed.</param>
    /// <param name="samples">Copies of each input.</param>
    /// <param name="share">Standard deviation, as a share of the range of each input's numbers.</param>
    /// <param name="seed">Of the draws.</param>
    public static Tensor Noise(Attributed function, int samples, double share, int seed)
    {
        ArgumentNullException.ThrowIfNull(function);
        using var scope = NewDisposeScope();
        using var generator = new Generator((ulong)seed);
        var flat = function.Inputs.flatten(1).to(float32);
        var range = flat.amax([1]).Minus(flat.amin([1])).repeat_interleave(samples, 0);
        TorchSharp.Scalar part = share;
        var drawn = randn([function.Rows * samples, .. function.Inputs.shape[1..]], generator: generator).to(flat.device);
        var noise = drawn * (range * part).reshape([function.Rows * samples, .. Enumerable.Repeat(1L, (int)function.Inputs.dim() - 1)]);
        GC.KeepAlive(part);
        return noise.MoveToOuterDisposeScope();
    }
}
