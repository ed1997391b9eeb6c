using Vitrine.Mechanisms.Concepts;
using Vitrine.Transformers;

namespace Vitrine.Mechanisms.ValueVectors;

/// <summary>One layer read by the pattern rule; all shares are 0 to 1.</summary>
/// <param name="Layer">From 0.</param>
/// <param name="Patterned">Neurons with enough words of one concept among their top tokens.</param>
/// <param name="PatternedTop10">The same among the first ten.</param>
/// <param name="PatternedBottom">The same at the other end.</param>
/// <param name="Shuffled">The same at the top when the words are moved to random tokens: the control.</param>
/// <param name="ActionTokens">Action tokens among all top tokens.</param>
/// <param name="Ordinal">Neurons with at least 12 top tokens within 24 neighbouring action bins.</param>
public sealed record LayerReading(
    int Layer, double Patterned, double PatternedTop10, double PatternedBottom, double Shuffled, double ActionTokens, double Ordinal);

/// <summary>A neuron of a concept's cluster.</summary>
/// <param name="Neuron">Which one.</param>
/// <param name="Words">Words of the concept among its top tokens.</param>
/// <param name="OppositeWords">Words of the opposite concept among them.</param>
public sealed record ClusterNeuron(Neuron Neuron, int Words, int OppositeWords);

/// <summary>Finds neurons whose value vectors spell a concept: at least 4 of the top 30 tokens belong to its word list.</summary>
/// <remarks>The rule of Haon et al. 2025, with explicit word lists in place of hand labels, and a shuffled vocabulary as its control.</remarks>
public sealed class LexicalPatterns
{
    private const int Enough = 4;
    private readonly IReadOnlyList<WordList> concepts;
    private readonly IReadOnlySet<int>[] ids;

    /// <summary>Prepares the rule.</summary>
    /// <param name="readings">[layer][neuron], top 30 of valid tokens.</param>
    /// <param name="tokens">The vocabulary.</param>
    /// <param name="concepts">Word lists; those with fewer than 4 known words can never match.</param>
    public LexicalPatterns(IReadOnlyList<IReadOnlyList<NeuronReading>> readings, TokenReader tokens, IReadOnlyList<WordList> concepts)
        => (Readings, Tokens, this.concepts, ids) = (readings, tokens, concepts, [.. concepts.Select(c => c.Ids(tokens))]);

    /// <summary>[layer][neuron], what the rule looks at.</summary>
    public IReadOnlyList<IReadOnlyList<NeuronReading>> Readings { get; }

    /// <summary>The vocabulary.</summary>
    public TokenReader Tokens { get; }

    /// <summary>Reads a model's value vectors for the rule.</summary>
    /// <param name="model">A text model or a policy.</param>
    /// <param name="concepts">Word lists.</param>
    /// <param name="progress">From 0 to 1.</param>
    /// <param name="cancellation">Stops between tiles.</param>
    /// <param name="raw">Whether a norm or LayerScale behind the neurons is left out (<see cref="StackValueVectors.IsRaw"/>).</param>
    /// <exception cref="VitrineException">The model has no vocabulary.</exception>
    public static LexicalPatterns Read(
        Model model, IReadOnlyList<WordList> concepts, IProgress<double>? progress = null, CancellationToken cancellation = default, bool raw = false)
    {
        var tokens = TokenReader.Of(model);
        int[] layers = [.. Enumerable.Range(0, tokens.Language.Shape.Layers)];
        using var source = new StackValueVectors(tokens.Language, fingerprint: "") { IsRaw = raw };
        var settings = new ProjectionSettings { Count = 30, Tokens = tokens.Valid };
        return new LexicalPatterns(VocabularyProjection.Read(source, layers, settings, progress, cancellation), tokens, concepts);
    }

    /// <summary>The layer profile.</summary>
    /// <param name="permutations">Shuffled vocabularies to average.</param>
    /// <param name="seed">Of the shuffles.</param>
    public IReadOnlyList<LayerReading> Profile(int permutations = 10, int seed = 0)
    {
        var shuffles = Enumerable.Range(0, permutations).Select(p => ShuffledLists(new Random((seed * 1009) + p))).ToArray();
        return
        [
            .. Readings.Select((layer, l) => new LayerReading(
                l,
                Share(layer, n => MostWords(n.TopIds, ids) >= Enough),
                Share(layer, n => MostWords(n.TopIds.Take(10), ids) >= Enough),
                Share(layer, n => MostWords(n.BottomIds, ids) >= Enough),
                shuffles.Average(s => Share(layer, n => MostWords(n.TopIds, s) >= Enough)),
                layer.Average(n => (double)n.TopIds.Count(Tokens.IsAction) / n.TopIds.Count),
                Share(layer, IsOrdinal))),
        ];
    }

    /// <summary>
    /// The cluster of a concept: neurons with at least 4 of its words and no concept more often, by (its words - its opposite's), layer, index.
    /// </summary>
    /// <exception cref="VitrineException">There is no such word list.</exception>
    public IReadOnlyList<ClusterNeuron> Cluster(string concept)
    {
        var index = ConceptNames.Find(concept, concepts) is { } list ? concepts.Index().First(c => c.Item == list).Index : -1;
        if (index < 0)
        {
            var nearest = ConceptNames.Nearest(concept, concepts, Tokens) is { } found ? $"; the nearest is '{found.List.Name}' ({found.Why})" : "";
            throw new VitrineException(
                $"concept '{concept}': there is no such word list; known are {string.Join(", ", concepts.Select(c => c.Name))}{nearest}.");
        }

        var opposite = concepts.ToList().FindIndex(c => c.Name == concepts[index].Opposite);
        var clustered = new List<ClusterNeuron>();
        for (var layer = 0; layer < Readings.Count; layer++)
        {
            for (var i = 0; i < Readings[layer].Count; i++)
            {
                var top = Readings[layer][i].TopIds;
                var words = top.Count(ids[index].Contains);
                if (words >= Enough && words == MostWords(top, ids))
                {
                    clustered.Add(new ClusterNeuron(new Neuron(layer, i), words, opposite < 0 ? 0 : top.Count(ids[opposite].Contains)));
                }
            }
        }

        return [.. clustered.OrderByDescending(n => n.Words - n.OppositeWords).ThenBy(n => n.Neuron)];
    }

    /// <summary>The neurons of a concept's cluster.</summary>
    /// <exception cref="VitrineException">There is no such word list, or no neuron spells it.</exception>
    public NeuronSet Set(string concept)
    {
        var set = new NeuronSet(Cluster(concept).Select(n => n.Neuron), Tokens.Language.Shape.Name);
        return set.Count > 0 ? set : throw new VitrineException($"concept '{concept}': no neuron spells it.");
    }

    /// <summary>Every neuron of any cluster.</summary>
    public IReadOnlySet<Neuron> AllClustered() => concepts.SelectMany(c => Cluster(c.Name)).Select(n => n.Neuron).ToHashSet();

    private static int MostWords(IEnumerable<int> top, IReadOnlySet<int>[] lists)
    {
        int[] found = [.. top];
        return lists.Length == 0 ? 0 : lists.Max(list => found.Count(list.Contains));
    }

    private static double Share(IReadOnlyList<NeuronReading> layer, Func<NeuronReading, bool> holds) => layer.Count(holds) / (double)layer.Count;

    private bool IsOrdinal(NeuronReading neuron)
    {
        int[] actions = [.. neuron.TopIds.Where(Tokens.IsAction).Order()];
        for (var i = 0; i + 11 < actions.Length; i++)
        {
            if (actions[i + 11] - actions[i] < 24)
            {
                return true;
            }
        }

        return false;
    }

    private IReadOnlySet<int>[] ShuffledLists(Random random)
    {
        int[] targets = [.. Tokens.Valid];
        random.Shuffle(targets);
        var moved = Tokens.Valid.Zip(targets).ToDictionary(p => p.First, p => p.Second);
        return [.. ids.Select(list => list.Select(id => moved.GetValueOrDefault(id, id)).ToHashSet())];
    }
}
