using Vitrine.Mechanisms.Statistics;

namespace Vitrine.Mechanisms.Explaining;

/// <summary>What a claim says of a part.</summary>
public enum ClaimKind
{
    /// <summary>The contrast moves the metric, further than what means nothing does.</summary>
    Moves,

    /// <summary>What is asked about is read here: an expert's layer reads it in rows of the prompt, exchanged alone.</summary>
    ReadSufficient,

    /// <summary>The same rows held at the other run: the effect is lost.</summary>
    ReadNecessary,

    /// <summary>What is asked about comes in here: attention brings it, put in alone.</summary>
    EntersSufficient,

    /// <summary>The same part held at the other run: the effect is lost.</summary>
    EntersNecessary,

    /// <summary>What is asked about is carried here: the MLP's output alone gives the effect.</summary>
    CarriesSufficient,

    /// <summary>Held at the other run, the effect is lost.</summary>
    CarriesNecessary,

    /// <summary>The way leads from one to the other: with the carrier held, what comes in moves nothing.</summary>
    Path,

    /// <summary>One head of the attention alone gives the effect.</summary>
    HeadSufficient,

    /// <summary>Ten neurons of the carrier alone give the effect.</summary>
    NeuronsSufficient,
}

/// <summary>One claim, judged in states that served for no choice.</summary>
/// <param name="Kind">What is claimed.</param>
/// <param name="Place">The part, in short; empty where the claim is of the whole model.</param>
/// <param name="Effect">
/// Of the metric, in its unit: what the part gives, or what is lost without it; of the claim that the contrast moves, the whole effect.
/// </param>
/// <param name="Share">Of the contrast's whole effect.</param>
/// <param name="Control">The same with a random step as far, or with what means nothing: draw by draw; null where there is no control.</param>
/// <param name="P">Two-sided sign-flip p of the effect minus its control's mean.</param>
/// <param name="Adjusted">The same adjusted for all claims of parts (Holm); of the first claim, the p itself, which the others stand behind.</param>
/// <param name="IsShown">Whether it counts: adjusted p at most the level, in the effect's direction, and at least the least share.</param>
/// <param name="Text">In a sentence.</param>
public sealed record Claim(
    ClaimKind Kind, string Place, Estimate Effect, Estimate? Share, Spread? Control, double P, double Adjusted, bool IsShown, string Text)
{
    /// <summary>What is claimed, in the field's words.</summary>
    public string Name => Kind switch
    {
        ClaimKind.Moves => "moves the metric",
        ClaimKind.ReadSufficient => "read (denoising)",
        ClaimKind.ReadNecessary => "read (noising)",
        ClaimKind.EntersSufficient => "comes in (denoising)",
        ClaimKind.EntersNecessary => "comes in (noising)",
        ClaimKind.CarriesSufficient => "carried (denoising)",
        ClaimKind.CarriesNecessary => "carried (noising)",
        ClaimKind.Path => "path",
        ClaimKind.HeadSufficient => "one head",
        _ => "neurons",
    };
}

/// <summary>How much a part gives and takes away, in the states in which parts were chosen: no evidence, but the reason for the choice.</summary>
/// <param name="Place">In short.</param>
/// <param name="Kind">Attention, MLP, or rows of the prompt.</param>
/// <param name="Layer">From 0.</param>
/// <param name="Sufficient">Share of the effect that it gives, put in alone.</param>
/// <param name="Necessary">Share that is lost when it is held at the other run.</param>
public sealed record SiteShare(string Place, string Kind, int Layer, double Sufficient, double Necessary);

/// <summary>An answer to "what carries this difference, and where".</summary>
public sealed record Explanation
{
    /// <summary>The model.</summary>
    public required string Model { get; init; }

    /// <summary>Identifies its weights.</summary>
    public required string Fingerprint { get; init; }

    /// <summary>What is asked about.</summary>
    public required string With { get; init; }

    /// <summary>What it is held against.</summary>
    public required string Without { get; init; }

    /// <summary>What was measured.</summary>
    public required string Metric { get; init; }

    /// <summary>States in which parts were chosen.</summary>
    public required int Choosing { get; init; }

    /// <summary>States in which claims were judged.</summary>
    public required int Testing { get; init; }

    /// <summary>Level of all claims together.</summary>
    public required double Level { get; init; }

    /// <summary>Mean of the metric without what is asked about.</summary>
    public required double Baseline { get; init; }

    /// <summary>Every claim that was judged, in the order of the questions.</summary>
    public required IReadOnlyList<Claim> Claims { get; init; }

    /// <summary>Every part that was looked at, where parts were chosen.</summary>
    public required IReadOnlyList<SiteShare> Sites { get; init; }

    /// <summary>The answer in plain sentences: what was found, and what was not.</summary>
    public required IReadOnlyList<string> Sentences { get; init; }

    /// <summary>Whether there are too few states for any claim: what parts do is then described, and nothing is claimed.</summary>
    public required bool IsDescribed { get; init; }

    /// <summary>Whether anything was found.</summary>
    public bool IsFound => Claims.Any(c => c.IsShown);
}
