using System.CommandLine;
using System.Globalization;
using Spectre.Console;
using Vitrine.Checkpoints;
using Vitrine.Mechanisms.Circuits;
using Vitrine.Mechanisms.Metrics;
using Vitrine.Policies;
using Vitrine.Transformers;
using Vitrine.Views;
using static TorchSharp.torch;

namespace Vitrine.Cli.Commands;

/// <summary><c>vitrine circuit MODEL</c>: which edges carry the difference between two inputs.</summary>
internal static class CircuitCommand
{
    private const int Listed = 20;

    private static readonly string[] Methods =
        ["eap", "eap-corrupted", "clean-corrupted", "eap-ig", "eap-ig-activations", "eap-ig-edges", "exact", "acdc"];

    public static Command Create()
    {
        var name = ModelArgument.Completed(new Argument<string>("MODEL")
        {
            Description = "A text model, an image encoder or a policy: a folder, a .gguf file, ORG/NAME in the local cache, or an embedded one.",
        });
        var clean = new Option<string[]>("--clean")
        {
            Description = "A text whose answer is explained, or of an image encoder a picture; several allowed. Ids as #5 #6.",
        };
        var corrupted = new Option<string[]>("--corrupted") { Description = "The same but for what is asked about, as many tokens; one for each clean input." };
        var word = new Option<string?>("--word") { Description = "Of a policy: the word behind the instruction that is asked about, e.g. quickly." };
        var against = new Option<string?>("--against")
        {
            Description = $"Of a policy: what stands in its place, as many tokens; the first of {string.Join(", ", CircuitInputs.Neutral)} by default.",
        };
        var metric = new Option<string>("--metric")
        {
            Description = "logit:Paris, logit_difference:Paris/London, probability:Paris, kl, loss; of policies speed or a number of the action (dz). #ID is "
                + "an answer, @-1 a position.",
            Required = true,
        };
        var method = new Option<string>("--method") { Description = $"{string.Join(", ", Methods)}.", DefaultValueFactory = _ => "eap-ig" };
        method.CompletionSources.Add(Methods);
        var edges = new Option<int?>("--edges", "-e") { Description = "Edges of the circuit; 40 where no threshold is given." };
        var threshold = new Option<double?>("--threshold")
        {
            Description = "Least score of an edge instead, in the metric's units; of acdc what an edge may cost.",
        };
        var select = new Option<CircuitSelection>("--select")
        {
            Description = "greedy: from the outcome downwards, so that every edge leads there; top: the largest scores.",
        };
        var fill = new Option<EdgeFill>("--fill") { Description = "What edges outside carry: corrupted, mean, meanofall or zero." };
        var positions = new Option<bool>("--positions") { Description = "Tell edges apart by position." };
        var steps = new Option<bool>("--steps") { Description = "Tell edges apart by flow step, or by the token that is said." };
        var words = new Option<bool>("--split-words") { Description = "Of a text or picture: each position is a source of its own." };
        var way = new Option<int>("--way") { Description = "Points on the way of eap-ig.", DefaultValueFactory = _ => 5 };
        var random = new Option<int>("--random") { Description = "Random circuits beside each.", DefaultValueFactory = _ => 5 };
        var resume = new Option<string?>("--resume") { Description = "File in which acdc and exact keep how far they are, and go on from." };
        var page = new Option<string?>("--page") { Description = "Draw the circuit into this HTML file." };
        var output = new Option<string?>("--out") { Description = "Write circuit and measurements to this JSON file." };
        var plan = new Option<bool>("--plan") { Description = "Say what it would take, and stop." };
        var states = new StateOptions(CircuitInputs.Drawn);
        var units = UnitsOption.Create();
        var reading = TokenizerOption.Create();
        var device = DeviceOption.Create();
        var json = Output.JsonOption();
        var command = new Command("circuit", "Find the edges that carry the difference between two inputs, beside random circuits of as many edges.")
        {
            name, clean, corrupted, word, against, metric, method, edges, threshold, select, fill, positions, steps, words, way, random, resume, page, output,
            plan, units, reading, device, json,
        };
        states.AddTo(command);
        command.SetAction(async (parsed, cancellation) =>
        {
            foreach (var file in new[] { parsed.GetValue(page), parsed.GetValue(output), parsed.GetValue(resume) }.OfType<string>())
            {
                AtomicFile.RequireWritable(file);
            }

            var options = Search();
            var opened = Policy.Catalog.Open(parsed.GetValue(name)!, reading.Over(device.ModelOptionsOf(parsed), parsed));
            using (opened)
            {
                using var scope = NewDisposeScope();
                var (cleans, others) = Inputs(opened, out var asked, out var instead);
                var explained = MetricText.Parse(parsed.GetValue(metric)!, cleans);
                using var pair = new CircuitPair(cleans, others, explained, parsed.GetValue(words));
                var search = new CircuitSearch(pair, options);
                if (parsed.GetValue(plan))
                {
                    Tell(search.Plan(), pair, parsed.GetValue(json));
                    return 0;
                }

                var study = await Stages.RunAsync(async stages =>
                {
                    var (circuit, scores) = await stages.StageAsync("scoring edges", 60, p => Task.FromResult(search.Find(p, cancellation)))
                        .ConfigureAwait(false);
                    return await stages.StageAsync("running circuits", 40, p => Task.FromResult(
                        search.Measure(circuit, scores, parsed.GetValue(metric)!, asked, instead, p, cancellation))).ConfigureAwait(false);
                }).ConfigureAwait(false);
                if (parsed.GetValue(output) is { } file)
                {
                    AtomicFile.WriteAllText(file, study.ToJson());
                }

                if (parsed.GetValue(page) is { } drawn)
                {
                    AtomicFile.WriteAllText(drawn, CircuitPage.Render(study, Made(opened)));
                }

                if (parsed.GetValue(json))
                {
                    Console.WriteLine(study.ToJson());
                }
                else
                {
                    Print(study, parsed.GetValue(page));
                }
            }

            return 0;

            CircuitSearchOptions Search()
            {
                var (chosen, count, least) = (parsed.GetValue(method)!, parsed.GetValue(edges), parsed.GetValue(threshold));
                if (!Methods.Contains(chosen))
                {
                    throw new VitrineException(
                        $"--method is '{chosen}'; expected {string.Join(", ", Methods)}; the nearest is '{Nearest.Of(chosen, Methods)}'.");
                }

                if (count is not null && (least is not null || chosen == "acdc"))
                {
                    throw new VitrineException(least is not null ? "--edges and --threshold: expected one of them." : "--edges: acdc takes --threshold.");
                }

                if (chosen == "acdc" && least is null)
                {
                    throw new VitrineException("--method acdc: needs --threshold, what an edge may cost in the metric's units.");
                }

                if (parsed.GetValue(positions) && parsed.GetValue(steps))
                {
                    throw new VitrineException("--positions and --steps: expected one of them; positions are those of each step.");
                }

                if (parsed.GetValue(resume) is not null && chosen is not ("acdc" or "exact"))
                {
                    throw new VitrineException($"--resume: goes with --method acdc or exact; {chosen} takes a few runs.");
                }

                return new CircuitSearchOptions
                {
                    Method = chosen switch
                    {
                        "eap" => EdgeMethod.Eap,
                        "eap-corrupted" => EdgeMethod.EapCorrupted,
                        "clean-corrupted" => EdgeMethod.CleanCorrupted,
                        "eap-ig" => EdgeMethod.EapIg,
                        "eap-ig-activations" => EdgeMethod.EapIgActivations,
                        "eap-ig-edges" => EdgeMethod.EapIgEdges,
                        "exact" => EdgeMethod.Exact,
                        _ => null,
                    },
                    Edges = least is null && chosen != "acdc" ? Within("--edges", count ?? 40, 1) : null,
                    Threshold = least is { } t && !(t > 0) ? throw new VitrineException($"--threshold is {t}; expected a positive number.") : least,
                    Selection = parsed.GetValue(select),
                    Randoms = Within("--random", parsed.GetValue(random), 0),
                    Seed = (int)parsed.GetValue(states.Seed),
                    Scoring = new EdgeOptions
                    {
                        Axis = parsed.GetValue(positions) ? EdgeAxis.Positions : parsed.GetValue(steps) ? EdgeAxis.Steps : EdgeAxis.None,
                        WaySteps = Within("--way", parsed.GetValue(way), 1),
                        Fill = parsed.GetValue(fill),
                        Resume = parsed.GetValue(resume),
                    },
                };
            }

            (Subject, Subject) Inputs(Model model, out string[] asked, out string[] instead)
            {
                (asked, instead) = (parsed.GetValue(clean) ?? [], parsed.GetValue(corrupted) ?? []);
                if (model is not Policy policy)
                {
                    if (asked.Length == 0 || asked.Length != instead.Length)
                    {
                        throw new VitrineException(
                            $"circuit: {asked.Length} inputs of --clean and {instead.Length} of --corrupted; expected as many, at least one.");
                    }

                    return model switch
                    {
                        _ when parsed.GetValue(word) is not null => throw new VitrineException(
                            $"circuit: --word is for policies; {model.Name} takes --clean and --corrupted."),
                        TextModel text => (Subject.Of(text, Read(text, asked)), Subject.Of(text, Read(text, instead))),
                        VisionModel vision => (Subject.Of(vision, PictureBatch.Read(vision, asked)), Subject.Of(vision, PictureBatch.Read(vision, instead))),
                        _ => throw new VitrineException($"{model.Name}: is a {model.Family} model, which circuit does not know."),
                    };
                }

                if (asked.Length + instead.Length > 0 || parsed.Word(word) is not { } said)
                {
                    throw new VitrineException($"{policy.Name}: is a policy; say with --word which word behind its instructions is asked about.");
                }

                var acting = parsed.GetValue(units) is { } chosen ? policy.With(units: chosen) : policy;
                var source = states.Source(parsed, policy);
                var seen = source.IsDrawn
                    ? CircuitInputs.Alike(policy, source.ForTest, states.Count(parsed) ?? CircuitInputs.Drawn)
                    : source.ForTest(states.Count(parsed));
                var both = CircuitInputs.OfWord(acting, seen, said, parsed.Word(against));
                (asked, instead) = (both.Asked, both.Instead);
                return (both.Clean, both.Corrupted);
            }

            Provenance Made(Model model) => PageMade.Of(PageMade.CommandLine("circuit", parsed), model, $"{parsed.GetValue(states.Seed)}");
        });
        return command;
    }

    private static int Within(string option, int value, int least)
        => value >= least ? value : throw new VitrineException($"{option} is {value}; expected {least} or more.");

    private static TokenBatch Read(TextModel model, string[] texts)
    {
        var ids = texts.Select(Ids).ToArray();
        return ids.All(i => i is not null) ? TokenBatch.Of([.. ids.OfType<int[]>()])
            : ids.Any(i => i is not null) ? throw new VitrineException("circuit: some texts are ids and some are words; expected one kind.")
            : model.Encode(texts);

        static int[]? Ids(string text)
        {
            var parts = text.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            return parts.Length > 0 && Array.TrueForAll(parts, p => p[0] == '#' && Number(p) is not null) ? [.. parts.Select(p => Number(p)!.Value)] : null;
        }

        static int? Number(string part)
        {
            return int.TryParse(part.AsSpan(1), NumberStyles.None, CultureInfo.InvariantCulture, out var id) ? id : null;
        }
    }

    private static void Tell(CircuitPlan plan, CircuitPair pair, bool asJson)
    {
        if (asJson)
        {
            Output.Write(plan);
            return;
        }

        var table = Output.Table("what", "how much");
        table.Add("pairs", $"{pair.Clean.Rows}, of {pair.Clean.Tokens.Max(t => t.Count)} positions");
        table.Add("edges", plan.Edges.ToString("N0", CultureInfo.InvariantCulture));
        table.Add("runs", $"{plan.Runs.ToString("N0", CultureInfo.InvariantCulture)}, of which {plan.Backward} with derivatives");
        table.Add("pairs at once", $"{plan.Rows}");
        table.Add("memory", $"about {(plan.Bytes / 1e6).ToString("N0", CultureInfo.InvariantCulture)} MB"
            + $"; {(plan.Available / 1e6).ToString("N0", CultureInfo.InvariantCulture)} MB are free");
        AnsiConsole.Write(table);
    }

    private static void Print(CircuitStudy study, string? page)
    {
        Console.WriteLine($"{study.Metric}: {Output.Signed(study.CleanValue)} clean, {Output.Signed(study.CorruptedValue)} corrupted");
        var patched = study.Patched.ToLookup(e => (e.From, e.To, e.Step, e.Position));
        var edges = Output.Table("edge", "where", "score", "patched alone");
        foreach (var edge in study.Circuit.Edges.Take(Listed))
        {
            edges.Add($"{edge.From} -> {edge.To}", new EdgeCell(edge.Step, edge.Position).ToString(), Output.Signed(edge.Score),
                patched[(edge.From, edge.To, edge.Step, edge.Position)].FirstOrDefault() is { } found ? Output.Signed(found.Score) : "-");
        }

        AnsiConsole.Write(edges);
        if (study.Circuit.Edges.Count > Listed)
        {
            Console.WriteLine($"the {Listed} largest of {study.Circuit.Edges.Count} edges; --out FILE writes all");
        }

        var curve = Output.Table("edges", "kept", "random kept", "left without", "random left");
        foreach (var point in study.Curve)
        {
            curve.Add($"{point.Edges}", Share(point.Kept), Range(point.RandomKept), Share(point.Removed), Range(point.RandomRemoved));
        }

        AnsiConsole.Write(curve);
        var idle = study.Minimality.Count(n => n.Lost < .01);
        Console.WriteLine(study.Minimality.Count == 0 ? "the circuit has no edge"
            : $"taken out one by one, {idle} of {study.Minimality.Count} edges cost less than 1 % of the difference");
        Console.WriteLine($"circuit of {study.Circuit.Edges.Count} of {study.Circuit.Of.ToString("N0", CultureInfo.InvariantCulture)} edges by "
            + $"{study.Circuit.Method}; kept: share of the difference with the circuit alone");
        Console.WriteLine(page is null ? "--page FILE draws it" : $"{page} shows it");
    }

    private static string Share(double share) => share.ToString("0.000;-0.000;0.000", CultureInfo.InvariantCulture);

    private static string Range(IReadOnlyList<double> shares) => shares.Count == 0 ? "-" : $"{Share(shares.Min())} to {Share(shares.Max())}";
}
