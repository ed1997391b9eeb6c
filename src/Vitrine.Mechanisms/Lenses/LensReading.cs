using Vitrine.Transformers;

namespace Vitrine.Mechanisms.Lenses;

/// <summary>What a residual, or a part of it, says at one place.</summary>
/// <param name="State">
/// Where in the stack: <c>0.resid_pre</c>, <c>0.resid_mid</c>, <c>3.resid_post</c>; of parts <c>3_attn_out</c>, <c>L3H1</c>, <c>embed</c>.
/// </param>
/// <param name="Depth">Blocks behind it; of parts the block that wrote it, plus one.</param>
public sealed record LensCell(string State, int Depth)
{
    /// <summary>Entropy of what it says (nats); null where numbers are read.</summary>
    public double? Entropy { get; init; }

    /// <summary>KL(what the model answers || what it says), nats; null where numbers or parts are read.</summary>
    public double? Divergence { get; init; }

    /// <summary>How many answers score above the target, 0 where it is first; null where there is no target.</summary>
    public int? Rank { get; init; }

    /// <summary>The target's logit.</summary>
    public double? TargetLogit { get; init; }

    /// <summary>The answers that score highest; equal ones by id.</summary>
    public IReadOnlyList<TokenLogit> Top { get; init; } = [];

    /// <summary>
    /// Numbers of the action, as the network has them: velocities, rows of a chunk, or the mean under action tokens; empty where there are none.
    /// </summary>
    public IReadOnlyList<double> Numbers { get; init; } = [];
}

/// <summary>A place that is read, and what is said there as the residual grows.</summary>
/// <param name="Row">Of the batch.</param>
/// <param name="Step">Pass: token of an action, step of a flow; 0 where one pass gives all.</param>
/// <param name="Position">In the row's own sequence; -1 where several are read at once.</param>
/// <param name="Token">What stands there.</param>
/// <param name="Cells">State by state.</param>
public sealed record LensPlace(int Row, int Step, int Position, string Token, IReadOnlyList<LensCell> Cells)
{
    /// <summary>The answer that is followed; null where numbers are read.</summary>
    public int? Target { get; init; }

    /// <summary>The same as people read it.</summary>
    public string? TargetText { get; init; }
}

/// <summary>What a model would answer if it stopped at each of its states, place by place: the prediction's trajectory.</summary>
/// <param name="Model">Who was asked.</param>
/// <param name="Stack">In which stack.</param>
/// <param name="Lens">Through what.</param>
/// <param name="Norm">What stood between residual and head.</param>
/// <param name="NumberNames">What the numbers are; empty where answers are chosen.</param>
/// <param name="Places">One after the other.</param>
public sealed record LensReading(
    string Model, string Stack, string Lens, LensNorm Norm, IReadOnlyList<string> NumberNames, IReadOnlyList<LensPlace> Places);
