using Vitrine.Mechanisms.Concepts;
using Vitrine.Mechanisms.ValueVectors;
using Vitrine.Policies;
using Vitrine.Studio.Hosting;
using Vitrine.Studio.Models;
using Vitrine.Studio.Scenes;
using Vitrine.Studio.Tour;
using Vitrine.Studio.Work;
using Vitrine.Transformers;
using Vitrine.Transformers.Points;
using Vitrine.Views;
using static TorchSharp.torch;

namespace Vitrine.Studio.Mapping;

/// <summary>A neuron that a search found.</summary>
/// <param name="Neuron">Which one.</param>
/// <param name="Score">By the search's rule.</param>
/// <param name="Top">What it writes.</param>
/// <param name="Bottom">What it writes when it is negative.</param>
public sealed record FoundNeuron(Neuron Neuron, double Score, IReadOnlyList<string> Top, IReadOnlyList<string> Bottom);

/// <summary>What was found, and by which rule.</summary>
/// <param name="Rule">What the score means.</param>
/// <param name="Neurons">The best first.</param>
internal sealed record NeuronSearch(string Rule, IReadOnlyList<FoundNeuron> Neurons);

/// <summary>The map of a model, and what of it was chosen.</summary>
/// <param name="Open">The model.</param>
/// <param name="Stacks">Those that have blocks.</param>
/// <param name="Shape">The stack that is shown.</param>
/// <param name="Layer">Chosen block; -1 for none.</param>
/// <param name="Neurons">Neurons of a page of the block, with words where the stack speaks.</param>
/// <param name="First">The first of them.</param>
internal sealed record ModelReading(
    OpenModel Open, IReadOnlyList<StackShape> Stacks, StackShape Shape, int Layer, IReadOnlyList<NeuronWords> Neurons, int First)
{
    /// <summary>Neurons on a page.</summary>
    public const int PageSize = 16;

    /// <summary>Neurons up to which a whole stack is read for a page.</summary>
    private const long Readable = 200_000;

    /// <summary>The parts of a policy; null of other models.</summary>
    public View? Diagram { get; init; }

    /// <summary>The profile of the layers; null where it was not asked for.</summary>
    public View? Profile { get; init; }

    /// <summary>What a search found; null where none was asked for.</summary>
    public NeuronSearch? Found { get; init; }

    /// <summary>A second checkpoint beside this one; null where none was named.</summary>
    public NeuronDiff? Diff { get; init; }

    /// <summary>Whether its value vectors have words.</summary>
    public bool Speaks => Shape.Vocabulary > 0 && Open.Model is not VisionModel && Open.Tokens.Language.Shape.Name == Shape.Name;

    /// <summary>Reads what an address asks for; weights are touched for chosen neurons alone.</summary>
    public static ModelReading Of(OpenModel open, PageAddress at, Workplace place)
    {
        var model = open.Model;
        var stacks = open.Stacks;
        var usual = model switch
        {
            Policy policy => policy.Language.Shape,
            TextModel text => text.Language.Shape,
            VisionModel vision => vision.Tower.Shape,
            _ => stacks[0],
        };
        var shape = stacks.FirstOrDefault(s => s.Name == at["stack"]) ?? usual;
        var layer = at["layer"] is null ? -1 : at.Whole("layer", 0, 0, shape.Layers - 1);
        var first = at["neuron"] is null ? at.Whole("first", 0, 0, Math.Max(0, shape.Neurons - 1)) : at.Whole("neuron", 0, 0, Math.Max(0, shape.Neurons - 1));
        var reading = new ModelReading(open, stacks, shape, layer, [], first);
        if (layer >= 0 && reading.Speaks)
        {
            reading = reading with { Neurons = TourReading.WordsOf(open, layer, [.. Enumerable.Range(first, Math.Min(PageSize, shape.Neurons - first))]) };
        }

        return reading with
        {
            Diagram = model is Policy described ? open.Kept("diagram", () => new TransformerDiagram(ModelDescription.Of(described), null)) : null,
            Profile = at["profile"] == "1" ? ProfileOf(reading) : null,
            Found = SearchOf(reading, at, place),
            Diff = at["other"] is { Length: > 0 } other ? DiffOf(reading, other) : null,
        };
    }

    private static LayerProfilePlot ProfileOf(ModelReading reading)
    {
        Require(reading);
        var (tokens, open) = (reading.Open.Tokens, reading.Open);
        return open.Kept("profile", () => new LayerProfilePlot(new LayerProfile
        {
            Stack = reading.Shape.Name,
            Rule = "at least 4 of the top 30 tokens belong to one word list",
            Vocabulary = tokens.Language.Shape.Vocabulary,
            Tokens = tokens.Valid.Count,
            ActionTokens = tokens.Valid.Count(tokens.IsAction),
            Rows = open.Patterns.Profile(),
        }));
    }

    private static NeuronSearch? SearchOf(ModelReading reading, PageAddress at, Workplace place)
    {
        const int Count = 12;
        if (at["word"] is { Length: > 0 } words)
        {
            Require(reading);
            string[] asked = words.Split([',', ' '], StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
            return Found($"mean logit of {string.Join(", ", asked)}, in deviations of the neuron's own logits",
                () => ConceptSearch.ByWords(reading.Open.Tokens.Language, reading.Open.Tokens, asked, Count));
        }

        if (at["towards"] is "more" or "less")
        {
            Require(reading);
            return Found($"correlation of the action tokens' logits with {(at["towards"] == "more" ? "larger" : "smaller")} actions",
                () => ConceptSearch.ByActionDirection(
                    reading.Open.Tokens.Language, reading.Open.Tokens, reading.Open.Tokens.Action, at["towards"] == "more", Count));
        }

        return at["example"] == "1" ? OfExample(reading, at, place, Count) : null;

        NeuronSearch Found(string rule, Func<IReadOnlyList<ScoredNeuron>> search)
            => reading.Open.Kept($"search {rule}", () => new NeuronSearch(rule, [.. search().Select(n => Worded(reading, n.Neuron, n.Score))]));
    }

    /// <summary>The neurons that write most on what the model is shown.</summary>
    private static NeuronSearch OfExample(ModelReading reading, PageAddress at, Workplace place, int count)
    {
        using var scene = Scene.Of(reading.Open, PageAddress.Of(at.With(("stack", reading.Shape.Name), ("token", null))), place);
        using var run = scene.Run(RunPlan.Capturing($"{scene.Stack.Shape.Name}.*.mlp.neurons"));
        using var scope = NewDisposeScope();
        using var mode = no_grad();
        var found = new List<(Neuron Neuron, double Written)>();
        for (var layer = 0; layer < scene.Stack.Shape.Layers; layer++)
        {
            var norms = TourReading.NormsOf(scene.Stack, layer);
            var most = TourReading.Floats(run.Run[scene.At(layer, "mlp.neurons")][0].to(float32).abs().amax([0L]));
            found.AddRange(most.Select((a, i) => (new Neuron(layer, i), (double)a * norms[i])));
        }

        return new NeuronSearch("largest length that the neuron writes at any token of the example",
            [.. found.OrderByDescending(f => f.Written).ThenBy(f => f.Neuron).Take(count).Select(f => Worded(reading, f.Neuron, f.Written))]);
    }

    private static FoundNeuron Worded(ModelReading reading, Neuron neuron, double score)
    {
        var words = reading.Speaks ? TourReading.WordsOf(reading.Open, neuron.Layer, [neuron.Index])[0] : null;
        return new FoundNeuron(neuron, score, [.. words?.Top.Select(t => t.Token) ?? []], [.. words?.Bottom.Select(t => t.Token) ?? []]);
    }

    private static NeuronDiff DiffOf(ModelReading reading, string other) => reading.Open.Kept($"{reading.Shape.Name} beside {other}", () =>
    {
        using var before = new StackValueVectors(reading.Open.Model, reading.Shape.Name);
        using var after = StackValueVectors.Open(other, reading.Shape.Name);
        return NeuronDiff.OfVectors(before, after);
    });

    private static void Require(ModelReading reading)
    {
        if (!reading.Speaks)
        {
            throw new VitrineException($"stack '{reading.Shape.Name}' speaks no language: there are no words to search its neurons by.");
        }

        if ((long)reading.Shape.Layers * reading.Shape.Neurons > Readable)
        {
            throw new VitrineException(
                $"stack '{reading.Shape.Name}' has {(long)reading.Shape.Layers * reading.Shape.Neurons} neurons, too many to read for a page; "
                + "'vitrine neurons --out FOLDER' reads them once and keeps them.");
        }
    }
}
