using TorchSharp;
using static TorchSharp.torch;

namespace Vitrine.Mechanisms.Pictures;

/// <summary>Where every token of a picture looks, head by head, in 8 bits a weight: small enough that a page can carry it and answer by itself.</summary>
/// <remarks>weight = (level / 255)^2 x the largest weight of its row, so that what rounds away is below 1/250 of that largest weight.</remarks>
/// <param name="Layers">The layers that are kept, in order.</param>
/// <param name="Heads">The heads of each that are kept.</param>
/// <param name="Tokens">How many tokens look, and are looked at.</param>
/// <param name="Levels">[layer], each Heads x Tokens x Tokens: head, who looks, at whom.</param>
/// <param name="Largest">[layer], each Heads x Tokens: the largest weight of each row.</param>
public sealed record AttentionTable(
    IReadOnlyList<int> Layers, IReadOnlyList<int> Heads, int Tokens, IReadOnlyList<byte[]> Levels, IReadOnlyList<float[]> Largest)
{
    private const double Top = 255;

    /// <summary>A weight.</summary>
    /// <param name="layer">Place in <see cref="Layers"/>.</param>
    /// <param name="head">Place in <see cref="Heads"/>.</param>
    /// <param name="query">The token that looks.</param>
    /// <param name="key">The token that is looked at.</param>
    public double Weight(int layer, int head, int query, int key)
    {
        var row = (head * Tokens) + query;
        return Math.Pow(Levels[layer][(row * Tokens) + key] / Top, 2) * Largest[layer][row];
    }

    /// <summary>The layers whose weights fit: as many as do, spread from the first to the last; the last where only one fits.</summary>
    /// <param name="layers">How many there are.</param>
    /// <param name="weightsOfLayer">Of one layer.</param>
    /// <param name="most">Weights that may be kept.</param>
    internal static IReadOnlyList<int> Fitting(int layers, long weightsOfLayer, long most)
    {
        var fit = (int)Math.Min(layers, most / weightsOfLayer);
        return fit switch
        {
            0 => [],
            1 => [layers - 1],
            _ => [.. Enumerable.Range(0, fit).Select(i => (int)Math.Round(i * (layers - 1.0) / (fit - 1)))],
        };
    }

    /// <summary>Heads of a pattern in 8 bits.</summary>
    /// <param name="pattern">(H, T, T).</param>
    /// <param name="heads">Which of them.</param>
    internal static (byte[] Levels, float[] Largest) Pack(Tensor pattern, IReadOnlyList<int> heads)
    {
        using var scope = NewDisposeScope();
        var rows = pattern.index_select(0, tensor([.. heads.Select(h => (long)h)], device: pattern.device)).to(float32).cpu();   // (H, T, T)
        var largest = rows.amax([-1], keepdim: true);                                                                          // (H, T, 1)
        Scalar top = Top;
        var levels = (rows / largest.clamp_min(float.Epsilon)).sqrt().mul(top).round().to(uint8).contiguous();
        GC.KeepAlive(top);
        return (levels.data<byte>().ToArray(), largest.contiguous().data<float>().ToArray());
    }
}
