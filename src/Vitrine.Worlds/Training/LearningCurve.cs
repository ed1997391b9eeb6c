namespace Vitrine.Worlds.Training;

/// <summary>One optimiser step.</summary>
/// <param name="Step">From 0.</param>
/// <param name="Loss">All that was minimised.</param>
/// <param name="Rate">Learning rate.</param>
/// <param name="Gradient">Length of the gradient before it was clipped.</param>
/// <param name="Measures">
/// Parts by name, e.g. <c>action</c> (nats a token), <c>flow</c> (mean squared error), <c>xyz</c> (mean absolute error in box lengths), <c>gripper</c>
/// (share that is right).
/// </param>
public sealed record LearningPoint(int Step, double Loss, double Rate, double Gradient, IReadOnlyDictionary<string, double> Measures);

/// <summary>A training as it went.</summary>
public sealed record LearningCurve
{
    /// <summary>How it was done.</summary>
    public required TrainingRecipe Recipe { get; init; }

    /// <summary>Where it started: the name and the fingerprint of a policy; the fingerprint alone gives sizes and words where it began from scratch.</summary>
    public required string From { get; init; }

    /// <summary>Fingerprint of that policy.</summary>
    public required string FromFingerprint { get; init; }

    /// <summary>Whether the weights of that policy were replaced by initial random numbers.</summary>
    public required bool FromScratch { get; init; }

    /// <summary>Every step, in order.</summary>
    public required IReadOnlyList<LearningPoint> Points { get; init; }

    /// <summary>Seconds of processor time, all threads together, over all runs that led here.</summary>
    public required double ProcessorSeconds { get; init; }

    /// <summary>Means over blocks of steps, for a table or a picture.</summary>
    /// <param name="count">Blocks at most.</param>
    public IReadOnlyList<LearningPoint> Blocks(int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(count);
        var size = Math.Max(1, (int)Math.Ceiling(Points.Count / (double)count));
        return [.. Points.Chunk(size).Select(Mean)];

        static LearningPoint Mean(LearningPoint[] block) => new(
            block[^1].Step, block.Average(p => p.Loss), block[^1].Rate, block.Average(p => p.Gradient),
            block.SelectMany(p => p.Measures).GroupBy(m => m.Key).ToDictionary(g => g.Key, g => g.Average(m => m.Value)));
    }
}

/// <summary>How far a training has come.</summary>
/// <param name="Step">Steps done.</param>
/// <param name="Steps">Steps in all.</param>
/// <param name="Resumed">Steps of them that were found done.</param>
/// <param name="Latest">The last one.</param>
public sealed record TrainingProgress(int Step, int Steps, int Resumed, LearningPoint Latest);
