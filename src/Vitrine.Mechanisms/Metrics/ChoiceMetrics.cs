using Vitrine.Mechanisms.Pictures;
using Vitrine.Transformers.Engine;
using static TorchSharp.torch;

namespace Vitrine.Mechanisms.Metrics;

/// <summary>The logit of a token, or of a class.</summary>
/// <param name="Choices">Ids: one for every row, or one a row.</param>
public sealed record LogitMetric(IReadOnlyList<int> Choices) : Metric
{
    /// <summary>Where: position of a text, token of an action; negative from the end. A classifier has one place.</summary>
    public int Position { get; init; } = -1;

    /// <inheritdoc/>
    public override string Name => "logit";

    /// <inheritdoc/>
    internal override int? Reads => Position;

    /// <inheritdoc/>
    public override Tensor Of(SubjectRun run) => ScoreOf(run, Position, Choices);

    /// <inheritdoc/>
    public bool Equals(LogitMetric? other) => other is not null && Position == other.Position && Choices.SequenceEqual(other.Choices);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Position, Choices.Count, Choices.Count > 0 ? Choices[0] : 0);
}

/// <summary>The logit of one answer minus that of another.</summary>
/// <param name="Choices">Ids: one for every row, or one a row.</param>
/// <param name="Against">Likewise.</param>
public sealed record LogitDifferenceMetric(IReadOnlyList<int> Choices, IReadOnlyList<int> Against) : Metric
{
    /// <summary>Where: position of a text, token of an action; negative from the end. A classifier has one place.</summary>
    public int Position { get; init; } = -1;

    /// <inheritdoc/>
    public override string Name => "logit difference";

    /// <inheritdoc/>
    internal override int? Reads => Position;

    /// <inheritdoc/>
    public override Tensor Of(SubjectRun run)
        => ScoreOf(run, Position, Choices).Minus(ScoreOf(run, Position, Against));

    /// <inheritdoc/>
    public bool Equals(LogitDifferenceMetric? other)
        => other is not null && Position == other.Position && Choices.SequenceEqual(other.Choices) && Against.SequenceEqual(other.Against);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Position, Choices.Count, Against.Count);
}

/// <summary>The probability of a token or a class, or its natural logarithm (nats).</summary>
/// <param name="Choices">Ids: one for every row, or one a row.</param>
/// <param name="Log">Whether the logarithm is asked for.</param>
public sealed record ProbabilityMetric(IReadOnlyList<int> Choices, bool Log = false) : Metric
{
    /// <summary>Where: position of a text, token of an action; negative from the end. A classifier has one place.</summary>
    public int Position { get; init; } = -1;

    /// <inheritdoc/>
    public override string Name => Log ? "log probability (nats)" : "probability";

    /// <inheritdoc/>
    internal override int? Reads => Position;

    /// <inheritdoc/>
    public override Tensor Of(SubjectRun run)
    {
        var logs = Chosen(run, ScoresAt(run, Position).log_softmax(-1), Choices);
        return Log ? logs : logs.exp();
    }

    /// <inheritdoc/>
    public bool Equals(ProbabilityMetric? other)
        => other is not null && (Log, Position) == (other.Log, other.Position) && Choices.SequenceEqual(other.Choices);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Log, Position, Choices.Count);
}

/// <summary>The mean cross-entropy of a text's own next tokens (nats a token).</summary>
public sealed record LossMetric : Metric
{
    /// <inheritdoc/>
    public override string Name => "loss (nats)";

    /// <inheritdoc/>
    public override Tensor Of(SubjectRun run)
    {
        ArgumentNullException.ThrowIfNull(run);
        var scores = run.Scores();
        if (run.Ids.Count == 0 || scores.shape[1] < 2)
        {
            throw new VitrineException("metric 'loss': is of a text's own next tokens; this run has no text of two tokens.");
        }

        return stack([.. run.Ids.Select(Mean)]);

        Tensor Mean(int[] ids, int row)
        {
            int[] own = [.. ids.Index().Where(t => t.Item >= 0 && t.Index >= run.FirstColumn).Select(t => t.Index)];
            if (own.Length < 2)
            {
                throw new VitrineException($"metric 'loss': row {row} has no two tokens that were computed.");
            }

            var places = tensor(own[..^1].Select(t => (long)(t - run.FirstColumn)).ToArray(), device: scores.device);
            var next = tensor(own[1..].Select(t => (long)ids[t]).ToArray(), device: scores.device).unsqueeze(1);
            return scores[row].index_select(0, places).Widened().log_softmax(-1).gather(1, next).mean().neg();
        }
    }
}

/// <summary>KL divergence of what is answered from a reference's answer (nats): KL(reference || run).</summary>
/// <param name="Reference">(B,N): natural logarithms of the reference's probabilities, row by row.</param>
public sealed record DivergenceMetric(Transformers.Edits.EditValue Reference) : Metric
{
    /// <summary>Where: position of a text, token of an action; negative from the end. A classifier has one place.</summary>
    public int Position { get; init; } = -1;

    /// <inheritdoc/>
    public override string Name => "KL (nats)";

    /// <inheritdoc/>
    internal override int? Reads => Position;

    /// <summary>The divergence from what a subject answers, unedited.</summary>
    /// <param name="reference">A run of it.</param>
    /// <param name="position">Where.</param>
    public static DivergenceMetric From(SubjectRun reference, int position = -1)
    {
        using var scope = NewDisposeScope();
        return new DivergenceMetric(Transformers.Edits.EditValue.Of(ScoresAt(reference, position).log_softmax(-1))) { Position = position };
    }

    /// <inheritdoc/>
    public override Tensor Of(SubjectRun run)
    {
        ArgumentNullException.ThrowIfNull(run);
        var logs = ScoresAt(run, Position).log_softmax(-1);
        var given = Reference.ToTensor().to(logs.dtype, logs.device);
        if (given.dim() != 2 || given.shape[1] != logs.shape[1] || run.Subject.Origins.Any(o => o >= given.shape[0]))
        {
            throw new VitrineException(
                $"metric 'KL': its reference is [{string.Join(", ", given.shape)}]; the run answers [{string.Join(", ", logs.shape)}].");
        }

        var own = given.index_select(0, tensor(run.Subject.Origins.Select(o => (long)o).ToArray(), device: given.device));
        return (own.exp() * own.Minus(logs)).sum(-1);
    }
}
