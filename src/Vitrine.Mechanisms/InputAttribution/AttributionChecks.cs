using Vitrine.Mechanisms.Pictures;
using Vitrine.Transformers.Engine;
using static TorchSharp.torch;

namespace Vitrine.Mechanisms.InputAttribution;

/// <summary>How far scores say what the function does.</summary>
public static class AttributionChecks
{
    /// <summary>
    /// Infidelity (B): the mean of (scores . n - (f(x) - f(x - n)))^2 over perturbations n (Yeh et al. 2019, definition 2.1). 0 where the scores foretell every
    /// change.
    /// </summary>
    /// <param name="function">What was attributed.</param>
    /// <param name="scores">(B,...).</param>
    /// <param name="perturbations">(S,B,...).</param>
    /// <param name="normalised">Whether the scores may be scaled by the factor that fits best, row by row.</param>
    public static Tensor Infidelity(Attributed function, Tensor scores, Tensor perturbations, bool normalised = false)
    {
        ArgumentNullException.ThrowIfNull(function);
        ArgumentNullException.ThrowIfNull(scores);
        ArgumentNullException.ThrowIfNull(perturbations);
        using var scope = NewDisposeScope();
        var (samples, n) = (perturbations.shape[0], perturbations.to(function.Inputs.dtype, function.Inputs.device));
        var foretold = (n * scores.unsqueeze(0)).flatten(2).sum(-1).to(float64);                            // (S, B)
        int[] rows = [.. Enumerable.Range(0, (int)samples).SelectMany(_ => function.AllRows)];
        var changed = function.Values(function.Inputs.unsqueeze(0).Minus(n).flatten(0, 1), rows).reshape([samples, function.Rows]);
        var happened = function.Values().unsqueeze(0).Minus(changed).to(float64);
        if (normalised)
        {
            foretold = foretold * (foretold * happened).sum([0]).Over((foretold * foretold).sum([0]), ones(function.Rows, dtype: float64, device: n.device));
        }

        var apart = foretold.Minus(happened);
        return (apart * apart).mean([0]).to(function.Inputs.dtype).MoveToOuterDisposeScope();
    }

    /// <summary>
    /// Maximal sensitivity (B): the largest change of the scores over perturbations n, |scores(x) - scores(x + n)| / |scores(x)| (Yeh et al. 2019, definition
    /// 3.1, relative).
    /// </summary>
    /// <param name="function">What was attributed.</param>
    /// <param name="method">The scores of a function's inputs.</param>
    /// <param name="perturbations">(S,B,...).</param>
    public static Tensor MaxSensitivity(Attributed function, Func<Attributed, Tensor> method, Tensor perturbations)
    {
        ArgumentNullException.ThrowIfNull(function);
        ArgumentNullException.ThrowIfNull(method);
        ArgumentNullException.ThrowIfNull(perturbations);
        using var scope = NewDisposeScope();
        var n = perturbations.to(function.Inputs.dtype, function.Inputs.device);
        int[] rows = [.. Enumerable.Range(0, (int)n.shape[0]).SelectMany(_ => function.AllRows)];
        var own = method(function).flatten(1);                                                              // (B, E)
        var moved = method(function.With(function.Inputs.unsqueeze(0).Plus(n).flatten(0, 1), rows)).reshape([n.shape[0], function.Rows, -1]);
        var apart = own.unsqueeze(0).Minus(moved).norm(-1).amax([0]);
        return (apart / own.norm(-1)).MoveToOuterDisposeScope();
    }
}
