using System.Security.Cryptography;
using System.Text;

namespace Vitrine.Mechanisms.ValueVectors;

/// <summary>What stands between a value vector and the unembedding. Published works differ, so results record it.</summary>
/// <remarks>The scale of an RMS norm is left out in all three: it multiplies all logits of a vector alike and cannot change their order.</remarks>
public enum ReadingNorm
{
    /// <summary>Nothing: E v (Geva et al. 2022; Haon et al. 2025).</summary>
    None,

    /// <summary>The final norm's gain g: E (g * v).</summary>
    Gain,

    /// <summary>Centred as a LayerNorm centres, then the gain: E (g * (v - mean v)).</summary>
    CentredGain,
}

/// <summary>Whether products in bfloat16 go ahead of the exact ones. Nothing here can change what comes out.</summary>
public enum Screening
{
    /// <summary>Where this machine multiplies bfloat16 at least three times as fast as float32, measured when it matters.</summary>
    Measured,

    /// <summary>Always.</summary>
    Always,

    /// <summary>Never.</summary>
    Never,
}

/// <summary>How value vectors are read in a vocabulary.</summary>
public sealed record ProjectionSettings
{
    /// <summary>Tokens to keep at each end.</summary>
    public int Count { get; init; } = 30;

    /// <summary>What stands between vector and unembedding.</summary>
    public ReadingNorm Norm { get; init; }

    /// <summary>Ids to read in; every row of the unembedding when null, padding rows included, as the published code does.</summary>
    public IReadOnlyList<int>? Tokens { get; init; }

    /// <summary>Whether products in bfloat16 go ahead.</summary>
    public Screening Screening { get; init; }

    /// <summary>Tiles that are read side by side, each with one libtorch thread; as many as libtorch has threads when null.</summary>
    public int? Workers { get; init; }

    /// <summary>Value vectors of a tile. Products of fewer rows are slower.</summary>
    public int TileRows { get; init; } = 256;

    /// <summary>Tells readings apart that may differ: count, norm and vocabulary, not how the work is done.</summary>
    public string Fingerprint()
    {
        var tokens = Tokens is null ? "all" : Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(string.Join(',', Tokens))))[..16];
        return $"top {Count}, norm {Norm}, tokens {tokens}";
    }
}
