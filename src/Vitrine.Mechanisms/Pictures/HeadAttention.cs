using static TorchSharp.torch;

namespace Vitrine.Mechanisms.Pictures;

/// <summary>Where one head looks.</summary>
/// <param name="Layer">From 0.</param>
/// <param name="Head">From 0.</param>
/// <param name="Map">Attention of each patch; not renormalised.</param>
/// <param name="OnPrefix">Attention of each token in front of the patches.</param>
public sealed record HeadAttention(int Layer, int Head, PatchMap Map, IReadOnlyList<float> OnPrefix)
{
    /// <summary>The part of the attention that falls on patches.</summary>
    public double MassOnPatches => Map.Values.Sum(v => (double)v);

    /// <summary>Heads of one layer.</summary>
    /// <param name="layer">From 0.</param>
    /// <param name="pattern">(H, queries, T); the mean over the queries is read.</param>
    /// <param name="tokens">Of the picture.</param>
    public static IReadOnlyList<HeadAttention> Of(int layer, Tensor pattern, PictureTokens tokens)
    {
        ArgumentNullException.ThrowIfNull(pattern);
        ArgumentNullException.ThrowIfNull(tokens);
        using var scope = NewDisposeScope();
        var rows = pattern.to(float32).mean([1]).Rows();                                                   // (H, T)
        return [.. rows.Select((row, head) => new HeadAttention(layer, head, tokens.MapOf(row), row[..tokens.Prefix.Count]))];
    }
}
