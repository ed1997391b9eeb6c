using System.CommandLine;
using System.Globalization;
using Spectre.Console;
using Vitrine.Checkpoints;
using Vitrine.Mechanisms.Concepts;
using Vitrine.Mechanisms.ValueVectors;
using Vitrine.Policies;
using Vitrine.Policies.OpenVla;
using Vitrine.Transformers;

namespace Vitrine.Cli.Commands;

/// <summary><c>vitrine concepts POLICY WORD...</c>: the neurons that spell a concept.</summary>
internal static class ConceptsCommand
{
    public static Command Create()
    {
        var name = new Argument<string>("POLICY") { Description = "A folder in OpenVLA's layout, or embedded:tabletop." };
        var concept = new Argument<string[]>("WORD") { Description = "A concept of the word lists, or words to search for.", Arity = ArgumentArity.ZeroOrMore };
        var direction = new Option<string?>("--action") { Description = "Search by the direction of the action tokens instead: + or -." };
        var count = new Option<int>("--count", "-n") { Description = "Neurons to list in a search.", DefaultValueFactory = _ => 20 };
        var words = new Option<string?>("--words") { Description = "YAML of concept words; those of the tabletop by default." };
        var save = new Option<string?>("--save") { Description = "Write the neurons to this YAML file." };
        var json = Output.JsonOption();
        var command = new Command("concepts", "Find the neurons whose value vectors spell a concept, or point in a direction of action.") { name, concept, direction, count, words, save, json };
        command.SetAction((parsed, cancellation) =>
        {
            using var policy = OpenVlaPolicy.Open(PolicyFolder.Resolve(parsed.GetValue(name)!));
            var tokens = new TokenReader(policy);
            var readings = VocabularyProjection.Read(policy.Language, [.. Enumerable.Range(0, policy.Language.Shape.Layers)], 30, tokens.Valid, cancellation: cancellation);
            var wanted = parsed.GetValue(concept)!;
            var lists = NeuronsCommand.Words(parsed.GetValue(words));
            var (how, found) = parsed.GetValue(direction) is { } sign
                ? ("correlation of action logits with their values", ConceptSearch.ByActionDirection(policy.Language, tokens, id => policy.Actions.Centre(id), Sign(sign), parsed.GetValue(count)))
                : wanted.Length == 0 ? throw new VitrineException("concepts: name a concept, words, or --action + or -.")
                : wanted.Length == 1 && lists.Any(l => l.Name == wanted[0])
                    ? ("words of the concept among the top 30", [.. new LexicalPatterns(readings, tokens, lists).Cluster(wanted[0]).Select(n => new ScoredNeuron(n.Neuron, n.Words))])
                    : ("mean logit of the words, in deviations of the neuron's logits", ConceptSearch.ByWords(policy.Language, tokens, wanted, parsed.GetValue(count)));
            if (parsed.GetValue(save) is { } path)
            {
                var set = new Dictionary<string, NeuronSet> { [wanted.Length > 0 ? string.Join('_', wanted) : $"action_{parsed.GetValue(direction)}"] = new(found.Select(f => f.Neuron)) };
                AtomicFile.WriteAllText(path, NeuronSetFile.Write(set, policy.Fingerprint));
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
                table.Add($"{f.Neuron}", f.Score.ToString("0.##", CultureInfo.InvariantCulture), NeuronsCommand.Print(reading.TopIds, tokens), NeuronsCommand.Print(reading.BottomIds, tokens));
            }

            AnsiConsole.Write(table);
            Console.WriteLine($"{found.Count} neurons; score: {how}. That a neuron spells a word does not say that it causes anything: 'vitrine steer' tells.");
            return Task.FromResult(0);
        });
        return command;
    }

    private static bool Sign(string text) => text switch
    {
        "+" => true,
        "-" => false,
        _ => throw new VitrineException($"concepts: --action is '{text}'; expected + or -."),
    };
}
