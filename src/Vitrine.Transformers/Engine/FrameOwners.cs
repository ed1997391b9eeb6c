namespace Vitrine.Transformers.Engine;

/// <summary>Whose frames a tower reads: a row of the batch may have several pictures, and a picture several frames (its tiles).</summary>
/// <remarks>Edits name rows of the batch, in towers too: each acts on all frames of its row, or of the pictures that it names.</remarks>
/// <param name="Rows">For each frame, its row of the batch.</param>
/// <param name="Pictures">For each frame, which picture of that row it shows.</param>
public sealed record FrameOwners(IReadOnlyList<int> Rows, IReadOnlyList<int> Pictures);
