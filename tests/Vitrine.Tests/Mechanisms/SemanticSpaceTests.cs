using Vitrine.Mechanisms.Concepts;
using Vitrine.Mechanisms.ValueVectors;
using Vitrine.Policies;
using Vitrine.Transformers;
using Vitrine.Views;
using Vitrine.Worlds.Tabletop;
using static TorchSharp.torch;

namespace Vitrine.Tests.Mechanisms;

public sealed class SemanticSpaceTests
{
    [Fact]
    public void A_meaning_is_the_softmax_weighted_sum_of_the_top_embeddings()
    {
        using var scope = NewDisposeScope();
        NeuronReading[][] readings = [[new([2, 0, 1], [3, 1, 0], [1], [-1])]];
        var embedding = tensor(new float[] { 1, 0, 0, 2, -1, 4 }, [3, 2]);
        using var space = SemanticSpace.Of(readings, embedding, [0, 1, 2], count: 2);
        var (w2, w0) = (Math.Exp(3) / (Math.Exp(3) + Math.Exp(1)), Math.Exp(1) / (Math.Exp(3) + Math.Exp(1)));
        var (x, y) = ((w2 * -1) + w0, w2 * 4);
        var found = space.PointsOf([new Neuron(0, 0)])[0].data<float>().ToArray();
        found[0].ShouldBe((float)(x / Math.Sqrt((x * x) + (y * y))), 1e-6f);
        found[1].ShouldBe((float)(y / Math.Sqrt((x * x) + (y * y))), 1e-6f);
        Should.Throw<VitrineException>(() => space.PointsOf([new Neuron(0, 1)])).Message.ShouldContain("neuron 0:1");
        Should.Throw<VitrineException>(() => SemanticSpace.Of(readings, embedding, [0], count: 4)).Message.ShouldContain("the readings hold 3");
    }

    /// <summary>Six topics of ten words each, eight neurons that write a topic: two words of a topic must find exactly its neurons.</summary>
    [Fact]
    public void Words_find_the_neurons_of_their_topic_and_stand_clear_of_shuffled_vocabularies()
    {
        const int Topics = 6, Words = 10, Writers = 8, Width = 32;
        using var scope = NewDisposeScope();
        using var generator = new Generator(11, CPU);
        var topics = randn([Topics, Width], generator: generator);
        var words = topics.repeat_interleave(Words, 0) + (randn([Topics * Words, Width], generator: generator) * 0.5);
        Tensor Layer() => topics.repeat_interleave(Writers, 0) + (randn([Topics * Writers, Width], generator: generator) * 0.3);
        using var source = new RandomVectors([Layer(), Layer()], words);
        var readings = VocabularyProjection.Read(source, [0, 1], new() { Count = 5 });
        using var space = SemanticSpace.Of(readings, words, [.. Enumerable.Range(0, Topics * Words)]);
        using var meaning = space.MeaningOf([30, 34]);                                                     // two words of topic 3
        var found = space.Nearest(meaning, 2 * Writers);
        found.Select(f => f.Neuron.Index / Writers).Distinct().ShouldBe([3]);
        space.Nearest(meaning, Writers, Depth.Early).ShouldAllBe(f => f.Neuron.Layer == 0);
        space.Nearest(meaning, Writers, Depth.Late).ShouldAllBe(f => f.Neuron.Layer == 1);
        space.Nearest(meaning, 3, allowed: n => n.Index % 2 == 0).ShouldAllBe(f => f.Neuron.Index % 2 == 0);
        var quality = ConceptQuality.OfSearch(space, [30, 34], 2 * Writers);
        quality.Measured.ShouldBe(found.Average(f => f.Score), 1e-9);
        quality.Measured.ShouldBeGreaterThan(quality.LargestShuffled);
        var members = found.Select(f => f.Neuron).ToArray();
        var points = space.PointsOf(members).to(float64);
        var cosines = points.mm(points.t()).data<double>().ToArray();
        var set = ConceptQuality.OfSet(space, members);
        set.Measured.ShouldBe((cosines.Sum() - members.Length) / (members.Length * (members.Length - 1)), 1e-5);
        set.Measured.ShouldBeGreaterThan(set.LargestShuffled);
    }

    [Fact]
    public void A_neuron_is_its_own_nearest_neighbour()
    {
        using var policy = Policy.Open("embedded:tabletop");
        var tokens = TokenReader.Of(policy);
        var readings = VocabularyProjection.Read(policy.Language, [.. Enumerable.Range(0, policy.Language.Shape.Layers)], 30, tokens.Valid);
        using var unembedding = policy.Language.Unembedding();
        using var space = SemanticSpace.Of(readings, unembedding, tokens.Valid, 20);
        using var meaning = space.MeaningOf(new Neuron(3, 17));
        var nearest = space.Nearest(meaning, 2);
        nearest[0].Neuron.ShouldBe(new Neuron(3, 17));
        nearest[0].Score.ShouldBe(1, 1e-5);
        nearest[1].Score.ShouldBeLessThan(nearest[0].Score);
    }

    [Fact]
    public void K_means_finds_planted_groups_and_is_the_same_for_a_seed()
    {
        using var scope = NewDisposeScope();
        var points = Planted(groups: 4, each: 25, width: 16, noise: 0.05);
        var one = KMeans.Fit(points, 4, seed: 3);
        var again = KMeans.Fit(points, 4, seed: 3);
        again.Assignments.ShouldBe(one.Assignments);
        again.Centres.SelectMany(c => c).ShouldBe(one.Centres.SelectMany(c => c));
        one.Assignments.Chunk(25).ShouldAllBe(group => group.Distinct().Count() == 1);
        one.Assignments.Distinct().Count().ShouldBe(4);
        one.Coherence.ShouldAllBe(c => c > 0.9);
        one.Centres.ShouldAllBe(c => Math.Abs(c.Sum(v => v * v) - 1) < 1e-5);
        Should.Throw<VitrineException>(() => KMeans.Fit(points, 101)).Message.ShouldContain("101 clusters of 100 points");
    }

    [Fact]
    public void As_many_clusters_as_points_leave_every_point_alone()
    {
        using var scope = NewDisposeScope();
        var points = Planted(groups: 3, each: 1, width: 8, noise: 0);
        KMeans.Fit(points, 3, seed: 1).Assignments.Order().ShouldBe([0, 1, 2]);
    }

    [Fact]
    public void Mixed_meanings_raise_the_polysemy_of_a_neuron()
    {
        using var policy = Policy.Open("embedded:tabletop");
        var tokens = TokenReader.Of(policy);
        var fast = TabletopVocabulary.Concepts.First(c => c.Opposite is not null);
        var against = TabletopVocabulary.Concepts.Single(c => c.Name == fast.Opposite);
        var rule = new PolysemyRule([fast, against], tokens);
        int[] own = [.. fast.Ids(tokens).Take(4)], other = [.. against.Ids(tokens).Take(2)];
        rule.Of(Reading([.. own])).Score.ShouldBe(0);
        rule.Of(Reading([.. own, .. other])).Score.ShouldBe(0.5);
        int[] plus = [.. new[] { 0.5, 0.6, 0.7, 0.8 }.Select(v => (int)policy.Actions!.Encode(v))], minus = [(int)policy.Actions!.Encode(-0.5)];
        rule.Of(Reading([.. plus, .. minus])).ShouldBe(new Polysemy(0, 0, 4, 1));
        rule.Of(Reading([.. plus, .. minus])).Score.ShouldBe(0.25);

        static NeuronReading Reading(int[] ids) => new(ids, [.. ids.Select(_ => 1f)], [], []);
    }

    [Fact]
    public void The_map_shows_the_two_directions_of_largest_variance()
    {
        using var scope = NewDisposeScope();
        NeuronReading[][] readings = [[.. Enumerable.Range(0, 6).Select(i => new NeuronReading([i], [1], [i], [1]))]];
        var embedding = tensor(new float[] { 1, 0, 0, -1, 0, 0, 0, 1, 0, 0, -1, 0, 0, 0, 1, 0, 0, -1 }, [6, 3]);
        using var space = SemanticSpace.Of(readings, embedding, [0, 1, 2, 3, 4, 5], count: 1);
        var map = ConceptMap.Of(space, [("across", [new Neuron(0, 0), new Neuron(0, 1)]), ("along", [new Neuron(0, 2), new Neuron(0, 3)])], n => $"writes {n}");
        map.Explained.Sum().ShouldBe(1, 1e-9);
        var (a, b) = (map.Points[0], map.Points[1]);
        ((a.X * a.X) + (a.Y * a.Y)).ShouldBe(1, 1e-9);
        (a.X + b.X).ShouldBe(0, 1e-9);
        var page = new NeighbourMap(map).RenderPage("Neurons", "a test");
        page.ShouldContain("writes 0:1");
        var view = Vitrine.Tests.Views.RenderedPage.ParseFragment(new NeighbourMap(map).Render());
        Vitrine.Tests.Views.RenderedPage.All(view, "circle").Count().ShouldBe(4);
        Vitrine.Tests.Views.RenderedPage.All(view, "td").Count(cell => cell.Value.StartsWith("writes", StringComparison.Ordinal))
            .ShouldBe(4, "the table says what the picture shows");
    }

    private static Tensor Planted(int groups, int each, int width, double noise)
    {
        using var generator = new Generator(7, CPU);
        var centres = randn([groups, width], generator: generator);
        var points = centres.repeat_interleave(each, 0) + (randn([groups * each, width], generator: generator) * noise);
        return points / points.norm(1, keepdim: true);
    }
}
