using Vitrine.Transformers.Engine;
using static TorchSharp.torch;

namespace Vitrine.Mechanisms.Pictures;

/// <summary>The tokens of an image tower by name: what stands in front, then the patches row by row.</summary>
/// <param name="Prefix">Names of the tokens in front of the patches.</param>
/// <param name="Rows">Rows of patches.</param>
/// <param name="Columns">Patches in a row.</param>
public sealed record PictureTokens(IReadOnlyList<string> Prefix, int Rows, int Columns)
{
    /// <summary>How many patches there are.</summary>
    public int Patches => Rows * Columns;

    /// <summary>How many tokens there are.</summary>
    public int Count => Prefix.Count + Patches;

    /// <summary>Of prepared pixels.</summary>
    /// <param name="tower">That sees them.</param>
    /// <param name="pixels">(B,3,H,W).</param>
    public static PictureTokens Of(Tower tower, Tensor pixels)
    {
        ArgumentNullException.ThrowIfNull(tower);
        ArgumentNullException.ThrowIfNull(pixels);
        var around = tower.Around;
        return Of(around.ClassToken, around.Registers, (int)pixels.shape[2] / around.PatchSize, (int)pixels.shape[3] / around.PatchSize);
    }

    /// <summary>A class token and registers (Darcet et al. 2024) in front of a grid.</summary>
    /// <param name="classToken">Whether there is a class token; it stands first.</param>
    /// <param name="registers">Register tokens behind it.</param>
    /// <param name="rows">Rows of patches.</param>
    /// <param name="columns">Patches in a row.</param>
    public static PictureTokens Of(bool classToken, int registers, int rows, int columns)
        => new([.. classToken ? ["class"] : Array.Empty<string>(), .. Enumerable.Range(0, registers).Select(i => FormattableString.Invariant($"register {i}"))],
            rows, columns);

    /// <summary>What a token is: <c>class</c>, <c>register 2</c>, or <c>patch 3,5</c> with row and column from 0.</summary>
    public string Name(int token) => token < Prefix.Count ? Prefix[token] : NameOfPatch(token - Prefix.Count);

    /// <summary>What a patch is called.</summary>
    /// <param name="patch">From 0, row by row.</param>
    public string NameOfPatch(int patch) => FormattableString.Invariant($"patch {patch / Columns},{patch % Columns}");

    /// <summary>The patches out of numbers for all tokens.</summary>
    /// <param name="values">One number a token.</param>
    internal PatchMap MapOf(ReadOnlySpan<float> values) => new(Rows, Columns, values.Slice(Prefix.Count, Patches).ToArray());
}
