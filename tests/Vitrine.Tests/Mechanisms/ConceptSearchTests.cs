using Vitrine.Mechanisms.Concepts;
using Vitrine.Mechanisms.ValueVectors;
using Vitrine.Policies;
using Vitrine.Tests.Cli;
using Vitrine.Transformers;
using static TorchSharp.torch;

namespace Vitrine.Tests.Mechanisms;

/// <summary>Neurons by words and by directions of actions: the best of the definition, which makes every logit.</summary>
public class ConceptSearchTests
{
    public static TheoryData<string> Models() => ["embedded:tabletop", .. TextCommandTests.Decoders().Select(r => Path.Combine(Fixtures.Root, "models", r.Data))];

    [Theory, MemberData(nameof(Models))]
    public void The_neurons_found_are_those_of_making_every_logit(string name)
    {
        using var model = Policy.Catalog.Open(name);
        var tokens = TokenReader.Of(model);
        int[] known = [.. tokens.Valid.Where(id => tokens.Id(tokens.Print(id).Trim()) == id)];
        int[] some = [known[known.Length / 5], known[known.Length / 2], known[known.Length * 4 / 5]];
        string[] words = [.. some.Select(id => tokens.Print(id).Trim())];
        foreach (var raw in (bool[])[false, true])
        {
            var weights = tokens.Valid.Select(id => some.Contains(id) ? 1.0 / 3 : 0).ToArray();
            Same(ConceptSearch.ByWords(tokens.Language, tokens, words, 25, raw), Slowly(model, tokens, tokens.Valid, weights, raw).Take(25));
        }

        var late = new SearchOptions { Layers = [tokens.Language.Shape.Layers - 1] };
        ConceptSearch.ByWords(tokens.Language, tokens, words, 5, options: late).ShouldAllBe(n => n.Neuron.Layer == tokens.Language.Shape.Layers - 1);
    }

    [Theory, InlineData(true), InlineData(false)]
    public void A_direction_of_action_is_the_correlation_of_the_action_tokens_with_their_values(bool positive)
    {
        using var policy = Policy.Open("embedded:tabletop");
        var tokens = TokenReader.Of(policy);
        int[] actions = [.. tokens.Valid.Where(tokens.IsAction)];
        var values = actions.Select(tokens.Action).ToArray();
        var mean = values.Average();
        var length = Math.Sqrt(values.Sum(v => (v - mean) * (v - mean)) * values.Length);
        var weights = values.Select(v => (positive ? 1 : -1) * (v - mean) / length).ToArray();
        var found = ConceptSearch.ByActionDirection(tokens.Language, tokens, tokens.Action, positive);
        Same(found, Slowly(policy, tokens, actions, weights, raw: false).Take(20));
        found.ShouldAllBe(n => n.Score > 0 && n.Score <= 1.0001, "a correlation");
    }

    [Fact]
    public void A_vector_of_zeros_says_nothing_and_words_that_are_none_are_named()
    {
        using var source = new RandomVectors([zeros(4, 8)], randn(50, 8), "zeros");
        using var scores = new LogitScores(source.Unembedding(), [.. Enumerable.Range(0, 50)], [1, .. new double[49]]);
        using var exact = scores.Exactly(source.Vectors(0));
        exact.data<float>().ToArray().ShouldAllBe(s => s == 0);
        using var policy = Policy.Open("embedded:tabletop");
        var tokens = TokenReader.Of(policy);
        Should.Throw<VitrineException>(() => ConceptSearch.ByWords(tokens.Language, tokens, ["zeppelin"])).Message.ShouldContain("zeppelin");
    }

    [Fact]
    public void A_real_vocabulary_gives_what_making_every_logit_gives()
    {
        using var model = TextModel.Open(SharedModels.Gguf());
        var tokens = TokenReader.Of(model);
        var paris = tokens.Id("Paris")!.Value;
        int[] layers = [0, tokens.Language.Shape.Layers / 2, tokens.Language.Shape.Layers - 1];
        var found = ConceptSearch.ByWords(tokens.Language, tokens, ["Paris"], options: new() { Layers = layers });
        Same(found, Slowly(model, tokens, tokens.Valid, [.. tokens.Valid.Select(id => id == paris ? 1.0 : 0)], raw: false, layers).Take(20));
    }

    private static void Same(IReadOnlyList<ScoredNeuron> found, IEnumerable<ScoredNeuron> slow)
    {
        var expected = slow.ToArray();
        found.Select(n => n.Neuron).ShouldBe(expected.Select(n => n.Neuron));
        found.Zip(expected, (a, b) => Math.Abs(a.Score - b.Score)).Max().ShouldBeLessThan(1e-4);
    }

    /// <summary>The definition, in float64: every logit of every neuron, their mean and deviation.</summary>
    private static IEnumerable<ScoredNeuron> Slowly(
        Model model, TokenReader tokens, IReadOnlyList<int> ids, double[] weights, bool raw, int[]? layers = null)
    {
        var scored = new List<ScoredNeuron>();
        using var source = new StackValueVectors(model, tokens.Language.Shape.Name) { IsRaw = raw };
        using var scope = NewDisposeScope();
        var rows = source.Unembedding().index_select(0, tensor(ids.Select(t => (long)t).ToArray())).to(float32).to(float64).t();
        foreach (var layer in layers ?? [.. Enumerable.Range(0, source.Layers)])
        {
            using var inner = NewDisposeScope();
            var logits = source.Vectors(layer).to(float64).matmul(rows);
            var scores = (logits - logits.mean([1], keepdim: true)).matmul(tensor(weights)) / logits.std(1, unbiased: false);
            scored.AddRange(scores.data<double>().ToArray().Select((s, i) => new ScoredNeuron(new Neuron(layer, i), s)));
        }

        return scored.OrderByDescending(s => s.Score).ThenBy(s => s.Neuron);
    }
}
