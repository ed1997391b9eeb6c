using Vitrine.Mechanisms.Concepts;
using Vitrine.Mechanisms.ValueVectors;
using Vitrine.Policies;
using Vitrine.Transformers;
using Vitrine.Worlds.Tabletop;

namespace Vitrine.Tests.Mechanisms;

/// <summary>Searches in the embedded policy, whose neurons are known.</summary>
public sealed class MeaningSearchTests : IDisposable
{
    private static readonly Neuron Fast = new(5, 111);
    private readonly Policy policy = Policy.Open("embedded:tabletop");
    private readonly LexicalPatterns patterns;
    private readonly SemanticSpace space;

    public MeaningSearchTests()
    {
        patterns = LexicalPatterns.Read(policy, TabletopVocabulary.Concepts, cancellation: TestContext.Current.CancellationToken);
        using var unembedding = policy.Language.Unembedding();
        space = SemanticSpace.Of(patterns.Readings, unembedding, patterns.Tokens.Valid);
    }

    [Fact]
    public void A_neuron_is_found_by_its_words_and_by_itself()
    {
        var search = Search();
        search.ByWords(["fast", "quickly"], 5).Neurons[0].Neuron.ShouldBe(Fast);
        var like = search.ByNeuron(Fast, 3);
        (like.Neurons.Count, like.Neurons[0].Neuron).ShouldBe((3, Fast));
        like.Neurons[0].Score.ShouldBe(1, 1e-5);
        like.How.ShouldContain("5:111");
        Should.Throw<VitrineException>(() => search.ByWords(["zebra"], 5)).Message.ShouldContain("no word 'zebra'");
    }

    [Fact]
    public void Depth_and_what_is_allowed_hold_for_every_search()
    {
        var search = new MeaningSearch(patterns.Tokens, space, n => n != Fast, Depth.Late);
        var token = patterns.Tokens.Id("fast")!.Value;
        foreach (var found in new[] { search.ByTokens([token], 20), search.ByNeuron(Fast, 20) })
        {
            found.Neurons.Count.ShouldBe(20);
            found.Neurons.ShouldAllBe(n => n.Neuron.Layer >= 3 && n.Neuron != Fast);
        }

        search.Clusters(6, 6, cancellation: TestContext.Current.CancellationToken).SelectMany(c => c.Neurons).ShouldAllBe(n => n.Layer >= 3 && n != Fast);
    }

    [Fact]
    public void Clusters_part_the_neurons_and_the_most_coherent_comes_first()
    {
        var clusters = Search().Clusters(12, 12, cancellation: TestContext.Current.CancellationToken);
        var neurons = clusters.SelectMany(c => c.Neurons).ToArray();
        neurons.Distinct().Count().ShouldBe(neurons.Length);
        clusters.Select(c => c.Coherence).ShouldBeInOrder(SortDirection.Descending);
        foreach (var cluster in clusters)
        {
            var counts = cluster.Tokens.Select(t => cluster.Neurons.Count(n => space.ReadingOf(n).TopIds.Take(5).Contains(t))).ToArray();
            counts.ShouldBeInOrder(SortDirection.Descending);
            counts[0].ShouldBeGreaterThan(0);
        }
    }

    [Fact]
    public void The_neurons_of_a_concept_are_those_of_its_cluster_in_the_stack_that_reads_words()
    {
        var set = patterns.Set("fast");
        set.Stack.ShouldBe(policy.Language.Shape.Name);
        set.Neurons.ShouldBe(patterns.Cluster("fast").Select(c => c.Neuron));
        var unspelled = new LexicalPatterns(patterns.Readings, patterns.Tokens, [new WordList("zebra", ["zebra"])]);
        Should.Throw<VitrineException>(() => unspelled.Set("zebra")).Message.ShouldBe("concept 'zebra': no neuron spells it.");
    }

    [Fact]
    public void A_vocabulary_without_actions_has_no_direction_of_action()
    {
        using var model = TextModel.Open(Fixtures.Of("models", "llama"));
        var tokens = TokenReader.Of(model);
        Should.Throw<VitrineException>(() => ConceptSearch.ByActionDirection(model.Language, tokens, _ => 0,
            positive: true)).Message.ShouldContain("no action tokens");
    }

    [Fact]
    public void Tokens_are_printed_one_behind_the_other()
    {
        var ids = space.ReadingOf(Fast).TopIds;
        patterns.Tokens.Print(ids, 2).ShouldBe($"{patterns.Tokens.Print(ids[0])} {patterns.Tokens.Print(ids[1])}");
    }

    public void Dispose()
    {
        space.Dispose();
        policy.Dispose();
    }

    private MeaningSearch Search() => new(patterns.Tokens, space, _ => true);
}
