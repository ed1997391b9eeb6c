using System.Diagnostics;
using static TorchSharp.torch;

namespace Vitrine.Mechanisms.ValueVectors;

/// <summary>Measures whether this machine multiplies bfloat16 so much faster than float32 that screening pays.</summary>
internal static class ScreenTrial
{
    private const int Vectors = 64, Tokens = 4096, Rounds = 3;
    private const double Worth = 3;

    /// <summary>Whether screening pays, and whether the products keep the bound that it rests on.</summary>
    /// <param name="tokens">(V,d) float32.</param>
    /// <remarks>Both products are timed in turns on the first tokens, the quickest of three rounds each: some milliseconds.</remarks>
    public static bool IsWorthIt(Tensor tokens)
    {
        using var scope = NewDisposeScope();
        var some = tokens.narrow(0, 0, Math.Min(Tokens, tokens.shape[0]));
        var vectors = some.narrow(0, 0, Math.Min(Vectors, some.shape[0]));
        var (coarseVectors, coarseTokens) = (vectors.to(bfloat16), some.to(bfloat16));
        var (plain, coarse) = (double.MaxValue, double.MaxValue);
        for (var round = 0; round < Rounds; round++)
        {
            plain = Math.Min(plain, Seconds(() => vectors.mm(some.t())));
            coarse = Math.Min(coarse, Seconds(() => coarseVectors.mm(coarseTokens.t())));
        }

        return plain >= Worth * coarse && KeepsTheBound(vectors, some);
    }

    /// <summary>Whether every product of some vectors and tokens is within the margin of the exact one.</summary>
    internal static bool KeepsTheBound(Tensor vectors, Tensor tokens)
    {
        using var scope = NewDisposeScope();
        var margin = ScreenMargin.Of(tokens, 1, coarse: true);
        var (coarse, lost) = (vectors.to(bfloat16), vectors - vectors.to(bfloat16).to(float32));
        var found = coarse.mm(tokens.to(bfloat16).t()).to(float32);
        var exact = vectors.to(float64).mm(tokens.to(float64).t()).to(float32);
        var (norms, lostNorms) = (ScreenMargin.Norms(vectors), ScreenMargin.Norms(lost));
        var margins = new float[tokens.shape[0]];
        for (var row = 0; row < vectors.shape[0]; row++)
        {
            margin.Write(norms[row], lostNorms[row], margins);
            var (a, c) = (found[row].contiguous().data<float>().ToArray(), exact[row].contiguous().data<float>().ToArray());
            for (var j = 0; j < margins.Length; j++)
            {
                if (!(Math.Abs(a[j] - c[j]) <= margins[j] + (margin.Relative * Math.Abs(a[j]))))
                {
                    return false;
                }
            }
        }

        return true;
    }

    private static double Seconds(Func<Tensor> product)
    {
        var clock = Stopwatch.StartNew();
        product().Dispose();
        return clock.Elapsed.TotalSeconds;
    }
}
