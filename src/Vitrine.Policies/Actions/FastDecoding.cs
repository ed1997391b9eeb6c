namespace Vitrine.Policies.Actions;

/// <summary>A chunk of actions out of tokens.</summary>
/// <param name="Actions">[control step][dimension], in the units of the network.</param>
/// <param name="Found">Coefficients that the tokens stand for.</param>
/// <param name="Expected">Coefficients of a chunk.</param>
public sealed record FastDecoding(IReadOnlyList<IReadOnlyList<double>> Actions, int Found, int Expected)
{
    /// <summary>What is wrong with it, in words; null where the tokens stand for exactly one chunk.</summary>
    public string? Problem => Found == Expected ? null
        : Found < Expected ? $"the tokens stand for {Found} coefficients; a chunk has {Expected}: the missing ones are taken for 0"
        : $"the tokens stand for {Found} coefficients; a chunk has {Expected}: those behind are left out";
}
