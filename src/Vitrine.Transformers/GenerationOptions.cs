namespace Vitrine.Transformers;

/// <summary>How a model goes on from a prompt, and when it stops.</summary>
/// <param name="Count">New tokens at most.</param>
public sealed record GenerationOptions(int Count)
{
    /// <summary>How tokens are drawn; null takes the largest logit.</summary>
    public Sampling? Sampling { get; init; }

    /// <summary>
    /// Penalties, forbidden and forced tokens. Null takes those of the model's own files, as transformers does; <see cref="TokenRules.None"/> takes none.
    /// </summary>
    public TokenRules? Rules { get; init; }

    /// <summary>A row stops behind any of these; the token itself is kept.</summary>
    public IReadOnlyList<int> StopIds { get; init; } = [];

    /// <summary>A row stops when its new text holds any of these.</summary>
    public IReadOnlyList<string> StopStrings { get; init; } = [];

    /// <summary>New ids of a row to text; stop strings need it.</summary>
    public Func<IReadOnlyList<int>, string>? Decode { get; init; }

    /// <summary>Stands behind a row's end while other rows go on; the first stop id, or 0, when null.</summary>
    public int? PadId { get; init; }

    /// <summary>
    /// Whether the run keeps the logits of every step (B,count,V), the model's own, as they were before the rules; long texts of large vocabularies do without.
    /// </summary>
    public bool KeepLogits { get; init; } = true;

    /// <exception cref="VitrineException">A setting means nothing.</exception>
    internal void Check()
    {
        if (Count <= 0)
        {
            throw new VitrineException($"generation: {Count} tokens; expected at least 1.");
        }

        if (StopStrings.Count > 0 && Decode is null)
        {
            throw new VitrineException("generation: stop strings need a decoder from ids to text.");
        }

        if (StopStrings.Any(string.IsNullOrEmpty))
        {
            throw new VitrineException("generation: a stop string is empty.");
        }

        Sampling?.Check();
    }
}

/// <summary>The tokens of one step, as they are chosen.</summary>
/// <param name="Step">From 0.</param>
/// <param name="Ids">One for each row; padding in rows that have stopped.</param>
/// <param name="Stopped">Whether each row has stopped, with this token or before.</param>
public sealed record GeneratedStep(int Step, IReadOnlyList<int> Ids, IReadOnlyList<bool> Stopped);
