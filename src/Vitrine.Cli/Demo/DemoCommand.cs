using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using Spectre.Console;
using Vitrine.Certification;
using Vitrine.Checkpoints;
using Vitrine.Cli.Commands;
using Vitrine.Mechanisms.Concepts;
using Vitrine.Mechanisms.Doses;
using Vitrine.Mechanisms.Statistics;
using Vitrine.Mechanisms.ValueVectors;
using Vitrine.Policies;
using Vitrine.Policies.Flow;
using Vitrine.Transformers;
using Vitrine.Views;
using Vitrine.Worlds.Decisions;
using Vitrine.Worlds.Studies;
using Vitrine.Worlds.Tabletop;

namespace Vitrine.Cli.Demo;

/// <summary><c>vitrine demo</c>: certify, read, find, calibrate, steer one step, study in closed loop, report.</summary>
internal static class DemoCommand
{
    /// <summary>The policies that it has measurements for: the one that speaks in tokens, and the one that flows.</summary>
    private const string Speaking = "embedded:tabletop", Flowing = "embedded:tabletop-flow";

    public static Command Create()
    {
        var policy = new Option<string>("--policy")
        {
            Description = $"Which embedded policy: {Speaking} speaks in tokens, {Flowing} lets a chunk flow out of noise.",
            DefaultValueFactory = _ => Speaking,
        };
        policy.AcceptOnlyFromAmong(Speaking, Flowing);
        var output = new Option<string>("--out") { Description = "Folder of the report and the data behind it.", DefaultValueFactory = _ => "vitrine-demo" };
        var layouts = new Option<int>("--layouts") { Description = "Closed-loop layouts of each arm.", DefaultValueFactory = _ => 18 };
        var states = new Option<int>("--states") { Description = "Situations of each one-step table.", DefaultValueFactory = _ => 48 };
        var draws = new Option<int>("--draws") { Description = "Random draws of each control; at least 8.", DefaultValueFactory = _ => 8 };
        var steps = new Option<int>("--steps") { Description = "Control steps of an episode.", DefaultValueFactory = _ => 50 };
        var workers = WorkersOption.Create("Batches side by side; nothing depends on it.");
        var seed = new Option<ulong>("--seed") { Description = "Decides all that is drawn.", DefaultValueFactory = _ => 1 };
        var json = Output.JsonOption();
        var command = new Command("demo", "Open the embedded policy, find its concepts, steer it with every control, and write one report.")
        {
            policy, output, layouts, states, draws, steps, workers, seed, json,
        };
        command.SetAction((parsed, cancellation) => RunAsync(
            parsed.GetValue(policy)!, parsed.GetValue(output)!,
            new DemoSize(parsed.GetValue(states), parsed.GetValue(layouts), parsed.GetValue(draws), parsed.GetValue(steps), workers.Of(parsed),
                parsed.GetValue(seed)),
            parsed.GetValue(json), cancellation));
        return command;
    }

    private static async Task<int> RunAsync(string name, string folder, DemoSize size, bool json, CancellationToken cancellation)
    {
        var clock = Stopwatch.StartNew();
        AtomicFile.RequireFolder(folder);
        using var policy = Policy.Open(name);
        var made = await Stages.RunAsync(stages => policy is FlowPolicy flow
            ? FlowAsync(flow, name, folder, size, stages, cancellation)
            : SpeakingAsync(policy, folder, size, stages, cancellation)).ConfigureAwait(false);
        var (finding, report) = (made.Finding.Replace("*", ""), Path.GetFullPath(Path.Combine(folder, "report.html")));
        if (json)
        {
            Output.Write(new { Finding = finding, Report = report, clock.Elapsed.TotalSeconds, made.Studies });
            return made.IsRight ? 0 : 1;
        }

        Print(made.Studies);
        Console.WriteLine(finding);
        Console.WriteLine($"{report}  ({clock.Elapsed.TotalSeconds.ToString("0", CultureInfo.InvariantCulture)} s)");
        return made.IsRight ? 0 : 1;
    }

    /// <summary>What was written.</summary>
    /// <param name="Finding">In one sentence.</param>
    /// <param name="Studies">The closed-loop studies.</param>
    /// <param name="IsRight">Whether the engine agrees with its reference numbers.</param>
    private sealed record Made(string Finding, IReadOnlyList<StudyResult> Studies, bool IsRight);

    private static async Task<Made> SpeakingAsync(Policy policy, string folder, DemoSize size, Stages stages, CancellationToken cancellation)
    {
        var demo = await MeasureAsync(policy, folder, size, stages, cancellation).ConfigureAwait(false);
        var sets = demo.Clusters.ToDictionary(c => c.Key, c => new NeuronSet(c.Value.Select(n => n.Neuron)));
        Write(folder, demo.Studies, files => DemoReport.Of(demo, files),
        [
            ("certificate.json", Output.ToJson(demo.Certificates)),
            ("profile.json", Output.ToJson(demo.Profile)),
            ("concepts.yaml", NeuronSetFile.Write(sets, demo.Policy.Fingerprint)),
            ("calibration.json", demo.Calibration.ToJson()),
            ("onestep.json", Output.ToJson(demo.OneStep)),
        ]);
        return new Made(DemoReport.Finding(demo), demo.Studies, demo.Certificates.All(c => c.Passed));
    }

    private static async Task<Made> FlowAsync(
        FlowPolicy policy, string name, string folder, DemoSize size, Stages stages, CancellationToken cancellation)
    {
        var certificates = await stages.StageAsync("certifying the engine", 3, p => Task.FromResult(Certify("certificates-flow", p, cancellation)))
            .ConfigureAwait(false);
        var demo = await FlowDemo.MeasureAsync(policy, name, folder, size, certificates, stages, cancellation).ConfigureAwait(false);
        var set = new Dictionary<string, NeuronSet> { ["up"] = new(demo.Neurons.Neurons.Select(n => n.Neuron), policy.Expert.Shape.Name) };
        Write(folder, demo.Studies, files => FlowDemoReport.Of(demo, files),
        [
            ("certificate.json", Output.ToJson(demo.Certificates)),
            ("chunk.json", Output.ToJson(demo.Course)),
            ("looks.json", Output.ToJson(demo.Looks)),
            ("neurons.yaml", NeuronSetFile.Write(set, policy.Fingerprint)),
            ("calibration.json", demo.Calibration.ToJson()),
            ("onestep.json", Output.ToJson(demo.Swaps)),
        ]);
        return new Made(FlowDemoReport.Finding(demo), demo.Studies, demo.Certificates.All(c => c.Passed));
    }

    /// <remarks>The weights of the stages are their shares of the time that the demo takes at its default size on two cores, in percent.</remarks>
    private static async Task<DemoResult> MeasureAsync(Policy policy, string folder, DemoSize size, Stages stages, CancellationToken cancellation)
    {
        var tokens = TokenReader.Of(policy);
        var certificates = await Stage("certifying the engine", 4, p => Certify("certificates", p, cancellation)).ConfigureAwait(false);
        var layers = Enumerable.Range(0, policy.Language.Shape.Layers).ToArray();
        var readings = await Stage("reading value vectors", 1, p => VocabularyProjection.Read(policy.Language, layers, 30, tokens.Valid, p, cancellation))
            .ConfigureAwait(false);
        var patterns = new LexicalPatterns(readings, tokens, TabletopVocabulary.Concepts);
        var calibration = await Stage("calibrating neurons", 2,
            p => Calibration.Measure(policy, TabletopStates.ForCalibration(size.Seed, 2 * size.States), p, cancellation)).ConfigureAwait(false);
        var clusters = DemoConcept.All.ToDictionary(c => c.Name, c => patterns.Cluster(c.Name));
        var (oneStep, studies, episodes) = (new List<OneStepResult>(), new List<StudyResult>(), new List<EpisodePair>());
        foreach (var concept in DemoConcept.All)
        {
            var cluster = new NeuronSet(clusters[concept.Name].Select(n => n.Neuron));
            using var edits = await Stage($"{concept.Name}, mean differences", 2,
                _ => concept.Edits(policy, cluster, patterns.AllClustered(), calibration, size, cancellation)).ConfigureAwait(false);
            var study = concept.Study(policy, edits, patterns, calibration, size);
            oneStep.Add(await Stage($"{concept.Name}, where it acts in one decision", 8,
                p => KeptFile.Measured(
                    Path.Combine(folder, $"onestep-{study.Name}.json"), Asked(study, size),
                    () => concept.Decide(policy, edits, size, p, cancellation))).ConfigureAwait(false));
            var options = new StudyOptions { Workers = size.Workers, Folder = Path.Combine(folder, $"study-{concept.Name}") };
            var run = await stages.StageAsync($"{concept.Name}, closed loop with {study.Arms.Count} arms", 36, p => new StudyRunner(DemoPictures.NewWorld)
                .RunAsync(study, policy, options, Output.Chunks(p), cancellation)).ConfigureAwait(false);
            studies.Add(StudyResult.Of(run));
            episodes.AddRange(DemoPictures.Film(run, DemoPictures.Shown(Verdict.Of(studies[^1], concept.Measure))));
        }

        var (example, target) = DemoPictures.Example(size.Seed);
        using var act = policy.Act([example], cancellation: cancellation);
        return new DemoResult
        {
            Policy = policy,
            Size = size,
            Certificates = certificates,
            Tokens = tokens,
            Readings = readings,
            Profile = patterns.Profile(),
            Clusters = clusters,
            Words = TabletopVocabulary.Concepts,
            Calibration = calibration,
            OneStep = oneStep,
            Studies = studies,
            Example = example,
            ExampleAction = act.Actions[0],
            Attention = DemoPictures.Attention(policy, example, target, cancellation),
            Episodes = episodes,
        };

        Task<T> Stage<T>(string what, double weight, Func<IProgress<double>, T> work) => stages.StageAsync(what, weight, p => Task.FromResult(work(p)));
    }

    private static string Asked(Study study, DemoSize size)
        => $"{Output.ToJson(study.Policy)}{Output.ToJson(size with { Layouts = 0, Steps = 0, Workers = 0 })}"
            + string.Concat(study.Arms.Select(a => a.Fingerprint()));

    private static IReadOnlyList<Certificate> Certify(string kept, IProgress<double> progress, CancellationToken cancellation)
    {
        var folders = Directory.GetDirectories(Path.Combine(AppContext.BaseDirectory, kept)).Where(d => File.Exists(Path.Combine(d, "meta.json")))
            .Order(StringComparer.Ordinal).ToArray();
        return
        [
            .. folders.Select((f, i) =>
            {
                var certificate = Certifiers.Certify(f, cancellation);
                progress.Report((i + 1.0) / folders.Length);
                return certificate;
            }),
        ];
    }

    private static void Write(
        string folder, IReadOnlyList<StudyResult> studies, Func<IReadOnlyList<string>, ReportData> report, (string Name, string Text)[] own)
    {
        (string Name, string Text)[] files = [.. own, .. studies.Select(s => ($"study-{s.Study}.json", s.ToJson()))];
        foreach (var (name, text) in files)
        {
            AtomicFile.WriteAllText(Path.Combine(folder, name), text);
        }

        AtomicFile.WriteAllText(
            Path.Combine(folder, "report.html"), Report.Render(report([.. files.Select(f => f.Name), .. studies.Select(s => $"study-{s.Study}/")])));
    }

    private static void Print(IReadOnlyList<StudyResult> studies)
    {
        var table = Output.Table("concept", "arm", "change of speed", "change of height", "success");
        foreach (var study in studies)
        {
            foreach (var arm in study.Arms.Where(a => !a.Arm.IsRandom))
            {
                table.Add(study.Study, arm.Arm.Name, Change(arm, "speed"), Change(arm, "height"), Number(arm.All.Success.Rate, "0.00"));
            }

            foreach (var draws in study.Draws)
            {
                table.Add(study.Study, $"{draws.Group} ({draws.Draws} draws)", Range(draws.Differences["speed"]), Range(draws.Differences["height"]),
                    $"{Number(draws.Means["success"].Smallest, "0.00")} to {Number(draws.Means["success"].Largest, "0.00")}");
            }
        }

        AnsiConsole.Write(table);
    }

    private static string Change(ArmResult arm, string measure) => arm.All.Differences.TryGetValue(measure, out var d)
        ? $"{Output.Signed(d.Estimate.Mean)} {Output.Interval(d.Estimate.Low, d.Estimate.High)}"
        : Number(arm.All.Means[measure], "0.0000");

    private static string Range(Spread spread) => $"{Output.Signed(spread.Smallest)} to {Output.Signed(spread.Largest)}";

    private static string Number(double? value, string format) => value?.ToString(format, CultureInfo.InvariantCulture) ?? "-";
}
