using System.CommandLine;
using System.Globalization;
using Spectre.Console;
using Vitrine.Checkpoints;
using Vitrine.Mechanisms.Concepts;
using Vitrine.Mechanisms.Pictures;
using Vitrine.Mechanisms.ValueVectors;
using Vitrine.Policies;
using Vitrine.Policies.Actions;
using Vitrine.Transformers;
using Vitrine.Views;

namespace Vitrine.Cli.Commands;

/// <summary><c>vitrine concepts MODEL WORD...</c>: the neurons that spell a concept.</summary>
internal sealed class ConceptsCommand
{
    private readonly Argument<string> name = ModelArgument.Speaking();
    private readonly Argument<string[]> concept = new("WORD")
    {
        Description = "A concept of the word lists, or words to search for.",
        Arity = ArgumentArity.ZeroOrMore,
    };
    private readonly Option<string?> direction = new("--action") { Description = "Search by the direction of the action tokens instead: + or -." };
    private readonly Option<bool> meaning = new("--meaning") { Description = "Search by meaning (semantic embeddings) instead of by spelling." };
    private readonly Option<string?> like = new("--like") { Description = "Search for neurons that mean what this one does, layer:index." };
    private readonly Option<string?> bin = new("--bin") { Description = "Search for neurons that mean this normalised action, -1 to 1." };
    private readonly Option<int?> clusters = new("--clusters") { Description = "Cluster the neurons by meaning into so many groups (k-means, cosine)." };
    private readonly Option<int> tokensOfMeaning = new("--meaning-tokens")
    {
        Description = "Top tokens that make a neuron's meaning; 5 as published, others take 20.",
        DefaultValueFactory = _ => 5,
    };

    private readonly Option<Depth> depth = new("--depth")
    {
        Description = "All layers, or the early or late half of them.",
        DefaultValueFactory = _ => Depth.Full,
    };
    private readonly Option<double?> polysemy = new("--max-polysemy")
    {
        Description = "Leave out neurons that mix opposite words or signs more than this, 0 to 1.",
    };
    private readonly Option<int> seed = new("--seed") { Description = "Of the clusters; with --direction, of the situations." };
    private readonly ExpertOptions expert = new();
    private readonly Option<string?> map = new("--map") { Description = "Draw the neurons found, by meaning, into this HTML file." };
    private readonly Option<int> count = new("--count", "-n")
    {
        Description = "Neurons to list: all of a listed concept, 20 of a search by default.",
        DefaultValueFactory = _ => 20,
    };
    private readonly WordsOption words = WordsOption.Create();
    private readonly ShownPictures shown = new();
    private readonly Option<string?> save = new("--save") { Description = "Write the neurons to this YAML file." };
    private readonly Option<bool> raw = RawOption.Create();
    private readonly DeviceOption device = DeviceOption.Create();
    private readonly Option<bool> json = Output.JsonOption();

    public static Command Create()
    {
        var asked = new ConceptsCommand();
        var command = new Command("concepts", "Find the neurons whose value vectors spell a concept, or point in a direction of action.")
        {
            asked.name, asked.concept, asked.direction, asked.meaning, asked.like, asked.bin, asked.clusters, asked.tokensOfMeaning, asked.depth,
            asked.polysemy, asked.seed, asked.map, asked.count, asked.words, asked.save, asked.raw, asked.device, asked.json,
        };
        asked.shown.AddTo(command);
        asked.expert.AddTo(command);
        command.SetAction(asked.RunAsync);
        return command;
    }

    private async Task<int> RunAsync(ParseResult parsed, CancellationToken cancellation)
    {
        var opening = device.ModelOptionsOf(parsed);
        using var model = Policy.Catalog.Open(parsed.GetValue(name)!, opening);
        if (expert.IsAsked(parsed))
        {
            var asked = new ExpertAsked(
                parsed.GetValue(name)!, opening, parsed.GetValue(count), Within(parsed, model.Decoders.LastOrDefault()?.Shape.Layers ?? 0),
                parsed.GetValue(seed), parsed.GetValue(save), parsed.GetValue(json));
            return await expert.RunAsync(parsed, model, asked, cancellation).ConfigureAwait(false);
        }

        var batch = shown.Batch(parsed, model);
        var lists = words.Lists(parsed, model);
        var tokens = TokenReader.Of(model);
        var wanted = Output.List(parsed.GetValue(concept));
        var list = wanted is [var only] ? ConceptNames.Find(only, lists) : null;
        if (parsed.GetValue(direction) is null && list is null && !IsByMeaning(parsed) && parsed.GetValue(clusters) is null)
        {
            RequireKnown(wanted, lists, tokens);
        }

        if (list is null && !IsByMeaning(parsed) && parsed.GetValue(clusters) is null && parsed.GetValue(polysemy) is null && parsed.GetValue(map) is null)
        {
            var (label, best, readings) = await Output.WithProgressAsync(
                "searching value vectors", p => Task.FromResult(Search(parsed, tokens, wanted, p, cancellation))).ConfigureAwait(false);
            Finish(parsed, model, batch, new Found(label, best, n => readings[n]), tokens, wanted);
            return 0;
        }

        var patterns = await Output.WithProgressAsync(
            "reading value vectors", p => Task.FromResult(LexicalPatterns.Read(model, lists, p, cancellation, parsed.GetValue(raw)))).ConfigureAwait(false);
        var within = parsed.GetValue(depth);
        var mixed = new PolysemyRule(lists, tokens);
        using var unembedding = tokens.Language.Unembedding();
        using var space = SemanticSpace.Of(patterns.Readings, unembedding, tokens.Valid, parsed.GetValue(tokensOfMeaning));
        var search = new MeaningSearch(tokens, space, IsAllowed, within);
        if (parsed.GetValue(clusters) is { } groups)
        {
            var made = search.Clusters(groups, parsed.GetValue(count), parsed.GetValue(seed), cancellation);
            Print(made, tokens, parsed.GetValue(json));
            Draw([.. made.Select((c, i) => ($"{i + 1} {tokens.Print(c.Tokens, 1)}", c.Neurons))]);
            return 0;
        }

        const string Listed = "words of the concept among the top 30";
        var byMeaning = ByMeaning(parsed, search, tokens, wanted);
        var (how, found) = byMeaning is not null ? (byMeaning.How, byMeaning.Neurons)
            : list is not null ? (Listed, Clustered(list))
            : BySpelling(parsed, tokens, wanted, new SearchOptions { Layers = Layers(parsed, tokens), Cancellation = cancellation });
        found = byMeaning is not null ? found : [.. found.Where(f => IsAllowed(f.Neuron))];
        Draw([(wanted.Length > 0 ? string.Join(' ', wanted) : "found", [.. found.Select(f => f.Neuron)])]);
        Finish(parsed, model, batch, new Found(how, found, n => patterns.Readings[n.Layer][n.Index], byMeaning?.Quality), tokens, wanted);
        return 0;

        IReadOnlyList<ScoredNeuron> Clustered(WordList of)
            => [.. patterns.Cluster(of.Name).Select(n => new ScoredNeuron(n.Neuron, n.Words)).Where(n => space.Within(n.Neuron, within)).Take(Most())];

        int Most() => parsed.GetResult(count) is { Implicit: false } ? parsed.GetValue(count) : int.MaxValue;

        bool IsAllowed(Neuron n) => parsed.GetValue(polysemy) is not { } most || mixed.Of(patterns.Readings[n.Layer][n.Index]).Score <= most;

        void Draw(IReadOnlyList<(string Name, IReadOnlyList<Neuron> Neurons)> drawnGroups)
        {
            if (parsed.GetValue(map) is { } page)
            {
                var drawn = ConceptMap.Of(space, drawnGroups, n => tokens.Print(space.ReadingOf(n).TopIds, 6));
                var told = $"{drawn.Points.Count} neurons of {model.Name}, model {model.Fingerprint[..12]}.";
                AtomicFile.WriteAllText(page, new NeighbourMap(drawn).RenderPage("Neurons by meaning", told));
            }
        }
    }

    /// <summary>What a search found.</summary>
    private sealed record Found(string How, IReadOnlyList<ScoredNeuron> Neurons, Func<Neuron, NeuronReading> Reading, ConceptQuality? Quality = null);

    private bool IsByMeaning(ParseResult parsed) => parsed.GetValue(meaning) || parsed.GetValue(like) is not null || parsed.GetValue(bin) is not null;

    private IReadOnlyList<int> Layers(ParseResult parsed, TokenReader tokens) => Within(parsed, tokens.Language.Shape.Layers);

    private IReadOnlyList<int> Within(ParseResult parsed, int all)
        => [.. Enumerable.Range(0, all).Where(l => parsed.GetValue(depth).Holds(l, all))];

    /// <summary>The neurons that fit best, found without reading every neuron, and what these write.</summary>
    private (string How, IReadOnlyList<ScoredNeuron> Found, Dictionary<Neuron, NeuronReading> Readings) Search(
        ParseResult parsed, TokenReader tokens, string[] wanted, IProgress<double> progress, CancellationToken cancellation)
    {
        var options = new SearchOptions { Layers = Layers(parsed, tokens), Progress = progress, Cancellation = cancellation };
        var (how, found) = BySpelling(parsed, tokens, wanted, options);
        using var source = new StackValueVectors(tokens.Language, fingerprint: "") { IsRaw = parsed.GetValue(raw) };
        Neuron[] neurons = [.. found.Select(f => f.Neuron)];
        var read = VocabularyProjection.Read(source, neurons, new ProjectionSettings { Count = 30, Tokens = tokens.Valid }, cancellation);
        return (how, found, neurons.Zip(read).ToDictionary(p => p.First, p => p.Second));
    }

    private void Finish(ParseResult parsed, Model model, TokenBatch? batch, Found found, TokenReader tokens, string[] wanted)
    {
        if (parsed.GetValue(save) is { } path)
        {
            var called = wanted.Length > 0 ? string.Join('_', wanted) : $"action_{parsed.GetValue(direction)}";
            var set = new NeuronSet(found.Neurons.Select(f => f.Neuron), tokens.Language.Shape.Name);
            AtomicFile.WriteAllText(path, NeuronSetFile.Write(new Dictionary<string, NeuronSet> { [called] = set }, model.Fingerprint));
        }

        var firing = batch is null ? null : PictureActivity.Of((TextModel)model, batch, [.. found.Neurons.Select(f => f.Neuron)]);
        Print(parsed, found, tokens, firing);
    }

    /// <summary>Refuses a search for nothing; words that the vocabulary lacks are told, and a search with none of them is refused.</summary>
    private static void RequireKnown(string[] wanted, IReadOnlyList<WordList> lists, TokenReader tokens)
    {
        if (wanted.Length == 0)
        {
            throw new VitrineException("concepts: name a concept, words, --action + or -, or --direction.");
        }

        string[] unknown = [.. wanted.Where(w => tokens.IdOfAnyCase(w) is null).Select(w => $"'{w}'{Hint(w, lists, tokens)}")];
        if (unknown.Length == wanted.Length)
        {
            throw new VitrineException($"concepts: {(lists.Count > 0 ? "no concept and " : "")}no word of the vocabulary: {string.Join(", ", unknown)}.");
        }

        Output.Warn(unknown.Select(w => $"{w} is no word of the vocabulary and is left out"));
    }

    private static string Hint(string word, IReadOnlyList<WordList> lists, TokenReader tokens)
        => ConceptNames.Nearest(word, lists, tokens) is { } nearest ? $" (the nearest concept is '{nearest.List.Name}', {nearest.Why})" : "";

    /// <summary>A search in the semantic space; null where none was asked for.</summary>
    private MeaningFound? ByMeaning(ParseResult parsed, MeaningSearch search, TokenReader tokens, string[] wanted)
    {
        var most = parsed.GetValue(count);
        return parsed.GetValue(like) is { } neuron ? search.ByNeuron(NeuronText.Parse(neuron, "concepts: --like"), most)
            : parsed.GetValue(bin) is { } action ? search.ByTokens([RequireActions(tokens, "--bin").Encode(NormalisedAction(action))], most)
            : !parsed.GetValue(meaning) ? null
            : wanted.Length > 0 ? search.ByWords(wanted, most)
            : throw new VitrineException("concepts: --meaning needs words; or name a neuron with --like, an action with --bin.");
    }

    private (string How, IReadOnlyList<ScoredNeuron> Found) BySpelling(ParseResult parsed, TokenReader tokens, string[] wanted, SearchOptions options)
    {
        var (most, isRaw) = (parsed.GetValue(count), parsed.GetValue(raw));
        if (parsed.GetValue(direction) is { } sign)
        {
            var actions = RequireActions(tokens, "--action");
            var pointing = ConceptSearch.ByActionDirection(tokens.Language, tokens, id => actions.Centre(id), IsPositive(sign), most, isRaw, options);
            return ("correlation of action logits with their values", pointing);
        }

        const string Mean = "mean logit of the words, in deviations of the neuron's logits";
        return (Mean, ConceptSearch.ByWords(tokens.Language, tokens, wanted, most, isRaw, options));
    }

    private void Print(ParseResult parsed, Found found, TokenReader tokens, IReadOnlyList<NeuronOnPictures>? firing)
    {
        var rows = found.Neurons.Select(f => (f.Neuron, f.Score, Reading: found.Reading(f.Neuron))).ToArray();
        if (parsed.GetValue(json))
        {
            Output.Write(rows.Select((r, i) => new
            {
                r.Neuron.Layer,
                r.Neuron.Index,
                r.Score,
                Top = r.Reading.TopIds.Select(tokens.Print),
                Bottom = r.Reading.BottomIds.Select(tokens.Print),
                OnPictures = firing is null ? null : new { firing[i].Activation, firing[i].Share, firing[i].At },
            }));
            return;
        }

        string[] onPictures = firing is null ? [] : ["activation", "most active at"];
        var table = Output.Table(["neuron", "score", .. onPictures, "writes", "writes when negative"]);
        foreach (var (i, (neuron, score, reading)) in rows.Index())
        {
            string[] seen = firing is null ? [] : [firing[i].Activation.ToString("+0.000;-0.000;0.000", CultureInfo.InvariantCulture), $"{firing[i].At}"];
            table.Add(
                [$"{neuron}", score.ToString("0.##", CultureInfo.InvariantCulture), .. seen, tokens.Print(reading.TopIds), tokens.Print(reading.BottomIds)]);
        }

        AnsiConsole.Write(table);
        Console.WriteLine($"{rows.Length} neurons; score: {found.How}. "
            + "That a neuron spells a word does not say that it causes anything: 'vitrine steer' tells.");
        using var source = new StackValueVectors(tokens.Language, fingerprint: "") { IsRaw = parsed.GetValue(raw) };
        RawOption.Tell(source);
        if (found.Quality is { } quality)
        {
            var shuffled = $"the same with shuffled vocabularies {Number(quality.Shuffled)}, at most {Number(quality.LargestShuffled)}";
            Console.WriteLine($"mean {Number(quality.Measured)}; {shuffled}");
        }
    }

    private static void Print(IReadOnlyList<MeaningCluster> clusters, TokenReader tokens, bool json)
    {
        if (json)
        {
            Output.Write(clusters.Select(c => new
            {
                Neurons = c.Neurons.Select(n => new { n.Layer, n.Index }),
                c.Coherence,
                Cosine = c.Quality.Measured,
                c.Quality.Shuffled,
                c.Quality.LargestShuffled,
                Top = c.Tokens.Select(tokens.Print),
            }));
            return;
        }

        var table = Output.Table("cluster", "neurons", "cosine with centre", "pairwise cosine", "shuffled vocabulary", "largest shuffled", "writes most");
        foreach (var (i, cluster) in clusters.Index())
        {
            var quality = cluster.Quality;
            table.Add(
                $"{i + 1}", $"{cluster.Neurons.Count}", Number(cluster.Coherence), Number(quality.Measured), Number(quality.Shuffled),
                Number(quality.LargestShuffled), tokens.Print(cluster.Tokens, 8));
        }

        AnsiConsole.Write(table);
    }

    private static ActionTokens RequireActions(TokenReader tokens, string option)
        => tokens.Actions ?? throw new VitrineException($"concepts: the model has no action tokens; {option} asks for a policy that says them, "
            + "--direction +z for one whose expert flows.");

    private static double NormalisedAction(string text)
        => double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var value) && value is >= -1 and <= 1
            ? value
            : throw new VitrineException($"concepts: --bin is '{text}'; expected a normalised action between -1 and 1.");

    private static bool IsPositive(string text) => text switch
    {
        "+" => true,
        "-" => false,
        _ => throw new VitrineException($"concepts: --action is '{text}'; expected + or -."),
    };

    private static string Number(double value) => value.ToString("0.000", CultureInfo.InvariantCulture);
}
