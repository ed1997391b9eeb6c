using Vitrine.Mechanisms.Pictures;
using Vitrine.Transformers.Engine;
using static TorchSharp.torch;

namespace Vitrine.Mechanisms.InputAttribution;

/// <summary>Attribution by one derivative, or by a mean of some.</summary>
public static class Gradients
{
    /// <summary>The derivative (B,...), or its size: what a small change of each input does (Simonyan et al. 2014).</summary>
    /// <param name="function">What is attributed.</param>
    /// <param name="absolute">Whether its sign is dropped.</param>
    /// <param name="rule">How non-linear steps are differentiated; the derivative itself when null.</param>
    public static Tensor Saliency(Attributed function, bool absolute = true, GradientRule? rule = null)
    {
        ArgumentNullException.ThrowIfNull(function);
        using var scope = NewDisposeScope();
        var gradient = function.Gradient(function.Inputs, function.AllRows, rule);
        return (absolute ? gradient.abs() : gradient).MoveToOuterDisposeScope();
    }

    /// <summary>Input times derivative (B,...): the first-order estimate of what an input of 0 would take away (Shrikumar et al. 2017, section 2).</summary>
    /// <param name="function">What is attributed.</param>
    /// <param name="rule">How steps are differentiated; with <see cref="GradientRule.Relevance"/> the scores are relevances.</param>
    public static Tensor TimesInput(Attributed function, GradientRule? rule = null)
    {
        ArgumentNullException.ThrowIfNull(function);
        using var scope = NewDisposeScope();
        return (function.Inputs * function.Gradient(function.Inputs, function.AllRows, rule)).MoveToOuterDisposeScope();
    }

    /// <summary>Activation of a layer times derivative (B,...).</summary>
    /// <param name="function">What is attributed.</param>
    /// <param name="layer">By name.</param>
    public static Tensor TimesActivation(Attributed function, string layer)
    {
        ArgumentNullException.ThrowIfNull(function);
        using var scope = NewDisposeScope();
        var at = function.Evaluate(function.Inputs, function.AllRows, new EvaluationQuery { Layer = layer, LayerGradient = true });
        return (at.Activation! * at.LayerGradient!).MoveToOuterDisposeScope();
    }

    /// <summary>
    /// DeepLIFT (B,...): the difference from a reference times the product of slopes along the way (Shrikumar et al. 2017, rescale rule). The sum of a row is
    /// f(x) - f(reference) where every non-linear step has its slope.
    /// </summary>
    /// <param name="function">What is attributed.</param>
    /// <param name="reference">Broadcasts to the inputs.</param>
    /// <param name="layer">Whose activations are scored instead of the inputs; null for the inputs.</param>
    public static Tensor DeepLift(Attributed function, Tensor reference, string? layer = null)
    {
        ArgumentNullException.ThrowIfNull(function);
        using var scope = NewDisposeScope();
        return Lifted(function, function.Inputs, function.Spread(reference), function.AllRows, layer).MoveToOuterDisposeScope();
    }

    /// <summary>The mean of <see cref="DeepLift"/> over references (B,...): an estimate of Shapley values (Lundberg and Lee 2017, section 4.2).</summary>
    /// <param name="function">What is attributed.</param>
    /// <param name="references">(R,...).</param>
    /// <param name="deltas">(B R): for each input and reference what is left to explain; null where that is not asked.</param>
    public static Tensor DeepLiftShap(Attributed function, Tensor references, out Tensor deltas)
    {
        ArgumentNullException.ThrowIfNull(function);
        ArgumentNullException.ThrowIfNull(references);
        using var scope = NewDisposeScope();
        var (inputs, each) = (function.Rows, (int)references.shape[0]);
        int[] rows = [.. Enumerable.Range(0, inputs * each).Select(i => i / each)];
        var x = function.Inputs.repeat_interleave(each, 0);
        var against = cat([.. Enumerable.Repeat(references.to(x.dtype, x.device), inputs)], 0);
        var scores = Lifted(function, x, against, rows, layer: null);
        deltas = scores.flatten(1).sum(-1).Minus(function.Values(x, rows).Minus(function.Values(against, rows))).MoveToOuterDisposeScope();
        return scores.reshape([inputs, each, .. x.shape[1..]]).mean([1]).MoveToOuterDisposeScope();
    }

    /// <summary>
    /// Gradient SHAP (B,...): the mean over samples of (x - reference) times the derivative at a random point between the two (Lundberg and Lee's expected
    /// gradients; Erion et al. 2021, eq. 3).
    /// </summary>
    /// <param name="function">What is attributed.</param>
    /// <param name="references">(R,...).</param>
    /// <param name="draws">For each input's samples, one input after the other: how far from the reference to the input, and which reference.</param>
    /// <param name="deltas">(B S): for each sample what is left to explain.</param>
    public static Tensor GradientShap(Attributed function, Tensor references, IReadOnlyList<(double Share, int Reference)> draws, out Tensor deltas)
    {
        ArgumentNullException.ThrowIfNull(function);
        ArgumentNullException.ThrowIfNull(references);
        ArgumentNullException.ThrowIfNull(draws);
        if (draws.Count == 0 || draws.Count % function.Rows != 0 || draws.Any(d => d.Reference < 0 || d.Reference >= references.shape[0]))
        {
            throw new VitrineException(
                $"gradient SHAP: {draws.Count} draws for {function.Rows} inputs and {references.shape[0]} references; expected as many for each input.");
        }

        using var scope = NewDisposeScope();
        var samples = draws.Count / function.Rows;
        int[] rows = [.. Enumerable.Range(0, draws.Count).Select(i => i / samples)];
        var x = function.Inputs.repeat_interleave(samples, 0);
        var from = references.to(x.dtype, x.device).index_select(0, tensor(draws.Select(d => (long)d.Reference).ToArray(), device: x.device));
        var share = tensor(draws.Select(d => d.Share).ToArray(), [draws.Count, .. Enumerable.Repeat(1L, (int)x.dim() - 1)], x.dtype, x.device);
        var scores = function.Gradient(from.Plus(x.Minus(from) * share), rows) * x.Minus(from);
        deltas = scores.flatten(1).sum(-1).Minus(function.Values(x, rows).Minus(function.Values(from, rows))).MoveToOuterDisposeScope();
        return scores.reshape([function.Rows, samples, .. x.shape[1..]]).mean([1]).MoveToOuterDisposeScope();
    }

    /// <summary>Random draws of <see cref="GradientShap"/>.</summary>
    /// <param name="inputs">Rows of the function.</param>
    /// <param name="references">How many there are.</param>
    /// <param name="samples">For each input.</param>
    /// <param name="seed">Of the draws.</param>
    public static IReadOnlyList<(double Share, int Reference)> Draws(int inputs, int references, int samples, int seed)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, inputs * samples).Select(_ => (random.NextDouble(), random.Next(references)))];
    }

    private static Tensor Lifted(Attributed function, Tensor inputs, Tensor references, IReadOnlyList<int> rows, string? layer)
    {
        var at = function.Evaluate(inputs, rows, new EvaluationQuery
        {
            Gradient = layer is null,
            Layer = layer,
            LayerGradient = layer is not null,
            Rule = GradientRule.DeepLift,
            References = references,
        });
        return layer is null ? at.Gradient! * inputs.Minus(references) : at.LayerGradient! * at.Activation!.Minus(at.ReferenceActivation!);
    }
}
