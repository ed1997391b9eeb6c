using Vitrine.Policies;
using Vitrine.Transformers;
using static TorchSharp.torch;

namespace Vitrine.Mechanisms.Metrics;

/// <summary>A run of a <see cref="Subject"/>, with what metrics read of it.</summary>
public sealed class SubjectRun : IDisposable
{
    internal SubjectRun(Subject subject, Run run) => (Subject, Run) = (subject, run);

    /// <summary>Whose run it is.</summary>
    public Subject Subject { get; }

    /// <summary>What was captured; owned by this.</summary>
    public Run Run { get; }

    /// <summary>The act; null where the subject is no policy.</summary>
    public PolicyRun? Acted { get; internal init; }

    /// <summary>What the numbers of an action are; empty where the subject is no policy.</summary>
    public IReadOnlyList<string> ActionNames { get; internal init; } = [];

    /// <summary>Control steps of a chunk that are carried out.</summary>
    public int ActionSteps { get; internal init; } = 1;

    /// <summary>[row][column]: ids of a text, -1 for padding; empty for others.</summary>
    internal IReadOnlyList<int[]> Ids { get; init; } = [];

    /// <summary>Whether the two texts that are compared differ in length, so that only their last tokens answer to each other.</summary>
    internal bool OnlyLast { get; set; }

    /// <summary>The column of the batch that the logits begin with.</summary>
    internal int FirstColumn { get; init; }

    /// <summary>Null where the subject answers in numbers.</summary>
    internal Func<Tensor>? ScoresOf { get; init; }

    /// <summary>
    /// The residual behind the last block at the one place that the metric reads (B,d), of a run in which only what is asked for is unembedded; else null.
    /// </summary>
    internal Func<Tensor>? ReadOf { get; init; }

    /// <summary>Scores of what can be answered (B,P,N): at every position of a text, at the one place of a classifier, at every token of an action.</summary>
    /// <exception cref="VitrineException">The model answers in numbers, not by choice.</exception>
    internal Tensor Scores()
        => ScoresOf?.Invoke() ?? throw new VitrineException(
            $"metric: {Subject.Model.Name} answers in numbers, not by choice; ask for a number of its action ({string.Join(", ", ActionNames)}) or for speed.");

    /// <inheritdoc/>
    public void Dispose()
    {
        Acted?.Dispose();
        Run.Dispose();
    }
}
