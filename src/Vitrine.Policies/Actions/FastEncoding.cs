namespace Vitrine.Policies.Actions;

/// <summary>A chunk of actions as tokens, and what of it the tokens cannot say.</summary>
/// <param name="Ids">Of the FAST vocabulary.</param>
/// <param name="Coefficients">[frequency][dimension]: rounded, as they are said.</param>
/// <param name="Lost">
/// Coefficients that were not said as they are: below the smallest that the code has, so that it stands in their place, or outside the alphabet that the byte
/// pairs were trained on, so that they vanish and all behind them move up.
/// </param>
public sealed record FastEncoding(IReadOnlyList<int> Ids, IReadOnlyList<IReadOnlyList<int>> Coefficients, int Lost);
