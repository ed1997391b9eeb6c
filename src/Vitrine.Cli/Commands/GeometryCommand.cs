using System.CommandLine;
using System.Globalization;
using Spectre.Console;
using Vitrine.Mechanisms.Probes;
using Vitrine.Mechanisms.Statistics;
using Vitrine.Policies;
using Vitrine.Transformers;
using Vitrine.Views;
using static TorchSharp.torch;

namespace Vitrine.Cli.Commands;

/// <summary>
/// <c>vitrine geometry MODEL</c>: how the activations of each layer lie, how alike layers are (of one model, of two points or of two models), and how far the
/// directions of concepts share an axis.
/// </summary>
internal sealed class GeometryCommand
{
    private const int Drawn = 192, Most = 1000;

    private readonly Argument<string> name = ModelArgument.Completed(new Argument<string>("MODEL")
    {
        Description = "A text model, an image encoder or a policy: a folder, a .gguf file, or ORG/NAME in the local cache.",
    });
    private readonly ProbedInputs inputs = new(Drawn);
    private readonly Option<string?> other = new("--with") { Description = "Another model of its kind, whose layers stand beside on the same examples." };
    private readonly Option<string?> otherPoint = new("--with-point")
    {
        Description = "Another point of the blocks, whose layers stand beside, e.g. mlp.out; of --with where that is named.",
    };
    private readonly Option<string[]> concepts = new("--concept")
    {
        Description = "NAME=WORD,WORD: a concept whose direction is compared with the others'; of a policy words of instructions, else labels. Every label by "
            + "default.",
        AllowMultipleArgumentsPerToken = true,
    };
    private readonly Option<ProbeKind> kind = new("--kind")
    {
        Description = "How a concept's direction is fitted: logistic, ridgeclassifier, discriminant, massmean.",
        DefaultValueFactory = _ => ProbeKind.Logistic,
    };
    private readonly Option<int?> clusters = new("--clusters") { Description = "Also look for this many groups (k-means), beside shuffled coordinates." };
    private readonly Option<int> most = new("--examples")
    {
        Description = $"Examples at most, drawn where there are more (tokens); up to {Most}.",
        DefaultValueFactory = _ => 256,
    };
    private readonly Option<int> shuffles = new("--shuffles") { Description = "How often examples and labels are shuffled.", DefaultValueFactory = _ => 20 };
    private readonly PageOption page = new();
    private readonly DeviceOption device = DeviceOption.Create();
    private readonly NonFiniteOption allowed = NonFiniteOption.Create();
    private readonly Option<bool> json = Output.JsonOption();

    public static Command Create()
    {
        var own = new GeometryCommand();
        var command = new Command(
            "geometry", "Measure how activations lie: dimensions of layers, likeness of layers or models, and axes that concepts share, beside shuffled ones.")
        {
            own.name,
        };
        own.inputs.AddTo(command);
        foreach (var option in (Option[])[own.other, own.otherPoint, own.concepts, own.kind, own.clusters, own.most, own.shuffles])
        {
            command.Add(option);
        }

        own.page.AddTo(command);
        foreach (var option in (Option[])[own.device, own.allowed, own.json])
        {
            command.Add(option);
        }

        command.SetAction(own.RunAsync);
        return command;
    }

    /// <summary>What was found.</summary>
    private sealed record Found(
        string Asked, int Examples, IReadOnlyList<LayerGeometry> Layers, LayerSimilarity Similarity, IReadOnlyList<LayerEntanglement> Entanglement);

    private async Task<int> RunAsync(ParseResult parsed, CancellationToken cancellation)
    {
        page.RequireWritable(parsed);
        var (count, seed) = (Within(parsed, most, 4, Most), parsed.GetValue(inputs.States.Seed));
        _ = Within(parsed, shuffles, 1, 1000);
        using var model = Policy.Catalog.Open(parsed.GetValue(name)!, allowed.Over(device.ModelOptionsOf(parsed), parsed));
        inputs.RefuseOthers(parsed, model, [], []);
        using var second = parsed.GetValue(other) is { } named ? Policy.Catalog.Open(named, allowed.Over(device.ModelOptionsOf(parsed), parsed)) : null;
        if (second is not null && Kind(second) != Kind(model))
        {
            throw new VitrineException($"--with {second.Name}: is {Kind(second)}, and {model.Name} is {Kind(model)}; expected two of a kind.");
        }

        var examples = inputs.Of(parsed, model);
        var asked = Concepts(parsed, model, examples);
        var point = inputs.Point(parsed);
        var beside = second is null && parsed.GetValue(otherPoint) is null ? null : new Beside(second ?? model, parsed.GetValue(otherPoint) ?? point);
        var (found, labels) = await Stages.RunAsync(async stages =>
        {
            var one = await ReadAsync(model, point, "reading activations").ConfigureAwait(false);
            using var ownedOne = new Layers(one.Chosen);
            var two = beside is null ? null : await ReadAsync(beside.Model, beside.Point, "reading the other's").ConfigureAwait(false) as Read?;
            using var ownedTwo = new Layers(two?.Chosen ?? []);
            if (two is { } b && !b.Owners.SequenceEqual(one.Owners))
            {
                throw new VitrineException("--with: the two models cut the texts into different tokens; ask at --at last, first or mean.");
            }

            var shapes = await stages.StageAsync("measuring layers", 25, p => Task.FromResult(LayerGeometry.Of(
                one.Chosen, parsed.GetValue(clusters), parsed.GetValue(shuffles), seed, p, cancellation))).ConfigureAwait(false);
            var alike = await stages.StageAsync("comparing layers", 25, p => Task.FromResult(LayerSimilarity.Of(
                one.Chosen, two?.Chosen, parsed.GetValue(shuffles), seed, p, cancellation))).ConfigureAwait(false);
            var entangled = asked.Count == 0 ? [] : await stages.StageAsync("comparing concepts", 25, p => Task.FromResult(LayerEntanglement.Of(
                one.Chosen, [.. asked.Select(c => (c.Name, (IReadOnlyList<bool>)[.. one.Owners.Select(o => c.Has[o])]))],
                new ProbeRecipe { Kind = parsed.GetValue(kind), Scaled = true }, parsed.GetValue(shuffles), seed, p, cancellation))).ConfigureAwait(false);
            return (new Found(What(one.Owners.Count), one.Owners.Count, shapes, alike, entangled), one.Owners.Select(o => Label(o, examples, asked)).ToArray());

            async Task<Read> ReadAsync(Model whose, string where, string says)
            {
                using var read = await stages.StageAsync(says, 25, p => Task.FromResult(examples.Read(whose, where, p, cancellation))).ConfigureAwait(false);
                int[] all = [.. Enumerable.Range(0, read.Owners.Count)];
                int[] chosen = all.Length <= count ? all : [.. new RandomStream($"geometry/{seed}").Shuffled(all).Take(count).Order()];
                using var at = tensor(chosen.Select(i => (long)i).ToArray());
                return new([.. chosen.Select(i => read.Owners[i])],
                    [.. read.Layers.Select(l => l with { Activations = l.Activations.index_select(0, at) })]);
            }

            string What(int used) => (model is Policy ? $"{examples.What}, where {model.Name} decides, at {point}"
                : $"{examples.What} at {ProbedInputs.Spelled(examples.At)} of {point}")
                + (used == examples.Shown.Count ? "" : $"; {used} examples of them")
                + (beside is null ? "" : $"; beside {beside.Point}{(second is null ? "" : $" of {second.Name}")}");
        }).ConfigureAwait(false);
        page.Write(parsed, "geometry", model, seed, made => GeometryPage.Render(
            new GeometryPageData($"How the activations of {Path.GetFileName(model.Name.TrimEnd('/'))} lie", found.Asked, found.Layers, found.Similarity, made)
            {
                Entanglement = found.Entanglement,
                Labels = labels,
            }));
        if (parsed.GetValue(json))
        {
            Output.Write(found);
        }
        else
        {
            Print(found);
        }

        return 0;
    }

    /// <summary>Which examples have a concept.</summary>
    private sealed record Concept(string Name, IReadOnlyList<bool> Has);

    private sealed record Beside(Model Model, string Point);

    /// <param name="Owners">Example of each row.</param>
    /// <param name="Chosen">Layers of those rows.</param>
    private readonly record struct Read(IReadOnlyList<int> Owners, IReadOnlyList<ProbedLayer> Chosen);

    private sealed class Layers(IReadOnlyList<ProbedLayer> all) : IDisposable
    {
        public void Dispose()
        {
            foreach (var layer in all)
            {
                layer.Activations.Dispose();
            }
        }
    }

    private IReadOnlyList<Concept> Concepts(ParseResult parsed, Model model, ProbedExamples examples)
    {
        string[] named = parsed.GetValue(concepts) ?? [];
        if (named.Length == 0)
        {
            string[] labels = [.. examples.Labels.Distinct().Order(StringComparer.Ordinal)];
            return labels.Length < 3 ? [] : [.. labels.Select(l => new Concept(l, [.. examples.Labels.Select(other => other == l)]))];
        }

        Concept[] asked = [.. named.Select(Of)];
        return asked.Length >= 2 && asked.Select(c => c.Name).Distinct().Count() == asked.Length
            ? asked
            : throw new VitrineException($"--concept: names {string.Join(", ", asked.Select(c => c.Name))}; expected two or more of different names.");

        Concept Of(string text)
        {
            var (concept, rest) = text.IndexOf('=', StringComparison.Ordinal) is >= 0 and var at ? (text[..at].Trim(), text[(at + 1)..]) : (text.Trim(), text);
            var words = Output.List([rest]);
            if (concept.Length == 0 || words.Length == 0)
            {
                throw new VitrineException($"--concept is '{text}'; expected NAME=WORD,WORD.");
            }

            bool[] has = model is Policy
                ? [.. examples.Shown.Select(s => Instructions.Words(s).Intersect(words, StringComparer.OrdinalIgnoreCase).Any())]
                : [.. examples.Labels.Select(l => words.Contains(l))];
            return has.Contains(true) && has.Contains(false)
                ? new Concept(concept, has)
                : throw new VitrineException($"--concept {concept}: {has.Count(h => h)} of {has.Length} examples have {string.Join(" or ", words)}; "
                    + $"expected some with and some without{(model is Policy ? $", e.g. '{examples.Shown[0]}'" : "")}.");
        }
    }

    /// <summary>What an example is called on the page: its label, or the first concept that it has; empty where it has none.</summary>
    private static string Label(int example, ProbedExamples examples, IReadOnlyList<Concept> concepts)
        => examples.Labels.Count > 0 && concepts.All(c => examples.Labels.Contains(c.Name)) ? examples.Labels[example]
            : concepts.FirstOrDefault(c => c.Has[example])?.Name ?? "";

    private static string Kind(Model model) => model switch { TextModel => "a text model", VisionModel => "an image encoder", _ => "a policy" };

    private static int Within(ParseResult parsed, Option<int> option, int least, int greatest)
        => parsed.GetValue(option) is var value && value >= least && value <= greatest
            ? value
            : throw new VitrineException($"{option.Name} is {value}; expected {least} to {greatest}.");

    private static void Print(Found found)
    {
        var areClustered = found.Layers[0].Clusters is not null;
        var shape = Output.Table(
            ["layer", "participation ratio", "TwoNN", "first component", "components for 90 %", .. areClustered ? ["silhouette", "shuffled", "p"]
                : Array.Empty<string>()]);
        foreach (var layer in found.Layers)
        {
            shape.Add(
            [
                $"{layer.Layer}", Number(layer.ParticipationRatio, "0.0"), Number(layer.TwoNearestNeighbours, "0.0"), Number(layer.Shares[0], "0 %"),
                $"{layer.Needed}",
                .. layer.Clusters is { } groups ? [Number(groups.Silhouette), Number(groups.Shuffled.Mean), Number(groups.P)] : Array.Empty<string>(),
            ]);
        }

        AnsiConsole.Write(shape);
        var alike = Output.Table("layer", "beside", "CKA", "unbiased", "shuffled examples", "left after rotation", "shuffled examples");
        foreach (var match in found.Similarity.Matches)
        {
            alike.Add(match.Place, match.Beside, Number(match.Cka), Number(match.Unbiased), Number(match.Shuffled), Number(match.Disparity),
                Number(match.ShuffledDisparity));
        }

        AnsiConsole.Write(alike);
        if (found.Entanglement.Count > 0)
        {
            var shared = Output.Table("layer", "mean |cos|", "largest", "between", "shuffled coordinates", "p", "shuffled labels", "p");
            foreach (var row in found.Entanglement)
            {
                shared.Add(
                    $"{row.Layer}", Number(row.Found.Mean), Number(row.Found.Largest), Pair(row.Found), Number(row.Found.Shuffled.Mean), Number(row.Found.P),
                    Number(row.ShuffledLabels.Mean), Number(row.P));
            }

            AnsiConsole.Write(shared);
        }

        Console.WriteLine($"{found.Asked}; width {found.Layers[0].Width}");
        Console.WriteLine("CKA: 1 for what differs by rotation and scale; unbiased about 0 for unrelated layers, which CKA is not (shuffled examples)");
        Console.WriteLine("left after rotation: Procrustes, 0 for the same shape; beside the same of shuffled examples");
        if (found.Entanglement.Count > 0)
        {
            Console.WriteLine($"|cos| between directions of {string.Join(", ", found.Entanglement[0].Found.Names)}; shuffled labels: all concepts moved "
                + "together to other examples");
        }

        static string Pair(Mechanisms.Geometry.Entanglement shared) => shared.Cosines.SelectMany((row, a) => row.Take(a).Select((v, b) => (v, a, b)))
            .MaxBy(p => p.v) is var (_, one, other) ? $"{shared.Names[other]}, {shared.Names[one]}" : "";

        static string Number(double? value, string format = "0.000") => value?.ToString(format, CultureInfo.InvariantCulture) ?? "-";
    }
}
