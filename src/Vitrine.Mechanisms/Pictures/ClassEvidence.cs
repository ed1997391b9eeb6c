namespace Vitrine.Mechanisms.Pictures;

/// <summary>One class of an answer.</summary>
/// <param name="Class">From 0.</param>
/// <param name="Name">As config.json names it.</param>
/// <param name="Logit">Output of the head.</param>
/// <param name="Probability">Of the class; null for a head that measures a quantity, which is the logit itself.</param>
public sealed record ClassScore(int Class, string Name, double Logit, double? Probability);

/// <summary>How much each patch speaks for the class, by one method.</summary>
/// <param name="Method">Which one, in words.</param>
/// <param name="Map">In logits; positive speaks for the class.</param>
/// <param name="Deletion">Its first patches taken away, beside random ones.</param>
public sealed record PatchEvidence(string Method, PatchMap Map, Deletion Deletion);

/// <summary>The patches that a method puts first are taken away together, beside as many random ones.</summary>
/// <param name="Patches">From 0, row by row, the first one first.</param>
/// <param name="Effect">Change of the class measure.</param>
/// <param name="Random">Change for each random set of equal size.</param>
public sealed record Deletion(IReadOnlyList<int> Patches, double Effect, IReadOnlyList<double> Random)
{
    /// <summary>How many random sets changed the measure at least as far downwards.</summary>
    public int AsLow => Random.Count(r => r <= Effect);
}

/// <summary>A head or neuron that speaks for the class.</summary>
/// <param name="Layer">From 0.</param>
/// <param name="Index">Head or neuron of the layer, from 0.</param>
/// <param name="Direct">What it says to the class directly, in logits; null where the class head is not linear on normed tokens.</param>
/// <param name="Gradient">First-order estimate of what it does on all paths: gradient x (activation - what stands there when it is ablated).</param>
/// <param name="Ablated">Change of the class measure when it is ablated at every token.</param>
/// <param name="Random">The same for a random other one, of the same layer where one is left: the control.</param>
/// <param name="Map">Of a head, what it brings from each patch; of a neuron, its activation there.</param>
public sealed record UnitEvidence(int Layer, int Index, double? Direct, double Gradient, double Ablated, UnitControl? Random, PatchMap Map);

/// <summary>A random unit beside a chosen one.</summary>
/// <param name="Layer">From 0.</param>
/// <param name="Index">From 0.</param>
/// <param name="Ablated">Change of the class measure when it is ablated at every token.</param>
public sealed record UnitControl(int Layer, int Index, double Ablated);

/// <summary>A classifier's answer to one picture, and what speaks for it.</summary>
/// <param name="Model">Its name.</param>
/// <param name="Tokens">Names of the tokens.</param>
/// <param name="Classes">The largest first.</param>
/// <param name="Measure">What is measured, in words.</param>
/// <param name="Direct">The measure as a sum of parts; null where <paramref name="NotDirect"/> says why not.</param>
/// <param name="NotDirect">Why the class head allows no direct attribution; null where it does.</param>
/// <param name="Fill">What stands where a part was taken away.</param>
/// <param name="Patches">Method by method.</param>
/// <param name="Heads">Those that speak most for or against it, the strongest first.</param>
/// <param name="Neurons">Those that speak most for or against it, the strongest first.</param>
public sealed record ClassEvidence(
    string Model, PictureTokens Tokens, IReadOnlyList<ClassScore> Classes, string Measure, DirectEvidence? Direct, string? NotDirect, AblationFill Fill,
    IReadOnlyList<PatchEvidence> Patches, IReadOnlyList<UnitEvidence> Heads, IReadOnlyList<UnitEvidence> Neurons);

/// <summary>What to ask of a classifier.</summary>
public sealed record EvidenceOptions
{
    /// <summary>The class that is asked about; the largest when null.</summary>
    public int? Class { get; init; }

    /// <summary>The class that it is held against; the mean of all when null.</summary>
    public int? Against { get; init; }

    /// <summary>What stands where a patch, a head or a neuron was taken away.</summary>
    public AblationFill Fill { get; init; } = AblationFill.Mean;

    /// <summary>Neighbours that are taken away with each patch: 0 none, 1 a square of 3 x 3.</summary>
    public int Reach { get; init; }

    /// <summary>Share of the patches that the deletion test takes away.</summary>
    public double DeletedShare { get; init; } = .1;

    /// <summary>Random sets beside each method's.</summary>
    public int RandomSets { get; init; } = 20;

    /// <summary>Heads and neurons that are ablated, of each.</summary>
    public int Units { get; init; } = 10;

    /// <summary>Of the random sets and units.</summary>
    public int Seed { get; init; }

    /// <summary>Rows that run together.</summary>
    public int RowsPerPass { get; init; } = 17;
}
