using System.CommandLine;
using System.Globalization;
using Spectre.Console;
using Vitrine.Checkpoints;
using Vitrine.Mechanisms.InputAttribution;
using Vitrine.Mechanisms.Metrics;
using Vitrine.Mechanisms.Pictures;
using Vitrine.Policies;
using Vitrine.Transformers;
using Vitrine.Views;

namespace Vitrine.Cli.Commands;

/// <summary><c>vitrine attribute MODEL</c>: which words, patches and states a metric rests on, by several methods, each tried by taking inputs away.</summary>
internal static class AttributeCommand
{
    private const int Most = 100_000;

    public static Command Create()
    {
        var name = ModelArgument.Speaking();
        name.Description = "A text model, an image classifier or a policy: a folder, a .gguf file, ORG/NAME in the local cache, or one that comes along.";
        var seen = new ObservationOptions();
        var prompt = new Option<string?>("--prompt") { Description = "The text that a text model reads." };
        var image = new Option<string?>("--image") { Description = "The picture that an image classifier sees, a PNG or JPEG file." };
        var target = new Option<string?>("--class") { Description = "Of a classifier: the class that is asked about; its answer by default." };
        var asked = new Option<string?>("--metric")
        {
            Description = "What is attributed: logit:WORD, logit_difference:WORD/WORD, probability:WORD, log_probability:WORD, loss, kl; of policies speed "
                + "or a dimension (dz). A text model's own next token, a classifier's own class, or speed by default.",
        };
        var methods = new Option<string[]>("--method")
        {
            Description = $"Methods, with commas: {string.Join(", ", InputAttributionReader.Methods)}.",
            AllowMultipleArgumentsPerToken = true,
        };
        var fill = new Option<AblationFill>("--fill")
        {
            Description = "What stands where an input was taken away, and where paths begin: mean (of its kind) or zero.",
            DefaultValueFactory = _ => AblationFill.Mean,
        };
        var defaults = new InputAttributionOptions();
        var steps = Number("--steps", "Points of a path (integrated gradients).", defaults.Steps);
        var samples = Number("--samples", "Draws of methods that draw; surrogates take 32 times as many sets.", defaults.Samples);
        var random = Number("--random", "Random orders beside each curve.", defaults.RandomOrders);
        var seed = new Option<int>("--seed") { Description = "Of all that is drawn.", DefaultValueFactory = _ => 0 };
        var rows = Number("--rows", "Rows that run together.", defaults.RowsPerPass);
        var top = Number("--top", "Inputs to print, those with the largest scores.", 20, "-n");
        var resume = new Option<string?>("--resume")
        {
            Description = "File of answers with inputs taken away: read where it exists, written as the work goes on; more samples and other methods go on "
                + "from it.",
        };
        var file = new Option<string?>("--page") { Description = "Write an HTML page that needs nothing beside it." };
        var device = DeviceOption.Create();
        var allowed = NonFiniteOption.Create();
        var json = Output.JsonOption();
        var command = new Command("attribute", "Say which words, patches and states an answer rests on, by methods that are each tried by taking inputs away.")
        {
            name,
        };
        seen.AddTo(command, optional: true);
        foreach (var option in (Option[])[prompt, image, target, asked, methods, fill, steps, samples, random, seed, rows, top, resume, file, device, allowed,
            json])
        {
            command.Add(option);
        }

        command.SetAction(async (parsed, cancellation) =>
        {
            var options = new InputAttributionOptions
            {
                Methods = parsed.GetValue(methods) is not { Length: > 0 } named ? defaults.Methods
                    : Output.List(named) is { Length: > 0 } chosen ? [.. chosen.Distinct()]
                    : throw new VitrineException($"--method: names none; expected some of {string.Join(", ", InputAttributionReader.Methods)}."),
                Fill = parsed.GetValue(fill),
                Steps = Value(steps),
                Samples = Value(samples),
                RandomOrders = Value(random),
                Seed = parsed.GetValue(seed),
                RowsPerPass = Value(rows),
                Resume = parsed.GetValue(resume),
            };
            var count = Value(top);
            foreach (var place in new[] { parsed.GetValue(file), parsed.GetValue(resume) }.OfType<string>())
            {
                AtomicFile.RequireWritable(place);
            }

            using var model = Policy.Catalog.Open(parsed.GetValue(name)!, allowed.Over(device.ModelOptionsOf(parsed), parsed));
            using var input = Input(model);
            var metric = Metric(input.Subject);
            var reader = new InputAttributionReader(input.Subject, metric.Metric, options);
            var read = await Output.WithProgressAsync("attributing", p => Task.FromResult(reader.Read(p, cancellation))).ConfigureAwait(false);
            var found = read with { Metric = metric.Text };
            if (parsed.GetValue(file) is { } page)
            {
                AtomicFile.WriteAllText(page, InputAttributionPage.Render(new InputAttributionPageData
                {
                    Title = $"{metric.Text}: {input.What}",
                    Attributions = found,
                    Pictures = input.Pictures(),
                    Provenance = PageMade.Of(PageMade.CommandLine("attribute", parsed), model, options.Seed.ToString(CultureInfo.InvariantCulture)),
                }));
            }

            if (parsed.GetValue(json))
            {
                Output.Write(found);
            }
            else
            {
                Print(found, count, parsed.GetValue(file));
            }

            return 0;

            int Value(Option<int> option) => parsed.GetValue(option) is >= 1 and <= Most and var value
                ? value
                : throw new VitrineException($"{option.Name} is {parsed.GetValue(option)}; expected 1 to {Most}.");

            AttributedInput Input(Model opened) => AttributedInput.Of(opened, parsed.GetValue(prompt), parsed.GetValue(image), seen, parsed);

            (Metric Metric, string Text) Metric(Subject subject)
            {
                if (parsed.GetValue(target) is { } named && (parsed.GetValue(asked) is not null || subject.Model is Policy))
                {
                    throw new VitrineException($"--class is '{named}'; it names a class of a classifier, and --metric says all that it would.");
                }

                var text = parsed.GetValue(asked) ?? (parsed.GetValue(target) is { } asClass ? $"logit:{asClass}" : Default(subject));
                return (MetricText.Parse(text, subject), Shown(text, subject));
            }
        });
        return command;
    }

    private static Option<int> Number(string option, string description, int value, params string[] aliases)
        => new(option, aliases) { Description = description, DefaultValueFactory = _ => value };

    /// <summary>What a model answers by itself.</summary>
    private static string Default(Subject subject)
    {
        if (subject.Model is Policy)
        {
            return "speed";
        }

        using var run = subject.Run();
        using var scores = run.Run.Logits.dim() == 3 ? run.Run.Logits[0, -1] : run.Run.Logits[0];
        return string.Create(CultureInfo.InvariantCulture, $"logit:#{scores.argmax().item<long>()}");
    }

    /// <summary>A metric with the word or class that an id stands for.</summary>
    private static string Shown(string text, Subject subject)
    {
        if (text.Split(":#") is not [var kind, var number] || !int.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out var id))
        {
            return text;
        }

        var name = subject.Model switch
        {
            TextModel { Labels: { } labels } => labels.Names.ElementAtOrDefault(id),
            VisionModel { Labels: { } labels } => labels.Names.ElementAtOrDefault(id),
            TextModel spoken => spoken.Tokenizer.Shown(id),
            _ => null,
        };
        return name is null ? text : $"{kind}:{name}";
    }

    /// <summary>A name in lines, where the terminal is narrow.</summary>
    private static string Broken(string method) => Output.IsNarrow ? method.Replace("-", "-\n", StringComparison.Ordinal) : method;

    private static void Print(InputAttributions found, int count, string? page)
    {
        var scores = Output.Table(["input", .. found.Methods.Select(m => Broken(m.Method))]);
        var shown = found.Inputs.Index().OrderByDescending(i => found.Methods.Max(m => Math.Abs(m.Scores[i.Index]) / m.Scores.Max(Math.Abs))).Take(count)
            .OrderBy(i => i.Index).ToList();
        foreach (var (index, token) in shown)
        {
            scores.Add([token.Name, .. found.Methods.Select(m => Output.Signed(m.Scores[index]))]);
        }

        AnsiConsole.Write(scores);
        if (shown.Count < found.Inputs.Count)
        {
            Console.WriteLine($"{shown.Count} of {found.Inputs.Count} inputs, those with the largest scores; --top shows more");
        }

        Console.WriteLine($"{found.Metric}: {Output.Signed(found.Value)}; with every input taken away "
            + $"({(found.Fill == AblationFill.Mean ? "the mean of its kind" : "zero")}) {Output.Signed(found.Baseline)}");
        var tried = Output.Table("method", "deletion 95 %", "insertion 95 %", "infidelity", "left");
        foreach (var method in found.Methods)
        {
            tried.Add(
                Broken(method.Method), Output.WithInterval(method.Deletion.Area, method.Deletion.RandomLow, method.Deletion.RandomHigh),
                Output.WithInterval(method.Insertion.Area, method.Insertion.RandomLow, method.Insertion.RandomHigh),
                method.Infidelity.ToString("0.00", CultureInfo.InvariantCulture), method.Left is { } left ? Output.Signed(left) : "-");
        }

        AnsiConsole.Write(tried);
        Console.WriteLine("deletion, insertion: mean of the metric while inputs go or come in, the highest score first [95 % of random orders];");
        Console.WriteLine("where scores are right, a deletion lies below them and an insertion above. infidelity: share of what taking random sets");
        Console.WriteLine("away does that the scores do not foretell. left: sum of the scores - change of the metric, for methods that promise 0");
        if (page is not null)
        {
            Console.WriteLine($"{page} shows them");
        }
    }
}
