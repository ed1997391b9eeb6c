using System.CommandLine;
using System.Globalization;
using Spectre.Console;
using Vitrine.Checkpoints;
using Vitrine.Mechanisms.Concepts;
using Vitrine.Mechanisms.ValueVectors;
using Vitrine.Policies;
using Vitrine.Transformers;

namespace Vitrine.Cli.Commands;

/// <summary><c>vitrine concepts MODEL WORD...</c>: the neurons that spell a concept.</summary>
internal static class ConceptsCommand
{
    public static Command Create()
    {
        var name = ModelArgument.Speaking();
        var concept = new Argument<string[]>("WORD") { Description = "A concept of the word lists, or words to search for.", Arity = ArgumentArity.ZeroOrMore };
        var direction = new Option<string?>("--action") { Description = "Search by the direction of the action tokens instead: + or -." };
        var count = new Option<int>("--count", "-n") { Description = "Neurons to list in a search.", DefaultValueFactory = _ => 20 };
        var words = WordsOption.Create();
        var meaning = new Option<bool>("--meaning") { Description = "Search by meaning (semantic embeddings) instead of by spelling." };
        var like = new Option<string?>("--like") { Description = "Search for neurons that mean what this one does, layer:index." };
        var bin = new Option<string?>("--bin") { Description = "Search for neurons that mean this normalised action, -1 to 1." };
        var clusters = new Option<int?>("--clusters") { Description = "Cluster the neurons by meaning into so many groups (k-means, cosine)." };
        var tokensOfMeaning = new Option<int>("--meaning-tokens") { Description = "Top tokens that make a neuron's meaning; 5 as published, others take 20.", DefaultValueFactory = _ => 5 };
        var depth = new Option<Depth>("--depth") { Description = "All layers, or the early or late half of them.", DefaultValueFactory = _ => Depth.Full };
        var polysemy = new Option<double?>("--max-polysemy") { Description = "Leave out neurons that mix opposite words or signs more than this, 0 to 1." };
        var seed = new Option<int>("--seed") { Description = "Of the clusters." };
        var map = new Option<string?>("--map") { Description = "Draw the neurons found, by meaning, into this HTML file." };
        var save = new Option<string?>("--save") { Description = "Write the neurons to this YAML file." };
        var device = DeviceOption.Create();
        var json = Output.JsonOption();
        var command = new Command("concepts", "Find the neurons whose value vectors spell a concept, or point in a direction of action.") { name, concept, direction, meaning, like, bin, clusters, tokensOfMeaning, depth, polysemy, seed, map, count, words, save, device, json };
        command.SetAction((parsed, cancellation) =>
        {
            using var model = Policy.Catalog.Open(parsed.GetValue(name)!, device.Opening(parsed));
            var tokens = TokenReader.Of(model);
            var readings = VocabularyProjection.Read(tokens.Language, [.. Enumerable.Range(0, tokens.Language.Shape.Layers)], 30, tokens.Valid, cancellation: cancellation);
            var wanted = parsed.GetValue(concept)!;
            var lists = words.Lists(parsed);
            var mixed = new PolysemyRule(lists, tokens);
            bool Allowed(Neuron n) => parsed.GetValue(polysemy) is not { } most || mixed.Of(readings[n.Layer][n.Index]).Score <= most;
            using var unembedding = tokens.Language.Unembedding();
            using var space = SemanticSpace.Of(readings, unembedding, tokens.Valid, parsed.GetValue(tokensOfMeaning));
            var search = new MeaningSearch(model, tokens, space);
            if (parsed.GetValue(clusters) is { } groups)
            {
                var made = search.Cluster(groups, parsed.GetValue(seed), parsed.GetValue(depth), Allowed, parsed.GetValue(count), cancellation);
                Draw(made);
                return Task.FromResult(0);
            }

            ConceptQuality? quality = null;
            var (how, found) = Find();
            found = quality is null ? [.. found.Where(f => space.Within(f.Neuron, parsed.GetValue(depth)) && Allowed(f.Neuron))] : found;
            Draw([(wanted.Length > 0 ? string.Join(' ', wanted) : "found", [.. found.Select(f => f.Neuron)])]);
            if (parsed.GetValue(save) is { } path)
            {
                var set = new Dictionary<string, NeuronSet> { [wanted.Length > 0 ? string.Join('_', wanted) : $"action_{parsed.GetValue(direction)}"] = new(found.Select(f => f.Neuron), tokens.Language.Shape.Name) };
                AtomicFile.WriteAllText(path, NeuronSetFile.Write(set, model.Fingerprint));
            }

            if (parsed.GetValue(json))
            {
                Output.Write(found.Select(f => new { f.Neuron.Layer, f.Neuron.Index, f.Score, Top = readings[f.Neuron.Layer][f.Neuron.Index].TopIds.Select(tokens.Print), Bottom = readings[f.Neuron.Layer][f.Neuron.Index].BottomIds.Select(tokens.Print) }));
                return Task.FromResult(0);
            }

            var table = Output.Table("neuron", "score", "writes", "writes when negative");
            foreach (var f in found)
            {
                var reading = readings[f.Neuron.Layer][f.Neuron.Index];
                table.Add($"{f.Neuron}", f.Score.ToString("0.##", CultureInfo.InvariantCulture), tokens.Print(reading.TopIds), tokens.Print(reading.BottomIds));
            }

            AnsiConsole.Write(table);
            Console.WriteLine($"{found.Count} neurons; score: {how}. That a neuron spells a word does not say that it causes anything: 'vitrine steer' tells.");
            if (quality is not null)
            {
                Console.WriteLine($"mean {MeaningSearch.Number(quality.Measured)}; the same with shuffled vocabularies {MeaningSearch.Number(quality.Shuffled)}, at most {MeaningSearch.Number(quality.LargestShuffled)}");
            }

            return Task.FromResult(0);

            (string, IReadOnlyList<ScoredNeuron>) Find()
            {
                if (parsed.GetValue(meaning) || parsed.GetValue(like) is not null || parsed.GetValue(bin) is not null)
                {
                    if (wanted.Length == 0 && parsed.GetValue(like) is null && parsed.GetValue(bin) is null)
                    {
                        throw new VitrineException("concepts: --meaning needs words; or name a neuron with --like, an action with --bin.");
                    }

                    (var by, var near, quality) = search.Find(wanted, parsed.GetValue(bin), parsed.GetValue(like), parsed.GetValue(count), parsed.GetValue(depth), Allowed);
                    return (by, near);
                }

                return parsed.GetValue(direction) is { } sign
                    ? ("correlation of action logits with their values", ConceptSearch.ByActionDirection(tokens.Language, tokens, ActionValue(search), Sign(sign), parsed.GetValue(count)))
                    : wanted.Length == 0 ? throw new VitrineException("concepts: name a concept, words, or --action + or -.")
                    : wanted.Length == 1 && lists.Any(l => l.Name == wanted[0])
                        ? ("words of the concept among the top 30", [.. new LexicalPatterns(readings, tokens, lists).Cluster(wanted[0]).Select(n => new ScoredNeuron(n.Neuron, n.Words))])
                        : wanted.All(w => tokens.Id(w) is null) ? throw new VitrineException(
                            $"concepts: {string.Join(", ", wanted.Select(w => $"'{w}'"))}: no concept and no word of the vocabulary; the nearest concept is '{Nearest.Of(wanted[0], lists.Select(l => l.Name))}'.")
                        : ("mean logit of the words, in deviations of the neuron's logits", ConceptSearch.ByWords(tokens.Language, tokens, wanted, parsed.GetValue(count)));
            }

            void Draw(IReadOnlyList<(string Name, IReadOnlyList<Neuron> Neurons)> groups)
            {
                if (parsed.GetValue(map) is { } page)
                {
                    search.WriteMap(page, groups);
                }
            }
        });
        return command;
    }

    private static Func<int, double> ActionValue(MeaningSearch search)
    {
        var actions = search.RequireActions("--action");
        return id => actions.Centre(id);
    }

    private static bool Sign(string text) => text switch
    {
        "+" => true,
        "-" => false,
        _ => throw new VitrineException($"concepts: --action is '{text}'; expected + or -."),
    };
}
