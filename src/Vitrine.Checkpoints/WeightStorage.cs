namespace Vitrine.Checkpoints;

/// <summary>What becomes of matrices that a file stores in fewer bits than a model computes in.</summary>
/// <remarks>
/// Kept weights lie in the mapped file and are shared with every process that has it open. A single row is multiplied with them as they lie, dequantised in
/// registers; for many rows they are widened tile by tile. Answers are the same.
/// </remarks>
public enum WeightStorage
{
    /// <summary>
    /// Matrices of .gguf files, quantised or in 16 bits, are kept. 16-bit matrices of other files are widened when the model is opened if the free memory holds
    /// that, else kept. See <see cref="DtypePolicy"/>.
    /// </summary>
    Auto,

    /// <summary>Widened when the model is opened: at two to eight times the memory, and no faster where single tokens are decoded.</summary>
    Widened,

    /// <summary>Kept as they lie in the mapped file.</summary>
    AsStored,
}
