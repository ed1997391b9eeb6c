namespace Vitrine.Mechanisms.Lenses;

/// <summary>What stands between a residual, or a part of it, and the head.</summary>
public enum LensNorm
{
    /// <summary>The last norm, computed anew for each residual as if it were the last (the logit lens as usually meant).</summary>
    Own,

    /// <summary>The last norm held at the scale that it had for the last residual: linear, so that parts add up to the answer.</summary>
    Frozen,

    /// <summary>Nothing.</summary>
    None,
}

/// <summary>What is read through a lens.</summary>
public enum LensParts
{
    /// <summary>The residual as it grows.</summary>
    Residual,

    /// <summary>What each attention and each feed-forward adds to it.</summary>
    Components,

    /// <summary>What each head adds to it.</summary>
    Heads,
}

/// <summary>How a lens is used.</summary>
public sealed record LensOptions
{
    /// <summary>The residual as it grows, through the norm computed anew.</summary>
    public static LensOptions Default { get; } = new();

    /// <summary>What is read.</summary>
    public LensParts Parts { get; init; }

    /// <summary>
    /// What stands in between; null for the usual: <see cref="LensNorm.Own"/> for the residual, <see cref="LensNorm.Frozen"/> for parts of it.
    /// </summary>
    public LensNorm? Norm { get; init; }

    /// <summary>Whether the residual between attention and feed-forward is read too.</summary>
    public bool Mid { get; init; }

    /// <summary>Answers to keep at each place.</summary>
    public int Count { get; init; } = 5;

    /// <summary>The one position of each text that is read; null for all, or for the last one where parts are read.</summary>
    public int? Position { get; init; }

    /// <summary>The row of a chunk whose numbers are read; null for the mean over those that are carried out.</summary>
    public int? ChunkRow { get; init; }

    /// <summary>The answer that is followed everywhere; null for the next token of the text, and where there is none for what the model answers.</summary>
    public int? Target { get; init; }

    internal LensNorm UsedNorm => Norm ?? (Parts == LensParts.Residual ? LensNorm.Own : LensNorm.Frozen);
}
