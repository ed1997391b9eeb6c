using System.CommandLine;
using System.Globalization;
using Spectre.Console;
using Vitrine.Mechanisms.ValueVectors;
using Vitrine.Policies;

namespace Vitrine.Cli.Commands;

/// <summary><c>vitrine neurons MODEL</c>: what every feed-forward neuron writes.</summary>
internal static class NeuronsCommand
{
    private const int InTable = 20;

    public static Command Create()
    {
        var name = ModelArgument.Speaking();
        var layer = new Option<int?>("--layer") { Description = "One layer instead of the profile of all." };
        var top = new Option<int>("--top") { Description = "Tokens at each end.", DefaultValueFactory = _ => 30 };
        var count = new Option<int?>("--count", "-n") { Description = "Neurons of the layer to list: 20 in a table, all as JSON by default." };
        var words = WordsOption.Create();
        var published = new Option<bool>("--as-published")
        {
            Description = "Read in every row of the unembedding, padding rows included, as the published code does.",
        };
        var norm = new Option<ReadingNorm>("--norm")
        {
            Description = "What stands before the unembedding: nothing (as published), the gain of the final norm, or the gain centred.",
            DefaultValueFactory = _ => ReadingNorm.None,
        };
        var raw = RawOption.Create();
        var folder = new Option<string?>("--out") { Description = "Keep all layers in this folder as Parquet, one file a layer; an interrupted run goes on." };
        var lines = new Option<bool>("--jsonl") { Description = "With --out: JSON lines beside Parquet." };
        var device = DeviceOption.Create();
        var json = Output.JsonOption();
        var command = new Command("neurons", "Read the value vectors of feed-forward neurons in the model's own vocabulary.")
        {
            name, layer, top, count, words, published, norm, raw, folder, lines, device, json,
        };
        command.Add(NeuronsDiffCommand.Create());
        command.SetAction(async (parsed, cancellation) =>
        {
            using var model = Policy.Catalog.Open(parsed.GetValue(name)!, device.ModelOptionsOf(parsed));
            var tokens = TokenReader.Of(model);
            int[] layers = parsed.GetValue(layer) is { } one ? [one] : [.. Enumerable.Range(0, tokens.Language.Shape.Layers)];
            var settings = new ProjectionSettings
            {
                Count = parsed.GetValue(top),
                Norm = parsed.GetValue(norm),
                Tokens = parsed.GetValue(published) ? null : tokens.Valid,
            };
            using var source = new StackValueVectors(model, tokens.Language.Shape.Name) { IsRaw = parsed.GetValue(raw) };
            if (parsed.GetValue(folder) is { } target)
            {
                var forms = parsed.GetValue(lines) ? ProjectionForms.Parquet | ProjectionForms.JsonLines : ProjectionForms.Parquet;
                var kept = ProjectionFolder.Open(target, source, settings);
                var done = await Output.WithProgressAsync("reading value vectors", p => kept.RunAsync(tokens.Print, forms, layers, p, cancellation))
                    .ConfigureAwait(false);
                Console.WriteLine($"{target}: {done.Count} layers read, {layers.Length - done.Count} were there; model {model.Fingerprint}");
                RawOption.Tell(source);
                return 0;
            }

            var readings = await Output.WithProgressAsync(
                "reading value vectors", p => Task.FromResult(VocabularyProjection.Read(source, layers, settings, p, cancellation))).ConfigureAwait(false);
            if (parsed.GetValue(layer) is not null)
            {
                List(readings[0], layers[0], tokens, parsed.GetValue(count), parsed.GetValue(json));
                Tell();
                return 0;
            }

            var profile = new LexicalPatterns(readings, tokens, words.Lists(parsed)).Profile();
            int[] read = settings.Tokens is { } chosen ? [.. chosen] : [.. Enumerable.Range(0, tokens.Language.Shape.Vocabulary)];
            var actions = read.Count(tokens.IsAction);
            double? chance = actions > 0 ? (double)actions / read.Length : null;
            if (parsed.GetValue(json))
            {
                Output.Write(profile.Select(row => new
                {
                    row.Layer,
                    row.Patterned,
                    row.PatternedTop10,
                    row.PatternedBottom,
                    row.Shuffled,
                    row.ActionTokens,
                    row.Ordinal,
                    Chance = chance,
                }));
                return 0;
            }

            var table = Output.Table("layer", "patterned", "of top 10", "at the other end", "shuffled vocabulary", "action tokens");
            foreach (var row in profile)
            {
                table.Add(
                    $"{row.Layer}", Share(row.Patterned), Share(row.PatternedTop10), Share(row.PatternedBottom), Share(row.Shuffled), Share(row.ActionTokens));
            }

            if (chance is { } share)
            {
                table.Add("chance", "", "", "", "", Share(share));
            }

            AnsiConsole.Write(table);
            if (chance is not null)
            {
                Console.WriteLine($"chance: {actions} of the {read.Length} tokens that are read are action tokens; 'shuffled vocabulary' is the control of "
                    + "'patterned'");
            }

            Console.WriteLine($"patterned: at least 4 of the top {parsed.GetValue(top)} tokens belong to one word list; "
                + $"{tokens.Language.Shape.Layers * tokens.Language.Shape.Neurons} neurons");
            Tell();
            return 0;

            void Tell()
            {
                if (!parsed.GetValue(json))
                {
                    RawOption.Tell(source);
                }
            }
        });
        return command;
    }

    private static void List(IReadOnlyList<NeuronReading> neurons, int layer, TokenReader tokens, int? count, bool json)
    {
        if (json)
        {
            Output.Write(neurons.Take(count ?? neurons.Count).Select((n, i) => new
            {
                Layer = layer,
                Index = i,
                Top = n.TopIds.Select(tokens.Print),
                n.TopIds,
                n.TopScores,
                Bottom = n.BottomIds.Select(tokens.Print),
                n.BottomIds,
                n.BottomScores,
            }));
            return;
        }

        var table = Output.Table("neuron", "writes (largest logits)", "writes when negative (smallest logits)");
        for (var i = 0; i < Math.Min(count ?? InTable, neurons.Count); i++)
        {
            table.Add($"{layer}:{i}", tokens.Print(neurons[i].TopIds), tokens.Print(neurons[i].BottomIds));
        }

        AnsiConsole.Write(table);
    }

    private static string Share(double value) => value.ToString("0.0 %", CultureInfo.InvariantCulture);
}
