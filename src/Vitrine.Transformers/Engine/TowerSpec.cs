namespace Vitrine.Transformers.Engine;

/// <summary>What a tower hands on.</summary>
public enum TowerFeatures
{
    /// <summary>The output of a block of its own choice, prefix tokens cut off (OpenVLA).</summary>
    BlockOutput,

    /// <summary>The last residual, all tokens (CLIP).</summary>
    Residual,

    /// <summary>The last residual behind the final norm, all tokens.</summary>
    Normed,
}

/// <summary>How learned positions follow a picture of another size.</summary>
public enum PositionResampling
{
    /// <summary>They do not: the picture must have the size of the training.</summary>
    None,

    /// <summary>Bicubic over four neighbours, a = -0.75.</summary>
    Bicubic,

    /// <summary>Bicubic, a = -0.5, over more neighbours where the grid shrinks.</summary>
    BicubicAntialiased,

    /// <summary>Bilinear over the corners of the grid, which stay where they are (Qwen3-VL).</summary>
    BilinearCorners,

    /// <summary>None are learned: queries and keys turn by row and column, so that a picture may have any size (Qwen2.5-VL).</summary>
    Turned,

    /// <summary>Each patch takes the position of the place in the training's grid where it begins (Idefics3 and SmolVLM, after NaViT).</summary>
    Bucketed,
}

/// <summary>What differs between the image towers of two families outside their blocks.</summary>
/// <param name="ImageSize">Pixels on a side of the pictures of the training; 0 where they have any size.</param>
/// <param name="PatchSize">Pixels on a side of a patch.</param>
/// <param name="ClassToken">Whether a class token stands in front.</param>
/// <param name="Registers">Register tokens behind it (Darcet et al. 2024).</param>
/// <param name="PositionOnClassToken">Whether the class token has a position of its own.</param>
/// <param name="Resampling">Of the positions.</param>
/// <param name="Features">What is handed on.</param>
public sealed record TowerSpec(
    int ImageSize, int PatchSize, bool ClassToken, int Registers, bool PositionOnClassToken, PositionResampling Resampling, TowerFeatures Features)
{
    /// <summary>Tokens in front of the patches.</summary>
    public int PrefixTokens => (ClassToken ? 1 : 0) + Registers;

    /// <summary>Patches on a side of a picture of the training.</summary>
    public int Grid => ImageSize / PatchSize;

    /// <summary>Rows of the table of positions.</summary>
    public int Positions => (Grid * Grid) + (PositionOnClassToken ? 1 : 0);

    /// <summary>Checks the sizes.</summary>
    /// <param name="source">What to call the configuration in errors.</param>
    /// <exception cref="VitrineException">The patches do not divide the picture.</exception>
    public TowerSpec Checked(string source) => ImageSize % PatchSize == 0
        ? this
        : throw new VitrineException($"{source}: patches of {PatchSize} pixels do not divide {ImageSize}.");
}
