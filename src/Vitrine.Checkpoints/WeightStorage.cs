namespace Vitrine.Checkpoints;

/// <summary>What becomes of matrices that a file stores in 16 bits while a model computes in more.</summary>
public enum WeightStorage
{
    /// <summary>Widened when the model is opened if the free memory holds that; else kept as stored. See <see cref="DtypePolicy"/>.</summary>
    Auto,

    /// <summary>Widened when the model is opened: the fastest, at twice the memory.</summary>
    Widened,

    /// <summary>Kept as they lie in the mapped file; each is widened for the product that it takes part in. Answers are the same.</summary>
    AsStored,
}
