using System.CommandLine;
using System.Globalization;
using Spectre.Console;
using Vitrine.Mechanisms.Causes;
using Vitrine.Mechanisms.Concepts;
using Vitrine.Mechanisms.Doses;
using Vitrine.Mechanisms.Statistics;
using Vitrine.Mechanisms.ValueVectors;
using Vitrine.Transformers;

namespace Vitrine.Cli.Commands;

/// <summary>What <c>vitrine steer</c> is asked about any model.</summary>
internal sealed record TextSteeringAsked(
    string Concept, Dose Dose, bool Adds, string? Set, string? Calibration, int Draws, int Seed, bool Json);

/// <summary><c>vitrine steer MODEL CONCEPT --prompt TEXT</c>: what a text model says next with and without a clamp, beside its controls.</summary>
internal sealed class TextSteeringOptions
{
    private readonly PromptOptions prompts = new();
    private readonly Option<int> neurons = new("--neurons")
    {
        Description = "Of a text model: how many neurons that write the words are steered; of a policy, with a direction of action, that write it.",
        DefaultValueFactory = _ => 10,
    };
    private readonly Option<int> tokens = new("--tokens")
    {
        Description = "Of a text model: tokens to generate from the first prompt under each arm; 0 for none.",
        DefaultValueFactory = _ => 20,
    };

    /// <summary>Adds the options to a command.</summary>
    public void AddTo(Command command)
    {
        prompts.AddTo(command);
        command.Add(neurons);
        command.Add(tokens);
    }

    /// <summary>How many neurons are chosen, where they are not named.</summary>
    public int Count(ParseResult parsed) => parsed.GetValue(neurons);

    /// <summary>Steers and prints.</summary>
    public async Task<int> RunAsync(ParseResult parsed, TextModel model, TextSteeringAsked asked, CancellationToken cancellation)
    {
        var texts = prompts.Texts(parsed, $"{model.Name}: is a text model");
        var reader = TokenReader.Of(model);
        var words = Output.List([asked.Concept]);
        int[] ids = [.. words.Select(w => reader.IdOfAnyCase(w)
            ?? throw new VitrineException($"steer: '{w}' is no word of the vocabulary; name words that are one token, with commas."))];
        var set = asked.Set is { } file ? FromFile(file, asked.Concept, model) : null;
        var (chosen, baseline, plain, arms) = await Output.WithProgressAsync("reading under each arm", p =>
        {
            var found = set
                ?? new NeuronSet(
                    ConceptSearch.ByWords(model.Language, reader, words, parsed.GetValue(neurons), options: new() { Cancellation = cancellation })
                        .Select(n => n.Neuron),
                    model.Language.Shape.Name);
            var calibration = asked.Calibration is { } path
                ? Calibration.Open(path)
                : Calibration.Measure(model, texts, cancellation: cancellation);
            var steering = new TextSteering(found, asked.Dose, ids, asked.Adds) { Draws = asked.Draws, Seed = asked.Seed, Tokens = parsed.GetValue(tokens) };
            var (before, said, effects) = steering.Measure(model, texts, calibration, p, cancellation);
            return Task.FromResult((found, before, said, effects));
        }).ConfigureAwait(false);
        Output.Warn(arms.SelectMany(a => a.Untouched.Select(e => $"arm '{a.Arm}', {e}")));
        Row[] rows =
        [
            .. arms.Select(a => new Row(
                a.Arm, PairedBootstrap.MeanDifference(a.LogProbability), a.Divergence.Average(), a.Changed, Text(a.Generated))),
        ];
        if (asked.Json)
        {
            Output.Write(new
            {
                Words = ids.Select(reader.Print),
                Neurons = chosen.Neurons.Select(n => new { n.Layer, n.Index }),
                Baseline = baseline,
                Generated = Text(plain),
                Arms = rows,
            });
            return 0;
        }

        var measured = $"ln p({string.Join(" or ", ids.Select(i => reader.Print(i).Trim()))})";
        var table = Output.Table(
            "arm", $"change of {measured}, nats, 95 %", "KL, nats", "prompts changed", "goes on from the first prompt with");
        table.Add("unedited", "", "", "", Text(plain) ?? "");
        foreach (var row in rows)
        {
            table.Add(
                row.Arm, Output.WithInterval(row.LogProbability.Mean, row.LogProbability.Low, row.LogProbability.High),
                row.Divergence.ToString("0.0000", CultureInfo.InvariantCulture), row.Changed.ToString("0 %", CultureInfo.InvariantCulture),
                row.Generated ?? "");
        }

        AnsiConsole.Write(table);
        Console.WriteLine($"{chosen.Count} neurons at {asked.Dose} at every token: {string.Join(", ", chosen.Neurons)}; {texts.Count} prompts, "
            + $"paired bootstrap; measured is {measured}, {Output.Signed(baseline)} unedited");
        return 0;

        string? Text(IReadOnlyList<int>? said) => said is null ? null : model.Tokenizer.Decode(said).ReplaceLineEndings("\\n");
    }

    private sealed record Row(string Arm, Estimate LogProbability, double Divergence, double Changed, string? Generated);

    private static NeuronSet FromFile(string file, string name, TextModel model)
    {
        var sets = NeuronSetFile.Open(file, model.Language.Shape.Neurons, model.Language.Shape.Name);
        return sets.TryGetValue(name, out var set)
            ? set
            : throw new VitrineException($"{file}: has no set '{name}'; there are {string.Join(", ", sets.Keys)}.");
    }
}
