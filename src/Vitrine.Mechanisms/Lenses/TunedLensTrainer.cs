using Vitrine.Mechanisms.Metrics;
using Vitrine.Mechanisms.Pictures;
using Vitrine.Transformers;
using Vitrine.Transformers.Engine;
using Vitrine.Transformers.Points;
using static TorchSharp.torch;

namespace Vitrine.Mechanisms.Lenses;

/// <summary>What a tuned lens is trained towards.</summary>
public enum LensLoss
{
    /// <summary>KL(what the model answers || what the lens reads), nats, mean over tokens.</summary>
    Divergence,

    /// <summary>Cross-entropy of the text's next token, nats, mean over tokens.</summary>
    NextToken,
}

/// <summary>The optimisers of the tuned-lens library.</summary>
public enum LensOptimiser
{
    /// <summary>Nesterov momentum.</summary>
    Sgd,

    /// <summary>AMSGrad.</summary>
    Adam,
}

/// <summary>How a tuned lens is trained; defaults are those of the library.</summary>
public sealed record TunedLensTraining
{
    /// <summary>What is minimised.</summary>
    public LensLoss Loss { get; init; }

    /// <summary>By what.</summary>
    public LensOptimiser Optimiser { get; init; }

    /// <summary>Null for the usual: 0.1 of <see cref="LensOptimiser.Sgd"/>, 0.001 of <see cref="LensOptimiser.Adam"/>.</summary>
    public double? LearningRate { get; init; }

    /// <summary>Of <see cref="LensOptimiser.Sgd"/>.</summary>
    public double Momentum { get; init; } = .9;

    /// <summary>Added to the gradient, times the parameter.</summary>
    public double WeightDecay { get; init; } = 1e-3;

    /// <summary>The gradient of all translators together is shortened to this length.</summary>
    public double ClipNorm { get; init; } = 1;

    internal double Rate => LearningRate ?? (Optimiser == LensOptimiser.Sgd ? .1 : 1e-3);
}

/// <summary>Trains a tuned lens step by step.</summary>
/// <remarks>
/// Each step runs the model once and differentiates each depth's loss through its translator, the last norm and the head; the model's weights stay as they are.
/// The library casts to bfloat16 meanwhile and lets the learning rate fall linearly; this computes in float32, and the rate is <see cref="Rate"/>.
/// </remarks>
public sealed class TunedLensTrainer : IDisposable
{
    private readonly Model model;
    private readonly Stack stack;
    private readonly TunedLensTraining training;
    private readonly Tensor[] parameters;
    private readonly Tensor[]?[] moments;
    private int steps;

    /// <param name="subject">Whose model and stack.</param>
    /// <param name="training">How.</param>
    /// <param name="start">Where it starts, and what it changes in place; an identity when null. Owned by the trainer from here on.</param>
    /// <exception cref="VitrineException">The model does not speak, or the lens is another's.</exception>
    public TunedLensTrainer(Subject subject, TunedLensTraining training, TunedLens? start = null)
    {
        ArgumentNullException.ThrowIfNull(subject);
        ArgumentNullException.ThrowIfNull(training);
        (model, stack, this.training) = (subject.Model, subject.Stack, training);
        if (stack.Head is null || (subject.Model is TextModel { Labels: not null }))
        {
            throw new VitrineException($"{model.Name}: stack '{stack.Shape.Name}' has no vocabulary; a tuned lens is trained for a model that speaks.");
        }

        Lens = start ?? TunedLens.Identity(stack, model.Name);
        Lens.RequireOf(stack);
        parameters = [.. Enumerable.Range(0, Lens.Layers).SelectMany(i => new[] { Lens[i].Weight, Lens[i].Bias }).OfType<Tensor>()];
        moments = new Tensor[]?[parameters.Length];
        Rate = training.Rate;
    }

    /// <summary>What is trained; owned by the trainer until <see cref="Release"/>.</summary>
    public TunedLens Lens { get; private set; }

    /// <summary>Of the next step; a schedule may change it between steps.</summary>
    public double Rate { get; set; }

    /// <summary>Length of the last gradient of all translators together, before it was shortened.</summary>
    public double GradientNorm { get; private set; }

    /// <summary>One step over a batch.</summary>
    /// <param name="batch">Of the same model.</param>
    /// <param name="cancellation">Stops between depths; the lens is then as it was.</param>
    /// <returns>[depth]: the loss before the step.</returns>
    /// <exception cref="VitrineException">The batch is another model's, or a text of it has no next token where that is asked for.</exception>
    public IReadOnlyList<double> Step(Subject batch, CancellationToken cancellation = default)
    {
        using var scope = NewDisposeScope();
        var (losses, gradients) = Gradients(batch, cancellation);
        using var mode = no_grad();
        GradientNorm = Math.Sqrt(gradients.Sum(g => (g.to(float64) * g.to(float64)).sum().item<double>()));
        var factor = Math.Min(1, training.ClipNorm / (GradientNorm + 1e-6));
        steps++;
        foreach (var (i, parameter) in parameters.Index())
        {
            using var inner = NewDisposeScope();
            var wanted = gradients[i].Times(factor).Plus(parameter.Times(training.WeightDecay));
            parameter.copy_(parameter.Minus((training.Optimiser == LensOptimiser.Sgd ? Nesterov(i, wanted) : AmsGrad(i, wanted)).Times(Rate)));
        }

        return losses;
    }

    /// <summary>Losses and the gradients of every weight and bias, depth by depth, before anything is done to them.</summary>
    /// <returns>Gradients owned by the caller's dispose scope.</returns>
    public (IReadOnlyList<double> Losses, IReadOnlyList<Tensor> Gradients) Gradients(Subject batch, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(batch);
        if (batch.Model != model)
        {
            throw new VitrineException($"tuned lens: is trained for {model.Name}; this batch is of {batch.Model.Name}.");
        }

        using var run = batch.Run(RunPlan.Capturing($"{stack.Shape.Name}.*.{Point.ResidPre}"), cancellation: cancellation);
        var (answer, columns, next) = Targets(run);
        var (losses, gradients) = (new List<double>(), new List<Tensor>());
        for (var depth = 0; depth < Lens.Layers; depth++)
        {
            cancellation.ThrowIfCancellationRequested();
            using var inner = NewDisposeScope();
            var (weight, bias) = Lens[depth];
            Tensor[] own = [.. new[] { weight, bias }.OfType<Tensor>().Select(p => p.detach().requires_grad_())];
            var hidden = Flat(run.Run[new Address(stack.Shape.Name, depth, Point.ResidPre).ToString()].detach(), columns).to(float32);
            var translated = hidden.Plus(nn.functional.linear(hidden, own[0], own.Length > 1 ? own[1] : null));
            var logits = stack.Spoken(translated.to(stack.Dtype)).to(float32);
            var loss = next is null ? Trajectory.Divergence(answer, logits).mean() : nn.functional.cross_entropy(logits, next);
            losses.Add(loss.item<float>());
            gradients.AddRange(autograd.grad([loss], own).Select(g => g.MoveToOuterDisposeScope()));
        }

        return (losses, gradients);
    }

    /// <summary>Hands the lens to the caller.</summary>
    public TunedLens Release()
    {
        var lens = Lens;
        Lens = null!;
        return lens;
    }

    /// <summary>Trains over batches, again and again.</summary>
    /// <param name="model">It speaks.</param>
    /// <param name="batches">At least one.</param>
    /// <param name="steps">How many; the learning rate falls linearly to 0.</param>
    /// <param name="training">How.</param>
    /// <param name="progress">Step by step: its number and the losses before it.</param>
    /// <param name="cancellation">Stops between depths.</param>
    /// <returns>Owned by the caller.</returns>
    public static TunedLens Train(
        TextModel model, IReadOnlyList<TokenBatch> batches, int steps, TunedLensTraining training,
        IProgress<(int Step, IReadOnlyList<double> Losses)>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(batches);
        ArgumentOutOfRangeException.ThrowIfZero(batches.Count);
        using var trainer = new TunedLensTrainer(Subject.Of(model, batches[0]), training);
        var full = trainer.Rate;
        for (var step = 0; step < steps; step++)
        {
            cancellation.ThrowIfCancellationRequested();
            trainer.Rate = full * (1 - ((double)step / steps));
            progress?.Report((step, trainer.Step(Subject.Of(model, batches[step % batches.Count]), cancellation)));
        }

        return trainer.Release();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Lens?.Dispose();
        foreach (var moment in moments.SelectMany(m => m ?? []))
        {
            moment.Dispose();
        }
    }

    /// <summary>The model's answers (n,V), whose places they are, and the next tokens (n) where those are asked for.</summary>
    private (Tensor Answer, long[] Columns, Tensor? Next) Targets(SubjectRun run)
    {
        var scores = run.Scores();
        var width = scores.shape[1];
        var isNext = training.Loss == LensLoss.NextToken;
        var (columns, next) = (new List<long>(), new List<long>());
        for (var row = 0; row < scores.shape[0]; row++)
        {
            int[] own = run.Ids.Count > 0 ? [.. run.Ids[row].Index().Where(t => t.Item >= 0).Select(t => t.Index)] : [(int)width - 1];
            columns.AddRange((isNext ? own.SkipLast(1) : own).Select(c => (row * width) + c));
            next.AddRange(isNext && run.Ids.Count > 0 ? own.Skip(1).Select(c => (long)run.Ids[row][c]) : []);
        }

        if (isNext && (columns.Count == 0 || next.Count != columns.Count))
        {
            throw new VitrineException("tuned lens: the loss is of a text's own next tokens; this batch has none.");
        }

        return (Flat(scores.detach(), [.. columns]).to(float32), [.. columns], isNext ? tensor(next.ToArray(), device: scores.device) : null);
    }

    private static Tensor Flat(Tensor x, long[] columns) => x.flatten(0, 1).index_select(0, tensor(columns, device: x.device));

    /// <remarks>torch.optim.SGD, nesterov: v = momentum v + g, v = g at first; the step is g + momentum v.</remarks>
    private Tensor Nesterov(int parameter, Tensor gradient)
    {
        if (moments[parameter] is not { } kept)
        {
            moments[parameter] = [gradient.clone().DetachFromDisposeScope()];
            return gradient.Times(1 + training.Momentum);
        }

        kept[0].copy_(kept[0].Times(training.Momentum).Plus(gradient));
        return gradient.Plus(kept[0].Times(training.Momentum));
    }

    /// <remarks>torch.optim.Adam, amsgrad: m, v and the largest v so far; m / (1 - .9^t) over sqrt(max v / (1 - .999^t)) + 1e-8.</remarks>
    private Tensor AmsGrad(int parameter, Tensor gradient)
    {
        const double First = .9, Second = .999, Least = 1e-8;
        var kept = moments[parameter] ??= [.. Enumerable.Range(0, 3).Select(_ => zeros_like(gradient).DetachFromDisposeScope())];
        kept[0].copy_(kept[0].Times(First).Plus(gradient.Times(1 - First)));
        kept[1].copy_(kept[1].Times(Second).Plus((gradient * gradient).Times(1 - Second)));
        kept[2].copy_(maximum(kept[2], kept[1]));
        var scale = kept[2].Over(1 - Math.Pow(Second, steps)).sqrt().Plus(tensor(Least, gradient.dtype, gradient.device));
        return kept[0].Over(1 - Math.Pow(First, steps)) / scale;
    }
}
