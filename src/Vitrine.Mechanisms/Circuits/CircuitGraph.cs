using Vitrine.Mechanisms.Metrics;
using Vitrine.Transformers.Engine;
using Vitrine.Transformers.Points;

namespace Vitrine.Mechanisms.Circuits;

/// <summary>
/// The factorised graph of a pre-norm transformer: who writes into the residual stream, and who reads the sum of what was written (Elhage et al. 2021).
/// Writers are the sources, each head and each feed-forward; readers are each head's queries, keys and values, each feed-forward and the outcome. Every reader
/// has an edge from every writer before it.
/// </summary>
/// <remarks>
/// Heads that share keys and values read them each for itself, so that an edge is one head's. Biases of output projections belong to no writer and stay in the
/// stream. Behind an output norm (Gemma 2) a head writes its share at the scale that the norm has in that run: the shares sum to what is added. Where a stack
/// reads another's keys and values (the expert of a flow policy), groups of that prefix's tokens are sources of its heads' keys and values.
/// </remarks>
public sealed class CircuitGraph
{
    private readonly int[] streams;
    private readonly bool[] readsPrefix;
    private readonly int[] headsAt;
    private readonly int[] mlpAt;
    private readonly int[] readersAt;
    private readonly Dictionary<string, int> writerNames;
    private readonly Dictionary<string, int> readerNames;

    private CircuitGraph(Stack stack, IReadOnlyList<TokenGroup> sources, IReadOnlyList<TokenGroup> prefix, int steps, bool isDecoded)
    {
        (Stack, Sources, Prefix, Steps, IsDecoded) = (stack, sources, prefix, steps, isDecoded);
        var (writers, readers) = (new List<CircuitNode>(), new List<CircuitReader>());
        var (before, reads) = (new List<int>(), new List<bool>());
        var specs = stack.Specs;
        (headsAt, mlpAt, readersAt) = (new int[specs.Count], new int[specs.Count], new int[specs.Count]);
        writers.AddRange(sources.Select(s => new CircuitNode(s.Name, NodeKind.Source)));
        foreach (var (layer, spec) in specs.Index())
        {
            (headsAt[layer], readersAt[layer]) = (writers.Count, readers.Count);
            var (seen, attention) = (writers.Count, spec.Attention);
            CircuitNode[] heads = [.. Enumerable.Range(0, attention.Heads).Select(h => new CircuitNode($"a{layer}.{h}", NodeKind.Head, layer, h))];
            foreach (var input in (NodeInput[])[NodeInput.Query, NodeInput.Key, NodeInput.Value])
            {
                var ofPrefix = input != NodeInput.Query && attention.Keys is KeySource.Prefix or KeySource.PrefixThenOwn;
                readers.AddRange(heads.Select(h => new CircuitReader(h, input)));
                before.AddRange(heads.Select(_ => ofPrefix && attention.Keys == KeySource.Prefix ? 0 : seen));
                reads.AddRange(heads.Select(_ => ofPrefix));
            }

            writers.AddRange(heads);
            var mlp = new CircuitNode($"m{layer}", NodeKind.Mlp, layer);
            readers.Add(new CircuitReader(mlp, NodeInput.All));
            before.Add(spec.Parallel ? seen : writers.Count);
            reads.Add(false);
            mlpAt[layer] = writers.Count;
            writers.Add(mlp);
        }

        readers.Add(new CircuitReader(new CircuitNode("outcome", NodeKind.Outcome), NodeInput.All));
        before.Add(writers.Count);
        reads.Add(false);
        StreamWriters = writers.Count;
        writers.AddRange(prefix.Select(s => new CircuitNode(s.Name, NodeKind.Source)));
        (Writers, Readers, streams, readsPrefix) = (writers, readers, [.. before], [.. reads]);
        writerNames = Writers.Index().ToDictionary(w => w.Item.Name, w => w.Index, StringComparer.Ordinal);
        readerNames = Readers.Index().ToDictionary(r => r.Item.Name, r => r.Index, StringComparer.Ordinal);
    }

    /// <summary>Who writes: sources, then layer by layer heads and feed-forward, then a prefix's groups.</summary>
    public IReadOnlyList<CircuitNode> Writers { get; }

    /// <summary>Who reads, in the order of computing; the outcome is the last.</summary>
    public IReadOnlyList<CircuitReader> Readers { get; }

    /// <summary>How many edges there are, axes left out.</summary>
    public int Edges => Enumerable.Range(0, Readers.Count).Sum(r => streams[r] + (readsPrefix[r] ? Prefix.Count : 0));

    /// <summary>Passes of an answer: flow steps, tokens that are said; 1 where one gives all.</summary>
    public int Steps { get; }

    internal Stack Stack { get; }

    internal IReadOnlyList<TokenGroup> Sources { get; }

    internal IReadOnlyList<TokenGroup> Prefix { get; }

    /// <summary>Whether later passes read tokens that were said, which are a source of their own, the last of <see cref="Sources"/>.</summary>
    internal bool IsDecoded { get; }

    /// <summary>Writers into the stream; those of a prefix stand behind them.</summary>
    internal int StreamWriters { get; }

    internal int Layers => headsAt.Length;

    /// <summary>Whether every norm, the last one too, takes the mean over d away, so that no reader sees it.</summary>
    internal bool IgnoresMeans => Stack.Spec.Norm.Kind == NormKind.LayerNorm && Stack.LastNorm?.Spec.Kind == NormKind.LayerNorm;

    /// <summary>The graph of what decides a subject's answer.</summary>
    /// <param name="subject">A model on given inputs.</param>
    /// <param name="splitWords">Whether each position of a text is a source of its own. Those of policies are split always: pictures, words, state.</param>
    /// <exception cref="VitrineException">Its stream is no sum of what was written, so that there are no edges; the reason is named.</exception>
    public static CircuitGraph Of(Subject subject, bool splitWords = false)
    {
        ArgumentNullException.ThrowIfNull(subject);
        Require(subject);
        var (groups, steps) = (subject.Sources, subject.Steps);
        var isDecoded = steps > 1 && subject.PrefixSources.Count == 0;
        IReadOnlyList<TokenGroup> sources = groups.Count > 0 ? groups
            : splitWords ? Words(subject.Tokens)
            : [new TokenGroup("embedding", [])];
        return new CircuitGraph(
            subject.Stack, isDecoded ? [.. sources, new TokenGroup("said", [])] : sources, subject.PrefixSources, steps, isDecoded);
    }

    /// <summary>Whether there is an edge.</summary>
    /// <param name="writer">Index in <see cref="Writers"/>.</param>
    /// <param name="reader">Index in <see cref="Readers"/>.</param>
    public bool Has(int writer, int reader) => writer < StreamWriters ? writer < streams[reader] : readsPrefix[reader];

    /// <summary>Index of a writer.</summary>
    /// <exception cref="VitrineException">There is none of that name; the nearest is named.</exception>
    public int Writer(string name) => Index(writerNames, name, "writer");

    /// <summary>Index of a reader.</summary>
    /// <exception cref="VitrineException">There is none of that name; the nearest is named.</exception>
    public int Reader(string name) => Index(readerNames, name, "reader");

    /// <summary>How many of the stream's writers a reader has edges from: the first so many.</summary>
    internal int Before(int reader) => streams[reader];

    internal bool ReadsPrefix(int reader) => readsPrefix[reader];

    /// <summary>The first reader of a layer: its heads' queries, then keys, then values, then the feed-forward.</summary>
    internal int ReadersAt(int layer) => readersAt[layer];

    /// <summary>The writer that is head 0 of a layer.</summary>
    internal int HeadsAt(int layer) => headsAt[layer];

    internal int MlpAt(int layer) => mlpAt[layer];

    internal int Heads(int layer) => mlpAt[layer] - headsAt[layer];

    internal int MlpReader(int layer) => readersAt[layer] + (3 * Heads(layer));

    internal int Outcome => Readers.Count - 1;

    internal string At(int layer, Point point) => new Address(Stack.Shape.Name, layer, point).ToString();

    private static int Index(Dictionary<string, int> names, string name, string what)
        => names.TryGetValue(name, out var at)
            ? at
            : throw new VitrineException($"circuit: there is no {what} '{name}'; the nearest is '{Nearest.Of(name, names.Keys)}'.");

    private static TokenGroup[] Words(IReadOnlyList<IReadOnlyList<string>> tokens)
        => [.. Enumerable.Range(0, tokens[0].Count).Select(
            t => new TokenGroup(FormattableString.Invariant($"[{t}]{(tokens.Count == 1 ? tokens[0][t] : "")}"), [t]))];

    private static void Require(Subject subject)
    {
        var (stack, name) = (subject.Stack, subject.Model.Name);
        foreach (var (layer, spec) in stack.Specs.Index())
        {
            var why = spec.Norms is NormPlaces.PostNorm or NormPlaces.PostNormOfSums
                ? "norms the sum of stream and addition, so that its stream is no sum of what was written"
                : spec.Cross is not null || spec.Attention.Keys == KeySource.Memory ? "attends to another stack's output"
                : spec.Attention.AddsPositions ? "adds positions to what queries and keys read"
                : spec.Norms == NormPlaces.SandwichNorm && spec.Attention.OutputBias
                    ? "norms what attention adds together with a bias, so that the shares of its heads do not sum to it"
                : stack.Shape.Points.Contains(PictureSide.DeepStack(layer, stack.Shape.Width)) ? "adds features of pictures behind its blocks"
                : null;
            if (why is not null)
            {
                throw new VitrineException($"{name}: block {layer} of '{stack.Shape.Name}' {why}; a graph of edges needs a stream that is a sum.");
            }
        }

        if (stack.Spec.Norm.Kind == NormKind.LayerNorm && stack.LastNorm?.Spec.Kind != NormKind.LayerNorm)
        {
            throw new VitrineException($"{name}: '{stack.Shape.Name}' has no LayerNorm behind its last block; a graph of edges needs the norm of its blocks.");
        }

        if (stack.FeaturesAfter >= 0)
        {
            throw new VitrineException($"{name}: '{stack.Shape.Name}' hands on features from within, which no outcome behind its last block reads.");
        }
    }
}
