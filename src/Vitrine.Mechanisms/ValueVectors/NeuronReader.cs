using Vitrine.Transformers;

namespace Vitrine.Mechanisms.ValueVectors;

/// <summary>Reads single neurons of a model.</summary>
public static class NeuronReader
{
    /// <summary>What a neuron writes, in the model's vocabulary: logits = E w of its value vector w and the unembedding E.</summary>
    /// <param name="model">A text model or a policy that speaks a vocabulary.</param>
    /// <param name="layer">From 0.</param>
    /// <param name="neuron">Of the layer's feed-forward, from 0.</param>
    /// <param name="count">Tokens at each end.</param>
    /// <param name="norm">What stands between value vector and unembedding.</param>
    /// <remarks>
    /// The numbers that <c>vitrine neurons</c> prints; ids that stand for nothing are left out. Every call prepares the vocabulary: read many neurons with
    /// <see cref="VocabularyProjection"/>.
    /// </remarks>
    /// <exception cref="VitrineException">There is no such layer or neuron, or the model has no vocabulary or no tokenizer.</exception>
    public static NeuronWords ReadNeuron(this Model model, int layer, int neuron, int count = 10, ReadingNorm norm = ReadingNorm.None)
    {
        var tokens = TokenReader.Of(model);
        var shape = tokens.Language.Shape;
        if (neuron < 0 || neuron >= shape.Neurons)
        {
            throw new VitrineException($"neuron {layer}:{neuron}: a layer of stack '{shape.Name}' has {shape.Neurons} neurons, counted from 0.");
        }

        using var source = new StackValueVectors(model, shape.Name);
        using var vectors = source.Vectors(layer);
        using var vector = vectors.narrow(0, neuron, 1);
        using var reader = VocabularyReader.Open(
            source, new ProjectionSettings { Count = count, Norm = norm, Tokens = tokens.Valid, Screening = Screening.Never });
        var reading = reader.Read(vector)[0];
        return new NeuronWords(new Neuron(layer, neuron), Named(reading.TopIds, reading.TopScores), Named(reading.BottomIds, reading.BottomScores));

        IReadOnlyList<TokenLogit> Named(IReadOnlyList<int> ids, IReadOnlyList<float> scores)
            => [.. ids.Zip(scores, (id, score) => new TokenLogit(id, tokens.Print(id), score))];
    }
}
