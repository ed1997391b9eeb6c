namespace Vitrine.Checkpoints;

/// <summary>What weights take in memory.</summary>
/// <param name="Mapped">Bytes that are read where they lie in the file; the system gives them back when it needs room.</param>
/// <param name="Made">Bytes that are made when the model opens, about: widened weights.</param>
/// <param name="Why">In words.</param>
public sealed record WeightMemory(long Mapped, long Made, string Why);
