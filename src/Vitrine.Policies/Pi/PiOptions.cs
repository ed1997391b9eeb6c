using Vitrine.Transformers;

namespace Vitrine.Policies.Pi;

/// <summary>How a pi0, pi0.5 or pi0-FAST checkpoint is opened, where its files do not say it.</summary>
public sealed record PiOptions : ModelOptions
{
    /// <summary>Heads of the image tower, which no file and no shape says; 16 where it is So400m's width of 1152.</summary>
    public int? VisionHeads { get; init; }

    /// <summary>
    /// Whether a checkpoint that was converted from openpi reads the state in its prompt; all pi0.5 do but those trained with <c>discrete_state_input=False</c>
    /// (LIBERO's), whose files do not tell.
    /// </summary>
    public bool StateInPrompt { get; init; } = true;
}
