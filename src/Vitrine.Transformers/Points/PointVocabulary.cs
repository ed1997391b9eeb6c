namespace Vitrine.Transformers.Points;

/// <summary>The points that blocks and stacks compute, as <c>tests/fixtures/README.md</c> defines them.</summary>
public static class PointVocabulary
{
    private static readonly Dictionary<(bool, string), Point> ByName;

    static PointVocabulary() => ByName = All.Concat(Further).ToDictionary(p => (p.IsInBlock, p.Name));

    /// <summary>Every point, in the order of the forward pass.</summary>
    public static IReadOnlyList<Point> All { get; } =
    [
        Point.ResidPre, Point.AttnIn, Point.AttnQ, Point.AttnK, Point.AttnV, Point.AttnQNorm, Point.AttnKNorm, Point.AttnQRot, Point.AttnKRot,
        Point.AttnScores, Point.AttnPattern, Point.AttnZ, Point.AttnOut, Point.AttnOutPost, Point.ResidMid, Point.MlpIn, Point.MlpGate, Point.MlpUp,
        Point.MlpNeurons, Point.MlpOut, Point.MlpOutPost, Point.ResidPost, Point.EntryNormIn, Point.Embed, Point.FinalNorm, Point.Logits, Point.Features,
        Point.HeadAttnScores, Point.HeadAttnPattern, Point.HeadAttnOut, Point.HeadMlpNeurons, Point.Out,
    ];

    /// <summary>
    /// Points of blocks that read more than their own stream: positions that are added to queries and keys, another stack's keys and values, cross-attention.
    /// </summary>
    public static IReadOnlyList<Point> Further { get; } =
    [
        Point.AttnInQ, Point.AttnInK, Point.AttnPrefixK, Point.AttnPrefixV, Point.CrossIn, Point.CrossInQ, Point.CrossInK, Point.CrossQ, Point.CrossK,
        Point.CrossV, Point.CrossScores, Point.CrossPattern, Point.CrossZ, Point.CrossOut, Point.ResidCross, Point.ResidMlp,
    ];

    /// <summary>The point of that name, in a block or outside of it.</summary>
    /// <returns>False when the vocabulary has none; a model may have one of its own.</returns>
    public static bool TryParse(string name, bool isInBlock, [System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out Point? point)
        => ByName.TryGetValue((isInBlock, name), out point);

    /// <summary>Whether a text can be a point's name: small letters, digits and underscores, in parts that dots separate.</summary>
    internal static bool IsName(string? name)
        => !string.IsNullOrEmpty(name) && name.Split('.').All(part => part.Length > 0 && part.All(c => c is (>= 'a' and <= 'z') or (>= '0' and <= '9') or '_'))
            && !char.IsAsciiDigit(name[0]);
}
