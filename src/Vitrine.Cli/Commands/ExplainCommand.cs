using System.CommandLine;
using System.Globalization;
using Spectre.Console;
using Vitrine.Inputs.Pictures;
using Vitrine.Mechanisms.Circuits;
using Vitrine.Mechanisms.Explaining;
using Vitrine.Mechanisms.Metrics;
using Vitrine.Policies;
using Vitrine.Transformers;
using Vitrine.Views;

namespace Vitrine.Cli.Commands;

/// <summary><c>vitrine explain MODEL</c>: which part carries a difference, every claim judged by intervention.</summary>
internal static class ExplainCommand
{
    private const int Drawn = 48;

    public static Command Create()
    {
        var name = ModelArgument.Completed(new Argument<string>("MODEL")
        {
            Description = "A text model, an image encoder or a policy: a folder, a .gguf file, ORG/NAME in the local cache, or an embedded one.",
        });
        var word = new Option<string?>("--word") { Description = "Of a policy: the word behind the instruction that is asked about, e.g. quickly." };
        var against = new Option<string?>("--against")
        {
            Description = "The word in its place on the other side; none by default, or a made-up one as long where the policy reads the prompt row by row.",
        };
        var contrast = new Option<string[]>("--contrast")
        {
            Description = "Two texts, or two picture files of an image encoder, of which the first has what is asked about; may be repeated.",
            Arity = new ArgumentArity(2, 10_000),
            AllowMultipleArgumentsPerToken = true,
        };
        var pairs = new Option<string?>("--pairs") { Description = "A file of such pairs: a line each, the two texts with a tab in between." };
        var metric = new Option<string>("--metric")
        {
            Description = "What is measured: speed, dz, dz@ROW of a policy; logit:WORD, logit_difference:WORD/WORD, probability:WORD, loss, kl.",
            Required = true,
        };
        var draws = new Option<int>("--draws") { Description = "Random steps beside each part.", DefaultValueFactory = _ => 8 };
        var level = new Option<double>("--level") { Description = "Level of all claims together.", DefaultValueFactory = _ => .05 };
        var edges = new Option<int>("--edges", "-e")
        {
            Description = "Edges of the circuit that the page draws beside the answer; 0 for none.",
            DefaultValueFactory = _ => 40,
        };
        var states = new StateOptions(Drawn);
        var page = new PageOption();
        var device = DeviceOption.Create();
        var json = Output.JsonOption();
        var command = new Command("explain", "Find which part carries a difference and where it comes in; every claim is judged on states that chose nothing.")
        {
            name, word, against, contrast, pairs, metric, draws, level, edges, device, json,
        };
        states.AddTo(command);
        page.AddTo(command);
        command.SetAction(async (parsed, cancellation) =>
        {
            var options = new ExplainOptions
            {
                Draws = parsed.GetValue(draws) is >= 1 and var many
                    ? many
                    : throw new VitrineException($"--draws is {parsed.GetValue(draws)}; expected at least 1."),
                Level = parsed.GetValue(level) is > 0 and < 1 and var at
                    ? at
                    : throw new VitrineException($"--level is {Text(parsed.GetValue(level))}; expected between 0 and 1."),
                Seed = (int)parsed.GetValue(states.Seed),
            };
            var count = parsed.AtLeast(edges, 0);
            page.RequireWritable(parsed);
            using var model = Policy.Catalog.Open(parsed.GetValue(name)!, device.ModelOptionsOf(parsed));
            using var pixels = TorchSharp.torch.NewDisposeScope();
            Option[] others = model is Policy ? [contrast, pairs] : [word, against];
            if (Array.Find(others, o => parsed.GetResult(o) is { Implicit: false }) is { } wrong)
            {
                throw new VitrineException(model is Policy
                    ? $"{wrong.Name}: {model.Name} is a policy; it is asked about a --word."
                    : $"{wrong.Name}: {model.Name} is no policy; it is asked about a --contrast.");
            }

            var asked = model switch
            {
                Policy policy => OfWord(policy, parsed, states, parsed.Word(word), parsed.Word(against)),
                TextModel text => Contrast.OfTexts(text, Texts(parsed.GetValue(contrast), parsed.GetValue(pairs))),
                VisionModel vision => Contrast.OfPictures(vision, Seen(vision, Texts(parsed.GetValue(contrast), parsed.GetValue(pairs)))),
                _ => throw new VitrineException($"{model.Name}: is no text model, image encoder or policy."),
            };
            var measured = MetricText.Parse(parsed.GetValue(metric)!, asked.Testing.With);
            var found = await Output.WithProgressAsync(
                "asking every part", p => Task.FromResult(Explainer.Explain(asked, measured, options, p, cancellation))).ConfigureAwait(false);
            var circuit = page.IsAsked(parsed) && count > 0 && found.Sites.Count > 0
                ? await Output.WithProgressAsync("the circuit", p => Task.FromResult(Circuit(p))).ConfigureAwait(false)
                : default;
            page.Write(parsed, "explain", model, parsed.GetValue(states.Seed), made => ExplanationPage.Render(found, made, circuit.Study, circuit.Refusal));
            if (parsed.GetValue(json))
            {
                Output.Write(found);
                return 0;
            }

            Print(found);
            return 0;

            // On states that chose parts: the drawing is no claim.
            (CircuitStudy? Study, string? Refusal) Circuit(IProgress<double> progress)
            {
                try
                {
                    var (with, without, said, instead) = model is Policy policy
                        ? CircuitInputs.OfWord(policy, Situations(policy), parsed.GetValue(word)!, parsed.GetValue(against))
                        : new CircuitInputs(asked.Choosing.With, asked.Choosing.Without, [asked.With], [asked.Without]);
                    using var pair = new CircuitPair(with, without, measured);
                    var search = new CircuitSearch(pair, new CircuitSearchOptions { Edges = count, Seed = options.Seed });
                    var (circuit, scores) = search.Find(progress, cancellation);
                    return (search.Measure(circuit, scores, parsed.GetValue(metric)!, said, instead, null, cancellation), null);
                }
                catch (VitrineException e)
                {
                    return (null, e.Message);
                }

                IReadOnlyList<Observation> Situations(Policy policy)
                {
                    var source = states.Source(parsed, policy);
                    return source.IsDrawn
                        ? CircuitInputs.Alike(policy, source.ForCalibration, CircuitInputs.Drawn)
                        : [.. source.ForTest(states.Count(parsed)).Where((_, i) => i % 2 == 0)];
                }
            }
        });
        return command;
    }

    private static Contrast OfWord(Policy policy, ParseResult parsed, StateOptions states, string? word, string? against)
    {
        if (string.IsNullOrWhiteSpace(word))
        {
            throw new VitrineException("explain: a policy is asked about a word behind its instruction; expected --word, e.g. --word quickly.");
        }

        Instructions.WarnOfUnknown(policy, $"{word} {against}");

        var source = states.Source(parsed, policy);
        var count = states.Count(parsed) ?? (source.IsDrawn ? Drawn : null);
        var (choosing, testing) = (source.ForCalibration(count), source.ForTest(count));
        if (!source.IsDrawn)
        {
            (choosing, testing) = ([.. testing.Where((_, i) => i % 2 == 0)], [.. testing.Where((_, i) => i % 2 == 1)]);
        }

        return Contrast.OfWord(policy, word, against ?? Contrast.Counterpart(policy, testing, word), choosing, testing, (int)parsed.GetValue(states.Seed));
    }

    /// <exception cref="VitrineException">There is none, or a line is no pair.</exception>
    private static (string With, string Without)[] Texts(string[]? given, string? file)
    {
        var all = (given ?? []).Chunk(2).Select(p => p.Length == 2 ? (p[0], p[1]) : throw new VitrineException("--contrast: takes two texts.")).ToList();
        if (file is not null)
        {
            foreach (var (i, line) in Lines(file).Index().Where(l => l.Item.Length > 0))
            {
                all.Add(line.Split('\t') is [{ Length: > 0 } with, { Length: > 0 } without]
                    ? (with, without)
                    : throw new VitrineException($"{file}: line {i + 1} is no pair; expected two texts with a tab in between."));
            }
        }

        return all.Count > 0 ? [.. all] : throw new VitrineException("explain: there is no contrast; expected --contrast \"...\" \"...\" or --pairs FILE.");
    }

    private static string[] Lines(string file)
    {
        try
        {
            return File.ReadAllLines(file);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new VitrineException($"{file}: cannot be read ({e.Message}).", e);
        }
    }

    private static (TorchSharp.torch.Tensor, TorchSharp.torch.Tensor, string)[] Seen(VisionModel model, (string With, string Without)[] files)
        => [.. files.Select(f => (model.Prepare(Picture.Open(f.With)).Pixels, model.Prepare(Picture.Open(f.Without)).Pixels, Path.GetFileName(f.With)))];

    private static void Print(Explanation found)
    {
        foreach (var sentence in found.Sentences)
        {
            Console.WriteLine(sentence);
        }

        Console.WriteLine();
        string[] effect = Output.IsNarrow ? [] : ["effect 95 %"];
        var table = Output.Table(["claim", "part", .. effect, "share", "control", "p (Holm)", ""]);
        foreach (var claim in found.Claims)
        {
            string[] measured = Output.IsNarrow ? [] : [Output.WithInterval(claim.Effect.Mean, claim.Effect.Low, claim.Effect.High)];
            table.Add(
            [
                claim.Name, claim.Place, .. measured, claim.Share is { } share ? Percent(share.Mean) : "-",
                claim.Control is { } control ? Output.Signed(control.Mean) : "-", claim.Adjusted.ToString("0.0000", CultureInfo.InvariantCulture),
                claim.IsShown ? "shown" : found.IsDescribed ? "described" : "not shown",
            ]);
        }

        AnsiConsole.Write(table);
        if (found.Sites.Count > 0)
        {
            var parts = Output.Table("part", "gives", "takes away");
            foreach (var site in found.Sites.OrderByDescending(s => Math.Min(s.Sufficient, s.Necessary)).Take(12))
            {
                parts.Add(site.Place, Percent(site.Sufficient), Percent(site.Necessary));
            }

            AnsiConsole.Write(parts);
            Console.WriteLine($"parts: shares of the effect in the {found.Choosing} states where parts were chosen (denoising and noising), the first 12");
        }

        Console.WriteLine(
            $"{found.Metric}: {Output.Plain(found.Baseline)} without it; claims judged on {found.Testing} states, level {Text(found.Level)} over all");
    }

    private static string Percent(double share) => $"{(100 * share).ToString("0;-0;0", CultureInfo.InvariantCulture)} %";

    private static string Text(double value) => value.ToString("0.###", CultureInfo.InvariantCulture);
}
