namespace Vitrine.Transformers;

/// <summary>Where the tokens of a batch stand, as a model's position ids say.</summary>
/// <param name="Axes">
/// [axis][row][token]: one axis in most models, with -1 on padding; time, row and column in those that turn by three (Qwen2.5-VL, Qwen3-VL).
/// </param>
/// <param name="Ahead">[row]: what the position id of a generated token is ahead of its index in the row's own text.</param>
public sealed record TokenPositions(IReadOnlyList<IReadOnlyList<IReadOnlyList<long>>> Axes, IReadOnlyList<long> Ahead);
