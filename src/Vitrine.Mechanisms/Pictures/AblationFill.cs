namespace Vitrine.Mechanisms.Pictures;

/// <summary>What stands where a patch, a head or a neuron was taken away.</summary>
public enum AblationFill
{
    /// <summary>The mean: of the picture's patch embeddings, or of the head or neuron over its tokens. What is alike at every token stays.</summary>
    Mean,

    /// <summary>Nothing: zero. Of a patch, its position goes too.</summary>
    Zero,
}
