using Vitrine.Policies;
using Vitrine.Policies.OpenVla;
using static TorchSharp.torch;

namespace Vitrine.Mechanisms;

/// <summary>Picks the token where an action dimension is decided out of a captured activation.</summary>
internal static class Newest
{
    /// <summary>The newest token's values of a pass.</summary>
    /// <param name="run">Of an act on <paramref name="observations"/>.</param>
    /// <param name="policy">Whose run.</param>
    /// <param name="observations">One a row.</param>
    /// <param name="place">Address without step.</param>
    /// <param name="step">0 the prefill, where it is the last prompt token; in a decode step the only token.</param>
    /// <returns>(B,...) without the position axis; owned by the caller's dispose scope.</returns>
    public static Tensor Of(PolicyRun run, OpenVlaPolicy policy, IReadOnlyList<Observation> observations, string place, int step)
    {
        var all = run.Run[step == 0 ? place : $"{place}@{step}"];
        var last = observations.Select(o => step == 0 ? policy.PromptIds(o.Instruction).LongLength + policy.ImageTokens - 1 : 0).ToArray();
        var rows = Enumerable.Range(0, last.Length).Select(r => (long)r).ToArray();
        return all.index(TensorIndex.Tensor(tensor(rows)), TensorIndex.Tensor(tensor(last)));
    }
}
