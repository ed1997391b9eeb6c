using System.CommandLine;
using System.Globalization;
using Spectre.Console;
using Vitrine.Checkpoints;
using Vitrine.Mechanisms.Causes;
using Vitrine.Mechanisms.Probes;
using Vitrine.Policies;
using Vitrine.Transformers;
using Vitrine.Transformers.Edits;
using Vitrine.Views;

namespace Vitrine.Cli.Commands;

/// <summary>
/// <c>vitrine probe MODEL</c>: what can be read of the activations of each layer by a linear probe, beside shuffled labels and control tasks.
/// </summary>
internal sealed class ProbeCommand
{
    /// <summary>The class of instructions that have a word that is asked about.</summary>
    internal const string Said = "said";

    private const int Drawn = 96;

    private readonly Argument<string> name = ModelArgument.Completed(new Argument<string>("MODEL")
    {
        Description = "A text model, an image encoder or a policy: a folder, a .gguf file, or ORG/NAME in the local cache.",
    });
    private readonly ProbedInputs inputs = new(Drawn);
    private readonly ProbeSensitivity tcav = new();
    private readonly Option<string[]> words = new("--word")
    {
        Description = "Of a policy: whether one of these words is in the instruction, e.g. fast,quickly.",
        AllowMultipleArgumentsPerToken = true,
    };
    private readonly Option<string?> target = new("--target")
    {
        Description = "Of a policy: a number of its own expected action to predict, e.g. speed, dz.",
    };
    private readonly Option<bool> numbers = new("--numbers") { Description = "Labels of the texts are numbers to predict, not classes." };
    private readonly Option<ProbeKind?> kind = new("--kind")
    {
        Description = "How: logistic (classes by default), ridgeclassifier, discriminant, massmean; ridge (numbers by default), leastsquares.",
    };
    private readonly Option<double> c = new("--penalty-c")
    {
        Description = "C of a logistic probe, as scikit-learn's: the larger, the weaker its penalty.",
        DefaultValueFactory = _ => 1,
    };
    private readonly Option<double> alpha = new("--alpha") { Description = "Penalty of a ridge.", DefaultValueFactory = _ => 1 };
    private readonly Option<bool> unscaled = new("--unscaled") { Description = "Do not centre coordinates and divide them by their deviation first." };
    private readonly Option<int> folds = new("--folds") { Description = "Folds of the cross-validation.", DefaultValueFactory = _ => 5 };
    private readonly Option<int> shuffles = new("--shuffles") { Description = "How often labels are shuffled.", DefaultValueFactory = _ => 20 };
    private readonly Option<int> controls = new("--controls") { Description = "How many control tasks are drawn.", DefaultValueFactory = _ => 5 };
    private readonly Option<string?> output = new("--out")
    {
        Description = "JSON file for the best layer's probe, fitted on all examples; plans of edits along its direction are put beside it.",
    };
    private readonly Option<string?> page = new("--page") { Description = "HTML file for a drawing of the profile." };
    private readonly DeviceOption device = DeviceOption.Create();
    private readonly NonFiniteOption allowed = NonFiniteOption.Create();
    private readonly Option<bool> json = Output.JsonOption();

    public static Command Create()
    {
        var own = new ProbeCommand();
        var command = new Command(
            "probe", "Read classes or numbers off the activations of each layer by linear probes, beside shuffled labels and control tasks.")
        {
            own.name, own.words, own.target, own.numbers, own.kind, own.c, own.alpha, own.unscaled, own.folds, own.shuffles, own.controls, own.output,
            own.page, own.device, own.allowed, own.json,
        };
        own.inputs.AddTo(command);
        own.tcav.AddTo(command);
        command.SetAction(own.RunAsync);
        return command;
    }

    private async Task<int> RunAsync(ParseResult parsed, CancellationToken cancellation)
    {
        foreach (var file in new[] { parsed.GetValue(output), parsed.GetValue(page) }.OfType<string>())
        {
            AtomicFile.RequireWritable(file);
        }

        using var model = Policy.Catalog.Open(parsed.GetValue(name)!, allowed.Over(device.ModelOptionsOf(parsed), parsed));
        inputs.RefuseOthers(parsed, model, [numbers], [words, target]);
        var examples = inputs.Of(parsed, model);
        var ask = Asked(parsed, model, examples);
        var concepts = tcav.Concepts(parsed, model, examples, parsed.GetValue(target) is not null || parsed.GetValue(numbers));
        var (read, question, probes, sensitivity) = await Stages.RunAsync(async stages =>
        {
            var activations = await stages.StageAsync(
                "reading activations", 30, p => Task.FromResult(examples.Read(model, inputs.Point(parsed), p, cancellation))).ConfigureAwait(false);
            try
            {
                var asked = ask(activations);
                var options = new LayerProbeOptions
                {
                    Recipe = Recipe(parsed, asked),
                    Folds = parsed.GetValue(folds),
                    Shuffles = parsed.GetValue(shuffles),
                    Controls = parsed.GetValue(controls),
                    Seed = parsed.GetValue(inputs.States.Seed),
                };
                var made = await stages.StageAsync(
                    "fitting probes", 70, p => Task.FromResult(LayerProbes.Read(activations.Layers, asked, options, p, cancellation))).ConfigureAwait(false);
                var moved = concepts.Count == 0 ? null : await tcav.FindAsync(
                    parsed, model, examples, activations.Layers, asked, concepts, options.Recipe, options.Seed, inputs.Point(parsed), stages, cancellation)
                        .ConfigureAwait(false);
                return (activations, asked, made, moved);
            }
            catch
            {
                activations.Dispose();
                throw;
            }
        }, all: 100 + (concepts.Count == 0 ? 0 : ProbeSensitivity.Weight)).ConfigureAwait(false);
        using (read)
        {
            var saved = parsed.GetValue(output) is { } file ? Save(file, model, read, question, probes, Recipe(parsed, question)) : [];
            if (parsed.GetValue(page) is { } drawn)
            {
                AtomicFile.WriteAllText(drawn, ProbePage.Render(probes, sensitivity, What(), PageMade.Of(
                    PageMade.CommandLine("probe", parsed), model, parsed.GetValue(inputs.States.Seed).ToString(CultureInfo.InvariantCulture))));
            }

            if (parsed.GetValue(json))
            {
                Output.Write(new { Asked = What(), Probes = probes, Sensitivity = sensitivity, Saved = saved });
            }
            else
            {
                Print(probes, What(), saved);
                if (sensitivity is not null)
                {
                    ProbeSensitivity.Print(sensitivity);
                }
            }
        }

        return 0;

        string What() => model is Policy
            ? $"{examples.What}, where {model.Name} decides, at {inputs.Point(parsed)}; "
                + (parsed.GetValue(target) is { } number ? number : $"said is {string.Join(", ", Output.List(parsed.GetValue(words)))}")
            : $"{examples.What} at {ProbedInputs.Spelled(examples.At)} of {inputs.Point(parsed)}";
    }

    /// <summary>What is asked of the examples, once their activations are read.</summary>
    private Func<ProbeActivations, ProbeQuestion> Asked(ParseResult parsed, Model model, ProbedExamples examples)
    {
        if (model is Policy policy)
        {
            return OfPolicy(parsed, policy, examples);
        }

        var asked = parsed.GetValue(numbers)
            ? ProbeQuestion.OfNumbers([.. examples.Labels.Select((l, i) => double.TryParse(l, NumberStyles.Float, CultureInfo.InvariantCulture, out var number)
                ? number
                : throw new VitrineException(
                    $"{examples.File}: label {i} (from 0) is '{l}', which is no number; leave --numbers out where labels are classes."))])
            : ProbeQuestion.OfClasses(examples.Labels);
        var question = model is TextModel ? asked with { Groups = Repeated(examples.Shown) } : asked;
        return activations => (examples.At == ProbePosition.Token ? question.Of(activations.Owners) : question) with { Types = activations.Types };
    }

    private Func<ProbeActivations, ProbeQuestion> OfPolicy(ParseResult parsed, Policy model, ProbedExamples examples)
    {
        var (asked, number) = (Output.List(parsed.GetValue(words)), parsed.GetValue(target));
        if ((asked.Length == 0) == (number is null))
        {
            throw new VitrineException($"{model.Name}: is a policy; say what is asked with --word WORD,... (is one in the instruction?) or --target speed.");
        }

        var metric = number is null ? null : ActionMetric.Named(number, model.ActionNames);
        var (said, instructions) = (examples.Shown, examples.Shown.Distinct().ToList());
        if (asked.Length > 0 && said.Count(IsSaid) is var count && (count == 0 || count == said.Count))
        {
            throw new VitrineException(
                $"--word: {count} of {said.Count} instructions have {string.Join(" or ", asked)}, e.g. '{said[0]}'; expected some with and some without.");
        }

        return activations => metric is not null
            ? ProbeQuestion.OfNumbers([.. activations.Actions.Select(a => metric.Of(a.Expected))]) with { Types = said }
            : ProbeQuestion.OfClasses([.. said.Select(s => IsSaid(s) ? Said : "not said")]) with { Groups = [.. said.Select(s => instructions.IndexOf(s))] };

        bool IsSaid(string instruction) => Instructions.Words(instruction).Intersect(asked, StringComparer.OrdinalIgnoreCase).Any();
    }

    /// <summary>Equal texts as groups, which must not stand on both sides of a split; null where all differ.</summary>
    private static int[]? Repeated(IReadOnlyList<string> read)
    {
        var first = new Dictionary<string, int>();
        int[] groups = [.. read.Select((text, i) => first.TryGetValue(text, out var at) ? at : first[text] = i)];
        return first.Count < read.Count ? groups : null;
    }

    private ProbeRecipe Recipe(ParseResult parsed, ProbeQuestion question)
    {
        var how = parsed.GetValue(kind) ?? (question.IsOfClasses ? ProbeKind.Logistic : ProbeKind.Ridge);
        (Option Option, bool IsRead)[] settings = [(c, how == ProbeKind.Logistic), (alpha, how is ProbeKind.Ridge or ProbeKind.RidgeClassifier)];
        return settings.FirstOrDefault(s => !s.IsRead && parsed.GetResult(s.Option) is { Implicit: false }).Option is { } idle
            ? throw new VitrineException($"{idle.Name}: a probe of kind {how} does not read it.")
            : new() { Kind = how, C = parsed.GetValue(c), Alpha = parsed.GetValue(alpha), Scaled = !parsed.GetValue(unscaled) };
    }

    private static IReadOnlyList<string> Save(
        string file, Model model, ProbeActivations read, ProbeQuestion question, LayerProbes probes, ProbeRecipe recipe)
    {
        var best = read.Layers.First(l => l.Place == probes.Best.Place);
        LinearProbe probe;
        if (question.IsOfClasses)
        {
            probe = recipe.Fit(best.Activations, question.Labels, question.Classes);
        }
        else
        {
            using var numbers = TorchSharp.torch.tensor(question.Targets.ToArray(), [question.Count, 1]);
            probe = recipe.FitNumbers(best.Activations, numbers, ["target"]);
        }

        probe = probe with { Place = best.Place, Fingerprint = model.Fingerprint };
        probe.Save(file);
        var plans = new List<(string Suffix, Edit Edit)> { ("erase", probe.Erased()) };
        if (probe.Coefficients.Count == 1)
        {
            plans.Add(("add", probe.Added(probe.DeviationAlong(best.Activations))));
        }

        return [file, .. plans.Select(p =>
        {
            var path = Path.ChangeExtension(file, null) + $".{p.Suffix}.json";
            RunPlan.Editing(p.Edit with { Scope = read.Scope }).Save(path);
            return path;
        })];
    }

    private static void Print(LayerProbes probes, string what, IReadOnlyList<string> saved)
    {
        var table = Output.Table("layer", probes.Metric, "95 %", "shuffled", "its best", "p", "control task", "selectivity");
        foreach (var row in probes.Rows)
        {
            table.Add(
                $"{row.Layer}", Number(row.Score.Mean), $"[{Number(row.Score.Low)}, {Number(row.Score.High)}]", Number(row.Shuffled.Mean),
                Number(row.Shuffled.Largest), Number(row.P), Number(row.Control?.Mean), Number(row.Selectivity));
        }

        AnsiConsole.Write(table);
        var (best, groups) = (probes.Best, probes.Groups is { } count ? $" in {count} groups, each held out whole" : "");
        Console.WriteLine($"{what}; {probes.Examples} examples{groups}"
            + $"{(probes.Classes.Count > 0 ? $"; classes {string.Join(", ", probes.Classes)}" : "")}; chance {Number(probes.Chance)}");
        Console.WriteLine($"best: {best.Place}, {probes.Metric} {Number(best.Score.Mean)}"
            + $"{(best.Auroc is { } area ? $", AUROC {Number(area.Mean)} [{Number(area.Low)}, {Number(area.High)}]" : "")}; "
            + $"p {Number(probes.BestP)} beside the best layer of each shuffle");
        var recurring = probes.Recurring.ToString("0 %", CultureInfo.InvariantCulture);
        Console.WriteLine(best.Control is not null
            ? $"control task: every type gets a label at random; {recurring} of the examples are of a type that the probe was fitted on; selectivity is what "
                + "is read beyond that"
            : $"control task: none, for {recurring} of the examples are of a type that the probe was fitted on; it would be another shuffle");
        if (saved.Count > 0)
        {
            Console.WriteLine($"saved: {string.Join(", ", saved)}");
        }
    }

    private static string Number(double? value) => value?.ToString("0.000", CultureInfo.InvariantCulture) ?? "-";
}
