using Vitrine.Transformers;
using static TorchSharp.torch;

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
    /// <see cref="VocabularyProjection"/>, some of a layer with <see cref="ReadNeurons"/>.
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
        using var vocabulary = VocabularyReader.Open(
            source, new ProjectionSettings { Count = count, Norm = norm, Tokens = tokens.Valid, Screening = Screening.Never });
        return vocabulary.ReadNeurons(source, tokens, layer, [neuron])[0];
    }

    /// <summary>What some neurons of a layer write, read against a vocabulary that was prepared once.</summary>
    /// <param name="vocabulary">Of the source.</param>
    /// <param name="source">Whose neurons.</param>
    /// <param name="tokens">Names the tokens.</param>
    /// <param name="layer">From 0.</param>
    /// <param name="neurons">Of the layer's feed-forward, from 0.</param>
    /// <returns>One for each, in the order asked.</returns>
    public static IReadOnlyList<NeuronWords> ReadNeurons(
        this VocabularyReader vocabulary, IValueVectorSource source, TokenReader tokens, int layer, IReadOnlyList<int> neurons)
    {
        ArgumentNullException.ThrowIfNull(vocabulary);
        ArgumentNullException.ThrowIfNull(source);
        ArgumentNullException.ThrowIfNull(tokens);
        ArgumentNullException.ThrowIfNull(neurons);
        using var scope = NewDisposeScope();
        using var mode = no_grad();
        var readings = vocabulary.Read(source.Vectors(layer, neurons));
        return [.. neurons.Zip(readings, (n, r) => new NeuronWords(new Neuron(layer, n), Named(r.TopIds, r.TopScores), Named(r.BottomIds, r.BottomScores)))];

        IReadOnlyList<TokenLogit> Named(IReadOnlyList<int> ids, IReadOnlyList<float> scores)
            => [.. ids.Zip(scores, (id, score) => new TokenLogit(id, tokens.Print(id), score))];
    }
}
