using System.CommandLine;
using System.Globalization;
using Spectre.Console;
using Vitrine.Mechanisms.Pictures;
using Vitrine.Mechanisms.ValueVectors;
using Vitrine.Policies;
using Vitrine.Policies.Flow;
using Vitrine.Transformers;

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
        var actions = new Option<bool>("--actions") { Description = "Of a policy whose expert flows: read the expert's neurons in the space of actions." };
        var flowStep = new Option<int?>("--flow-step") { Description = "With --actions: at this flow step; the mean over all by default." };
        var folder = new Option<string?>("--out") { Description = "Keep all layers in this folder as Parquet, one file a layer; an interrupted run goes on." };
        var shown = new ShownPictures();
        var lines = new Option<bool>("--jsonl") { Description = "With --out: JSON lines beside Parquet." };
        var device = DeviceOption.Create();
        var json = Output.JsonOption();
        var command = new Command("neurons", "Read the value vectors of feed-forward neurons in the model's own vocabulary.")
        {
            name, layer, top, count, words, published, norm, raw, actions, flowStep, folder, lines, device, json,
        };
        shown.AddTo(command);
        command.Add(NeuronsDiffCommand.Create());
        command.SetAction(async (parsed, cancellation) =>
        {
            using var model = Policy.Catalog.Open(parsed.GetValue(name)!, device.ModelOptionsOf(parsed));
            if (parsed.GetValue(actions) || parsed.GetValue(flowStep) is not null)
            {
                var flow = model as FlowPolicy
                    ?? throw new VitrineException($"{model.Name}: --actions asks for a policy whose expert flows (SmolVLA, pi0, pi0.5).");
                ExpertNeuronsText.Print(flow, parsed.GetValue(flowStep), parsed.GetValue(layer), parsed.GetValue(count) ?? InTable, parsed.GetValue(json));
                return 0;
            }

            var tokens = TokenReader.Of(model);
            int[] layers = parsed.GetValue(layer) is { } one ? [one] : [.. Enumerable.Range(0, tokens.Language.Shape.Layers)];
            var settings = new ProjectionSettings
            {
                Count = parsed.GetValue(top),
                Norm = parsed.GetValue(norm),
                Tokens = parsed.GetValue(published) ? null : tokens.Valid,
            };
            using var source = new StackValueVectors(model, tokens.Language.Shape.Name) { IsRaw = parsed.GetValue(raw) };
            if (shown.Batch(parsed, model) is { } batch)
            {
                var firing = PictureActivity.Largest((TextModel)model, batch, parsed.GetValue(count) ?? InTable, parsed.GetValue(layer));
                var written = VocabularyProjection.Read(source, [.. firing.Select(n => n.Neuron)], settings, cancellation);
                OnPictures(firing, written, tokens, parsed.GetValue(json));
                return 0;
            }

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

            var lists = words.Lists(parsed, model);
            if (lists.Count == 0)
            {
                using var unembedding = source.Unembedding();
                Print(VocabularyCoherence.Of(readings, unembedding, settings.Tokens ?? tokens.Valid), readings, tokens, parsed.GetValue(json));
                Tell();
                return 0;
            }

            var profile = new LexicalPatterns(readings, tokens, lists).Profile();
            int[] read = settings.Tokens is { } chosen ? [.. chosen] : [.. Enumerable.Range(0, tokens.Language.Shape.Vocabulary)];
            var spoken = read.Count(tokens.IsAction);
            double? chance = spoken > 0 ? (double)spoken / read.Length : null;
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
                Console.WriteLine($"chance: {spoken} of the {read.Length} tokens that are read are action tokens; 'shuffled vocabulary' is the control of "
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

    /// <summary>What the layers of a model without word lists write, by its own vocabulary.</summary>
    private static void Print(
        IReadOnlyList<LayerCoherence> profile, IReadOnlyList<IReadOnlyList<NeuronReading>> readings, TokenReader tokens, bool json)
    {
        if (json)
        {
            Output.Write(profile.Select(row => new
            {
                row.Layer,
                row.Coherent,
                Chance = VocabularyCoherence.Chance,
                row.Mean,
                row.Shuffled,
                Best = row.Best.Select(n => new { n.Layer, n.Index, Top = readings[n.Layer][n.Index].TopIds.Select(tokens.Print) }),
            }));
            return;
        }

        var table = Output.Table("layer", "coherent", "cosine", "shuffled vocabulary", "most coherent neurons");
        foreach (var row in profile)
        {
            table.Add(
                $"{row.Layer}", Share(row.Coherent), row.Mean.ToString("0.000", CultureInfo.InvariantCulture),
                row.Shuffled.ToString("0.000", CultureInfo.InvariantCulture),
                string.Join("; ", row.Best.Select(n => $"{n}: {tokens.Print(readings[n.Layer][n.Index].TopIds, 4)}")));
        }

        table.Add("chance", Share(VocabularyCoherence.Chance), "", "", "");
        AnsiConsole.Write(table);
        Console.WriteLine($"coherent: the top {VocabularyCoherence.Tokens} tokens are more alike (mean cosine of their rows of the unembedding) than those of "
            + "95 % of the neurons where every token stands for a random other; --words FILE counts words of lists instead");
    }

    private static void OnPictures(IReadOnlyList<NeuronOnPictures> firing, IReadOnlyList<NeuronReading> written, TokenReader tokens, bool json)
    {
        if (json)
        {
            Output.Write(firing.Zip(written).Select(n => new
            {
                n.First.Neuron.Layer,
                n.First.Neuron.Index,
                n.First.Activation,
                n.First.Share,
                n.First.At,
                Top = n.Second.TopIds.Select(tokens.Print),
                Bottom = n.Second.BottomIds.Select(tokens.Print),
            }));
            return;
        }

        var table = Output.Table("neuron", "activation", "share of the median norm", "most active at", "writes", "writes when negative");
        foreach (var (neuron, reading) in firing.Zip(written))
        {
            table.Add(
                $"{neuron.Neuron}", neuron.Activation.ToString("+0.000;-0.000;0.000", CultureInfo.InvariantCulture),
                neuron.Share.ToString("0.000", CultureInfo.InvariantCulture), $"{neuron.At}", tokens.Print(reading.TopIds, 6),
                tokens.Print(reading.BottomIds, 6));
        }

        AnsiConsole.Write(table);
        Console.WriteLine("share: |activation| x norm of the value vector over the median norm of the pictures' tokens behind the layer");
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
