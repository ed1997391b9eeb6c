using Vitrine.Mechanisms.ValueVectors;
using Vitrine.Policies;
using Vitrine.Transformers;
using static TorchSharp.torch;

namespace Vitrine.Tests.Mechanisms;

[Collection(ThreadCount.Name)]
public sealed class NeuronReaderTests
{
    /// <summary>logits = E w, sorted: the whole product of one column of the down projection, in float64.</summary>
    [Fact]
    public void A_neuron_writes_what_its_value_vector_says()
    {
        using var policy = Policy.Open("embedded:tabletop");
        var read = policy.ReadNeuron(5, 111, count: 3);
        using var scope = NewDisposeScope();
        var logits = policy.Language.Unembedding().to(float64).mv(policy.Language.ValueVectors(5)[111].to(float64)).data<double>().ToArray();
        var valid = TokenReader.Of(policy).Valid;
        read.Neuron.ShouldBe(new Neuron(5, 111));
        read.Top.Select(t => t.Id).ShouldBe(valid.OrderByDescending(id => logits[id]).ThenBy(id => id).Take(3));
        read.Bottom.Select(t => t.Id).ShouldBe(valid.OrderBy(id => logits[id]).ThenBy(id => id).Take(3));
        read.Top.Concat(read.Bottom).ShouldAllBe(t => Math.Abs(t.Logit - logits[t.Id]) <= 1e-6 * Math.Abs(logits[t.Id]) && t.Probability == null);
        read.Top.Select(t => t.Token).ShouldBe(read.Top.Select(t => TokenReader.Of(policy).Print(t.Id)));
    }

    [Fact]
    public void A_neuron_that_is_not_there_is_named()
    {
        using var policy = Policy.Open("embedded:tabletop");
        var shape = policy.Language.Shape;
        Should.Throw<VitrineException>(() => policy.ReadNeuron(0, shape.Neurons)).Message
            .ShouldBe($"neuron 0:{shape.Neurons}: a layer of stack 'language' has {shape.Neurons} neurons, counted from 0.");
        Should.Throw<VitrineException>(() => policy.ReadNeuron(shape.Layers, 0)).Message.ShouldContain($"has {shape.Layers} layers");
    }
}
