using Vitrine.Checkpoints;
using Vitrine.Transformers;

namespace Vitrine.Mechanisms.Causes;

/// <summary>One act that is asked for, and how far it leads from the baseline once answered.</summary>
/// <param name="step">The states.</param>
/// <param name="plan">Under which; made as its turn comes.</param>
internal sealed class Question(OneStep step, Func<RunPlan?> plan)
{
    private IReadOnlyList<double>? effect;

    /// <summary>One number a state.</summary>
    public IReadOnlyList<double> Effect => effect ?? throw new InvalidOperationException("The question was not answered.");

    /// <summary>Acts.</summary>
    /// <param name="who">Who asks, as errors begin.</param>
    /// <param name="baseline">What the act is compared with.</param>
    /// <param name="metric">What is measured of the decided action.</param>
    /// <param name="cancellation">Stops between passes.</param>
    /// <exception cref="VitrineException">An edit touches nothing.</exception>
    public void Answer(string who, OneStep baseline, ActionMetric metric, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        var (actions, untouched) = step.ActUnder(plan(), cancellation);
        effect = untouched.Count == 0
            ? baseline.Effect("", actions, metric).Hard
            : throw new VitrineException($"{who}: {untouched[0]}. What is asked of an edit that does nothing has no answer.");
    }
}

/// <summary>All questions of a run, answered side by side. Plans are made as their turn comes: they hold values for every state.</summary>
/// <param name="who">Who asks, as errors begin.</param>
/// <param name="baseline">What acts are compared with.</param>
/// <param name="metric">What is measured of the decided action.</param>
internal sealed class Questions(string who, OneStep baseline, ActionMetric metric)
{
    private readonly List<Question> questions = [];

    /// <summary>Asks for an act.</summary>
    public Question Ask(OneStep step, Func<RunPlan?> plan)
    {
        questions.Add(new Question(step, plan));
        return questions[^1];
    }

    /// <summary>Answers all. Every worker computes with one libtorch thread, so that nothing depends on how many there are.</summary>
    public void Answer(int workers, IProgress<double>? progress, CancellationToken cancellation)
    {
        _ = baseline.Baseline;
        var done = 0;
        ComputeThreads.EachAsync(questions.Count, workers, Work, cancellation).GetAwaiter().GetResult();

        void Work(int turn, CancellationToken stop)
        {
            questions[turn].Answer(who, baseline, metric, stop);
            progress?.Report((double)Interlocked.Increment(ref done) / questions.Count);
        }
    }
}
