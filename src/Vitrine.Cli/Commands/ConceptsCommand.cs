using System.CommandLine;
using System.Globalization;
using Spectre.Console;
using Vitrine.Checkpoints;
using Vitrine.Mechanisms.Concepts;
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
    private readonly Option<int> seed = new("--seed") { Description = "Of the clusters." };
    private readonly Option<string?> map = new("--map") { Description = "Draw the neurons found, by meaning, into this HTML file." };
    private readonly Option<int> count = new("--count", "-n") { Description = "Neurons to list in a search.", DefaultValueFactory = _ => 20 };
    private readonly WordsOption words = WordsOption.Create();
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
        command.SetAction((parsed, cancellation) => Task.FromResult(asked.Run(parsed, cancellation)));
        return command;
    }

    private int Run(ParseResult parsed, CancellationToken cancellation)
    {
        using var model = Policy.Catalog.Open(parsed.GetValue(name)!, device.ModelOptionsOf(parsed));
        var lists = words.Lists(parsed);
        var patterns = LexicalPatterns.Read(model, lists, cancellation: cancellation, raw: parsed.GetValue(raw));
        var (tokens, within) = (patterns.Tokens, parsed.GetValue(depth));
        var mixed = new PolysemyRule(lists, tokens);
        using var unembedding = tokens.Language.Unembedding();
        using var space = SemanticSpace.Of(patterns.Readings, unembedding, tokens.Valid, parsed.GetValue(tokensOfMeaning));
        var search = new MeaningSearch(tokens, space, IsAllowed, within);
        if (parsed.GetValue(clusters) is { } groups)
        {
            var made = search.Clusters(groups, parsed.GetValue(count), parsed.GetValue(seed), cancellation);
            Print(made, tokens);
            Draw([.. made.Select((c, i) => ($"{i + 1} {tokens.Print(c.Tokens, 1)}", c.Neurons))]);
            return 0;
        }

        var wanted = parsed.GetValue(concept)!;
        var byMeaning = ByMeaning(parsed, search, model, tokens);
        var (how, found) = byMeaning is not null ? (byMeaning.How, byMeaning.Neurons) : BySpelling(parsed, model, patterns, lists);
        found = byMeaning is not null ? found : [.. found.Where(f => space.Within(f.Neuron, within) && IsAllowed(f.Neuron))];
        Draw([(wanted.Length > 0 ? string.Join(' ', wanted) : "found", [.. found.Select(f => f.Neuron)])]);
        if (parsed.GetValue(save) is { } path)
        {
            var called = wanted.Length > 0 ? string.Join('_', wanted) : $"action_{parsed.GetValue(direction)}";
            var set = new NeuronSet(found.Select(f => f.Neuron), tokens.Language.Shape.Name);
            AtomicFile.WriteAllText(path, NeuronSetFile.Write(new Dictionary<string, NeuronSet> { [called] = set }, model.Fingerprint));
        }

        Print(parsed, found, how, byMeaning?.Quality, patterns);
        return 0;

        bool IsAllowed(Neuron n) => parsed.GetValue(polysemy) is not { } most || mixed.Of(patterns.Readings[n.Layer][n.Index]).Score <= most;

        void Draw(IReadOnlyList<(string Name, IReadOnlyList<Neuron> Neurons)> groups)
        {
            if (parsed.GetValue(map) is { } page)
            {
                var drawn = ConceptMap.Of(space, groups, n => tokens.Print(space.ReadingOf(n).TopIds, 6));
                var told = $"{drawn.Points.Count} neurons of {model.Name}, model {model.Fingerprint[..12]}.";
                AtomicFile.WriteAllText(page, new NeighbourMap(drawn).RenderPage("Neurons by meaning", told));
            }
        }
    }

    /// <summary>A search in the semantic space; null where none was asked for.</summary>
    private MeaningFound? ByMeaning(ParseResult parsed, MeaningSearch search, Model model, TokenReader tokens)
    {
        var most = parsed.GetValue(count);
        return parsed.GetValue(like) is { } neuron ? search.ByNeuron(NeuronText.Parse(neuron, "concepts: --like"), most)
            : parsed.GetValue(bin) is { } action ? search.ByTokens([(int)RequireActions(model, tokens, "--bin").Encode(NormalisedAction(action))], most)
            : !parsed.GetValue(meaning) ? null
            : parsed.GetValue(concept) is { Length: > 0 } wanted ? search.ByWords(wanted, most)
            : throw new VitrineException("concepts: --meaning needs words; or name a neuron with --like, an action with --bin.");
    }

    private (string How, IReadOnlyList<ScoredNeuron> Found) BySpelling(ParseResult parsed, Model model, LexicalPatterns patterns, IReadOnlyList<WordList> lists)
    {
        var (tokens, wanted, most) = (patterns.Tokens, parsed.GetValue(concept)!, parsed.GetValue(count));
        if (parsed.GetValue(direction) is { } sign)
        {
            var actions = RequireActions(model, tokens, "--action");
            var pointing = ConceptSearch.ByActionDirection(tokens.Language, tokens, id => actions.Centre(id), IsPositive(sign), most, parsed.GetValue(raw));
            return ("correlation of action logits with their values", pointing);
        }

        if (wanted is [var only] && lists.Any(l => l.Name == only))
        {
            return ("words of the concept among the top 30", [.. patterns.Cluster(only).Select(n => new ScoredNeuron(n.Neuron, n.Words))]);
        }

        const string Mean = "mean logit of the words, in deviations of the neuron's logits";
        return wanted.Length == 0 ? throw new VitrineException("concepts: name a concept, words, or --action + or -.")
            : wanted.All(w => tokens.Id(w) is null) ? throw Unknown(wanted, lists)
            : (Mean, ConceptSearch.ByWords(tokens.Language, tokens, wanted, most, parsed.GetValue(raw)));
    }

    private static VitrineException Unknown(string[] words, IReadOnlyList<WordList> lists)
    {
        var (found, nearest) = (string.Join(", ", words.Select(w => $"'{w}'")), Nearest.Of(words[0], lists.Select(l => l.Name)));
        return new VitrineException($"concepts: {found}: no concept and no word of the vocabulary; the nearest concept is '{nearest}'.");
    }

    private void Print(ParseResult parsed, IReadOnlyList<ScoredNeuron> found, string how, ConceptQuality? quality, LexicalPatterns patterns)
    {
        var (tokens, rows) = (patterns.Tokens, found.Select(f => (f.Neuron, f.Score, Reading: patterns.Readings[f.Neuron.Layer][f.Neuron.Index])).ToArray());
        if (parsed.GetValue(json))
        {
            Output.Write(rows.Select(r => new
            {
                r.Neuron.Layer,
                r.Neuron.Index,
                r.Score,
                Top = r.Reading.TopIds.Select(tokens.Print),
                Bottom = r.Reading.BottomIds.Select(tokens.Print),
            }));
            return;
        }

        var table = Output.Table("neuron", "score", "writes", "writes when negative");
        foreach (var (neuron, score, reading) in rows)
        {
            table.Add($"{neuron}", score.ToString("0.##", CultureInfo.InvariantCulture), tokens.Print(reading.TopIds), tokens.Print(reading.BottomIds));
        }

        AnsiConsole.Write(table);
        Console.WriteLine($"{found.Count} neurons; score: {how}. That a neuron spells a word does not say that it causes anything: 'vitrine steer' tells.");
        using var source = new StackValueVectors(tokens.Language, fingerprint: "") { IsRaw = parsed.GetValue(raw) };
        RawOption.Tell(source);
        if (quality is not null)
        {
            var shuffled = $"the same with shuffled vocabularies {Number(quality.Shuffled)}, at most {Number(quality.LargestShuffled)}";
            Console.WriteLine($"mean {Number(quality.Measured)}; {shuffled}");
        }
    }

    private static void Print(IReadOnlyList<MeaningCluster> clusters, TokenReader tokens)
    {
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

    private static ActionTokens RequireActions(Model model, TokenReader tokens, string option)
        => tokens.Actions ?? throw new VitrineException($"{model.Name}: has no action tokens; {option} asks for a policy that says them.");

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
