using Vitrine.Inputs.Pictures;
using Vitrine.Mechanisms.Causes;
using Vitrine.Mechanisms.Experts;
using Vitrine.Mechanisms.Pictures;
using Vitrine.Mechanisms.Statistics;
using Vitrine.Policies.Flow;
using Vitrine.Transformers;
using Vitrine.Views;
using Vitrine.Worlds;
using Vitrine.Worlds.Decisions;
using Vitrine.Worlds.Studies;

namespace Vitrine.Tests.Views;

/// <summary>A report filled with made-up numbers, for looking at the page and testing it. Nothing in it was measured.</summary>
internal static class SampleReport
{
    private static readonly string[] Fast = ["quickly", "fast", "rapidly", "swiftly", "briskly", "promptly", "speedily", "hurriedly"];
    private static readonly string[] Slow = ["slowly", "gently", "calmly", "gradually", "patiently", "carefully", "softly", "leisurely"];
    private static readonly string[] High = ["high", "highly", "elevated", "aloft", "raised", "above", "upward", "tall"];
    private static readonly string[] Low = ["low", "lowered", "flat", "under", "beneath", "below", "down", "near"];

    public static ReportData Create() => new()
    {
        Title = "What makes this policy move *fast*?",
        Lead = "Sample data: embedded:tabletop, an OpenVLA-layout policy of 2.6 million parameters, opened, read, steered and judged on 96 paired layouts. "
            + "No number on this page was measured.",
        Facts =
        [
            new("feed-forward neurons, 6 layers", "2,304"), new("write one concept (shuffled .4 %)", "17.3 %"), new("success, [93.5, 96.5], n 800", "95 %"),
            new("reference folders within 5e−5", "14 / 14"), new("on 2 cores", "3 min 12 s"),
        ],
        Finding = "Holding the neurons that spell *fast* does not steer the robot; adding what attention of layer 5 writes for the word does.",
        Statements =
        [
            new("Attention of layer 5 brings *fast* in, and the feed-forward part of layer 5 carries it.", VerdictClass.Shown)
            {
                Evidence = ["put in alone 99 %, held back none remains", "head 5:1 looks at the cube"],
            },
            new("Adding what attention writes for *high* raises the gripper, and the task is solved less often.", VerdictClass.BreaksTask),
            new("Holding the ten neurons that spell *fast* does nothing to speed.", VerdictClass.NotShown),
            new("Anything about a real robot."),
        ],
        Model = Model(),
        Pass = Pass(),
        LayerProfile = new()
        {
            Stack = "language",
            Rule = "at least 4 of the top 30 tokens belong to one concept",
            Vocabulary = 448,
            Tokens = 400,
            ActionTokens = 200,
            Rows =
            [
                new(0, .258, .1, .1, .004, .47, 0), new(1, .262, .1, .1, .003, .472, 0), new(2, .242, .1, .1, .005, .42, 0), new(3, .25, .1, .1, .004, .453, 0),
                new(4, .193, .1, .1, .003, .56, .1), new(5, .125, .1, .1, .004, .72, .1),
            ],
        },
        Concepts = [Cluster("fast", Fast, Slow, 10, 1), Cluster("slow", Slow, Fast, 4, 2), Cluster("high", High, Low, 6, 3),
            new() { Concept = "purple haste", Words = ["purple"], Neurons = [] }],
        AttentionRule = "4 heads, made up",
        Attention = [Map(2, 0, "cube", .39, .62, .10), Map(2, 1, "cube", .39, .62, .16), Map(4, 3, "dx", .45, .55, .3), Map(5, 1, "dz", .5, .3, .45)],
        OneStep = [new(OneStep("fast", "displacement per step", .038, 5, 5), "table widths"), new(OneStep("high", "change of z", .0195, 4, 5), "table widths")],
        Study = Study(),
        Episodes =
        [
            Pair("*fast*: clamp", "reach: solved", .06, .1, true), Pair("*fast*: clamp", "lift: fails", .06, .06, false),
            Pair("", "alone", .06, .06, false) with { Measure = Measure.Height },
        ],
        Certificate = new()
        {
            Bound = 5e-5,
            Folders = [new("tabletop", 118, 3.1e-6, true), new("tabletop-flow", 96, 4.7e-6, true), new("tokenizers", 2140, 0, true),
                new("models/smollm2", 61, 1.2e-4, false)],
        },
        Provenance = new()
        {
            Command = "vitrine demo --out vitrine-demo",
            Seed = "layouts 7000–7095 (test), 100–195 (selection), pixel noise 1",
            Fingerprint = "sha256 3f1c8f0b7a6d2e9451c07f9be2a1d0c38896aa10be7741e6203fd5b1a9c0de9a",
            Counts = [new("episodes", "3,648 in 38 arms"), new("one-step states", "96 selection, 96 test")],
            Versions = [new("vitrine", "0.1.0"), new(".NET", "10.0.1"), new("libtorch", "2.10.0, float32, 2 threads")],
            Files = ["neurons.parquet", "study.parquet", "episodes/", "certificate.json"],
        },
        Definitions =
        [
            new("speed", "Mean displacement per step over the first six steps, so that it does not depend on how long an episode lasts."),
            new("matched random", "As many neurons, drawn from the same layers and matched in activation, clamped at the same dose."),
            new("intervals", "95 %; paired bootstrap over layouts for changes, Wilson for rates."),
        ],
    };

    /// <summary>The same of a policy that flows.</summary>
    public static ReportData Flow()
    {
        var (noise, random) = (new Random(5), new Random(6));
        IReadOnlyList<IReadOnlyList<double>> Rows(double share) => [.. Enumerable.Range(0, 8).Select(row => (double[])[
            (.05 * (1 - share)) + (share * noise.NextDouble()), .02, -.01 * row, share * noise.NextDouble()])];
        IReadOnlyList<double> Near(double value) => [.. Enumerable.Range(0, 6).Select(_ => value + (.01 * random.NextDouble()))];
        IReadOnlyList<IReadOnlyList<IReadOnlyList<double>>> steps = [.. Enumerable.Range(0, 11).Select(k => Rows(1 - (k / 10.0)))];
        ExpertNeuron[] neurons = [new(new Neuron(5, 252), [.1, -.24, .88, .07]), new(new Neuron(5, 99), [.2, .23, -.59, .03])];
        Estimate Share(double share) => new(.0693 * share, .0693 * (share - .01), .0693 * (share + .01));
        SwapEstimate[] parts =
        [
            .. new[] { SwappedRows.Words, SwappedRows.State, SwappedRows.Image, SwappedRows.Others }.SelectMany(rows => Enumerable.Range(0, 6)
                .Select(layer => (int?)layer).Append(null).Select(layer => new SwapEstimate(rows, layer,
                    Share(rows == SwappedRows.Words && layer is 1 or null ? .95 : .01), rows == SwappedRows.Words ? Share(layer == 1 ? .05 : .9) : null))),
        ];
        return Create() with
        {
            Finding = "Pushing the expert’s neurons that write up, as 5:252, raises the gripper.",
            LayerProfile = null,
            Concepts = [],
            OneStep = [],
            Pass = Pass() with { ActionTokens = [], Contributions = [] },
            Flow = new FlowSummary
            {
                Chunk = new ShownChunk(new ChunkCourse(["dx", "dy", "dz", "gripper"], steps, steps), 4)
                {
                    Picture = Table(.6, .5, .5, 1),
                    Paths = [.. steps.Select(rows => (PathPoint[])[.. rows.Select((row, i) => new PathPoint(.4 + (.05 * i), .5 + row[0]))])],
                    Units = new Dictionary<string, string> { ["dx"] = "table widths", ["dy"] = "table widths", ["dz"] = "table widths" },
                },
                Looks = [new(0, Near(.4), Near(.2), Near(.2), Near(.2)), new(1, Near(.2), Near(.6), Near(.2), null)],
                Neurons = new ExpertComparison(
                    new ActionDirection("+z", 2, 1), neurons, [[.001, -.002, .0205, .0001], [.001, .001, -.0137, 0]], 48, .951, .823),
                Swaps = [new(new PrefixSwapResult("fast", "slowly", "quickly", "length of the decided step", 48, Share(1), parts, 1,
                    [new("zero dose", new(0, 0, 0), null), new("random directions of the same size, layer 1", null, [.001, -.002])]), "table widths")],
            },
        };
    }

    public static ReportData Empty() => new()
    {
        Title = "Nothing",
        Model = new() { Name = "none", Stacks = [] },
        Provenance = new() { Command = "", Seed = "", Fingerprint = "" },
    };

    public static Picture Table(double x, double y, double z, int seed)
    {
        var random = new Random(seed);
        var rgb = new byte[64 * 64 * 3];
        var (u, v) = (6 + (52 * x), 58 - (30 * y) - (22 * z));
        for (var row = 0; row < 64; row++)
        {
            for (var column = 0; column < 64; column++)
            {
                var wall = row < 24 ? .8 : 1;
                var colour = (R: .76 * wall, G: .71 * wall, B: .63 * wall);
                void Paint(bool inside, double r, double g, double b) => colour = inside ? (r, g, b) : colour;
                Paint(Math.Abs(column - 25) < 4 && Math.Abs(row - 40) < 4, .86, .14, .14);
                Paint(Math.Pow(column - 45, 2) + Math.Pow(row - 34, 2) < 16, .15, .30, .90);
                Paint(row is > 44 and < 53 && Math.Abs(column - 47) < (row - 43) * .5, .13, .68, .20);
                Paint(Math.Abs(column - u) < 1.4 && Math.Abs(row - v + 13) < 5.5, .25, .25, .28);
                Paint(Math.Abs(column - u) < 6 && Math.Abs(row - v + 7) < 1.4, .1, .1, .12);
                Paint(Math.Abs(Math.Abs(column - u) - 5) < 1.1 && Math.Abs(row - v + 3) < 4, .1, .1, .12);
                foreach (var (index, part) in new[] { colour.R, colour.G, colour.B }.Index())
                {
                    rgb[(((row * 64) + column) * 3) + index] = (byte)Math.Clamp((part + ((random.NextDouble() - .5) * .04)) * 255, 0, 255);
                }
            }
        }

        return new Picture(64, 64, rgb);
    }

    private static ModelDescription Model() => new()
    {
        Name = "embedded:tabletop",
        Stacks =
        [
            new() { Name = "DINO tower", Role = StackRole.Vision, Layers = 2, Width = 96, Heads = 4, Neurons = 384, Parameters = 248_000 },
            new() { Name = "SigLIP tower", Role = StackRole.Vision, Layers = 2, Width = 96, Heads = 4, Neurons = 384, Parameters = 251_000 },
            new() { Name = "language", Role = StackRole.Language, Layers = 6, Width = 160, Heads = 5, Neurons = 384, Vocabulary = 448, Parameters = 2_101_000 },
        ],
    };

    private static PassExample Pass() => new()
    {
        Picture = Table(.6, .5, .5, 1),
        PatchRows = 8,
        PatchColumns = 8,
        Instruction = "quickly lift the red cube",
        PromptTokens = ["<s>", "In:", "What", "action", "should", "the", "robot", "take_", "to", "quickly", "lift", "the", "red", "cube", "?Out:"],
        ActionTokens =
        [
            new() { Dimension = "dx", Token = "−.62", Value = -.0621, Unit = "table widths", Probability = .71, Entropy = 1.12 },
            new() { Dimension = "dy", Token = ".31", Value = .0312, Probability = .64, Entropy = 1.35 },
            new() { Dimension = "dz", Token = ".84", Value = .0841, Probability = .88, Entropy = .61 },
            new() { Dimension = "roll", Token = ".00", Value = 0, Probability = 1, Entropy = 0 },
            new() { Dimension = "pitch", Token = ".00", Value = 0, Probability = 1, Entropy = 0 },
            new() { Dimension = "yaw", Token = ".00", Value = 0, Probability = 1, Entropy = 0 },
            new() { Dimension = "gripper", Token = ".996", Value = .996, Probability = .99, Entropy = .08 },
        ],
        Contributions = [new(0, .0, .0), new(1, .01, .01), new(2, .02, .01), new(3, .03, .02), new(4, .09, .05), new(5, .95, .99)],
        ContributionMeaning = "share of the change of speed that each part carries, put in state by state",
    };

    private static ConceptCluster Cluster(string concept, string[] words, string[] opposite, int count, int seed)
    {
        var random = new Random(seed);
        List<VocabularyToken> Tokens(string[] from, bool hit, int number) =>
        [
            .. Enumerable.Range(0, number).Select(index => random.Next(6) switch
            {
                0 => new VocabularyToken($".{random.Next(10, 99)}", IsAction: true),
                1 => new VocabularyToken("moves"),
                _ => new VocabularyToken(from[(index + number) % from.Length], IsConcept: hit),
            }),
        ];
        return new()
        {
            Concept = concept,
            Words = words,
            Neurons =
            [
                .. Enumerable.Range(0, count).Select(index => new ConceptNeuron
                {
                    Layer = random.Next(6), Index = random.Next(384), Score = 12 - index, MeanActivation = (
                        random.NextDouble() - .3) * .4, Sigma = random.NextDouble() * .5,
                    Top = Tokens(words, true, 8), Bottom = Tokens(opposite, false, 4),
                }),
            ],
        };
    }

    private static AttentionMap Map(int layer, int head, string query, double x, double y, double spread)
    {
        var weights = Enumerable.Range(0, 64)
            .Select(index => .002 + Math.Exp(-(Math.Pow((((index % 8) + .5) / 8) - x, 2) + Math.Pow((((index / 8) + .5) / 8) - y, 2)) / (spread * spread)))
            .ToList();
        var sum = weights.Sum() / .8;
        return new()
        {
            Look = new HeadLook("language", layer, head, query, 8, 8, [.. weights.Select(weight => weight / sum)]) { FirstToken = 1, Visible = 80 },
            Picture = Table(.6, .5, .5, 1),
            Target = new(.32, .55, .15, .15),
        };
    }

    private static OneStepResult OneStep(string concept, string metric, double prompt, int attentionLayer, int feedForwardLayer)
    {
        Estimate Around(double share) => new(share * prompt, (share - .03) * prompt, (share + .03) * prompt);
        var unasked = new Estimate(double.NaN, double.NaN, double.NaN);
        var parts = new List<PartEstimate>();
        foreach (var component in new[] { Component.Attention, Component.FeedForward, Component.Residual })
        {
            for (var layer = 0; layer < 6; layer++)
            {
                var acts = layer == (component == Component.Attention ? attentionLayer : feedForwardLayer);
                var late = component == Component.Residual && layer >= attentionLayer;
                parts.Add(new(
                    component, layer,
                    MeanDifference: Around(late ? .9 : acts ? (component == Component.Attention ? .85 : .05) : .01 * layer),
                    Sufficient: Around(late ? 1 : acts ? .97 : .01 * layer),
                    Necessary: component == Component.Residual ? unasked : Around(acts ? .02 : 1 - (.01 * layer))));
            }

            if (component != Component.Residual)
            {
                parts.Add(new(component, null, Around(component == Component.Attention ? .96 : .06), component == Component.Attention ? Around(1) : Around(.99),
                    Around(0)));
            }
        }

        return new(
            concept, metric, 96, .06, Around(1), parts,
            [
                new("zero dose", new(0, 0, 0), null), new("matched random neurons, 8 draws", null, [-.0011, 0, 0, 0, 0, 0, 0, .0006]),
                new("random direction, same norm, 8 draws", null, [-.0019, 0, 0, 0, 0, 0, 0, .0011]),
            ]);
    }

    private static StudySummary Study() => new()
    {
        SpeedMeaning = "change of speed (per step, first 6)",
        HeightMeaning = "change of mean height",
        Units = new("table widths", "control step"),
        Note = "n 96 layouts an arm; selection and test states apart; Holm over 8 arms",
        Studies =
        [
            new(
                Result("fast",
                [
                    Arm("no edit", ArmKind.Baseline, "fast", 0, 0, .95, 0),
                    Arm("prompt: “quickly”", ArmKind.Prompt, "fast", .0395, -.01, .95, .0015),
                    Arm("attention difference, all layers", ArmKind.Edit, "fast", .0337, .01, .93, .003),
                    Arm("feed-forward difference, all layers", ArmKind.Edit, "fast", -.0002, 0, .94, .001),
                    Arm("clamp 10 neurons that spell fast, +4σ", ArmKind.Edit, "fast", .0001, .003, .72, .001),
                    Arm("zero dose", ArmKind.ZeroDose, "fast", 0, 0, .95, 0),
                    .. Draws("matched random, 8 draws", ArmKind.MatchedRandom, "fast", .82, -.0022, .003),
                    .. Draws("random direction, same norm, 8 draws", ArmKind.RandomDirection, "fast", .86, -.003, .0012),
                ]),
                "speed"),
            new(
                Result("high",
                [
                    Arm("no edit", ArmKind.Baseline, "high", 0, 0, .95, 0),
                    Arm("prompt: “high”", ArmKind.Prompt, "high", -.004, .172, .93, .0015),
                    Arm("attention difference, layer 4", ArmKind.Edit, "high", -.003, .151, .90, .003),
                    .. Draws("matched random, 8 draws", ArmKind.MatchedRandom, "high", .62, -.0022, .003),
                ]),
                "height"),
        ],
    };

    /// <summary>An arm with made-up numbers.</summary>
    /// <param name="half">Half the width of the speed's interval; the height's is four times as wide.</param>
    public static ArmResult Arm(string name, ArmKind kind, string concept, double speed, double height, double success, double half, int count = 96)
    {
        var label = new ArmLabel
        {
            Name = name,
            Kind = kind,
            Concept = kind == ArmKind.Baseline ? null : concept,
            Group = kind is ArmKind.MatchedRandom or ArmKind.RandomDirection ? name : null,
        };
        Difference Change(double mean, double width)
            => new(new(mean, mean - width, mean + width), .01, kind == ArmKind.Edit ? (Math.Abs(speed) > .01 ? .0002 : .41) : null);
        ArmMeasures Over(double rate, int of) => new(
            new Proportion((int)Math.Round(rate * of), of),
            new Dictionary<string, double> { ["success"] = rate, ["speed"] = .06 + speed, ["height"] = .4 + height },
            kind == ArmKind.Baseline
                ? new Dictionary<string, Difference>()
                : new Dictionary<string, Difference>
                {
                    ["success"] = Change(rate - .95, .05),
                    ["speed"] = Change(speed, half),
                    ["height"] = Change(height, half * 4),
                });
        return new(label, 0, Over(success, count), new Dictionary<string, ArmMeasures>
        {
            ["reach"] = Over(success, count / 4),
            ["lift"] = Over(success * .9, count / 4),
            ["push"] = Over(success * .97, count / 4),
            ["move"] = Over(Math.Min(1, success * 1.03), count / 4),
        });
    }

    /// <summary>Eight draws of a random control, from one change of speed to another.</summary>
    public static IEnumerable<ArmResult> Draws(string group, ArmKind kind, string concept, double success, double low, double high)
        => Enumerable.Range(0, 8).Select(d =>
        {
            var speed = low + ((high - low) * d / 7);
            var arm = Arm($"{group} {d}", kind, concept, speed, 4 * speed, success - .08 + (.16 * d / 7), .001);
            return arm with { Arm = arm.Arm with { Group = group } };
        });

    /// <summary>The result that arms make.</summary>
    public static StudyResult Result(string name, params ArmResult[] arms) => new(
        name, "made up", arms[0].All.Success.Count, arms,
        [
            .. arms.Where(a => a.Arm.IsRandom).GroupBy(a => (a.Arm.Group, a.Arm.Kind, a.Arm.Concept)).Select(g => new DrawsResult(
                g.Key.Group!, g.Key.Kind, g.Key.Concept, g.Count(),
                g.First().All.Means.Keys.ToDictionary(m => m, m => Spread.Of(g.Select(a => a.All.Means[m]))),
                g.First().All.Differences.Keys.ToDictionary(m => m, m => Spread.Of(g.Select(a => a.All.Differences[m].Estimate.Mean))))),
        ]);

    private static EpisodePair Pair(string subject, string title, double before, double after, bool success) => new()
    {
        Subject = subject,
        Title = title,
        Units = new("table widths", "control step"),
        Before = Run("no edit", "lift the red cube", before, true, 10),
        After = Run(title, "quickly lift the red cube", after, success, 10),
    };

    private static FilmedEpisode Run(string label, string instruction, double speed, bool success, int seed)
    {
        var (x, y, z) = (.9, .8, .8);
        var random = new Random(seed);
        var frames = new List<Picture>();
        var path = new List<PathPoint>();
        var places = new List<Position>();
        for (var step = 0; step < 40; step++)
        {
            frames.Add(Table(x, y, z, seed + step));
            path.Add(new((6 + (52 * x)) / 64, (58 - (30 * y) - (22 * z)) / 64));
            places.Add(new(x, y, z));
            var (dx, dy, dz) = (.365 - x, .55 - y, .08 - z);
            var distance = Math.Sqrt((dx * dx) + (dy * dy) + (dz * dz));
            if (distance < .02)
            {
                break;
            }

            var pace = Math.Min(distance, speed * (.9 + (.2 * random.NextDouble())));
            (x, y, z) = (x + (dx / distance * pace), y + (dy / distance * pace), z + (dz / distance * pace));
        }

        return new() { Label = label, Episode = Episode(instruction, success, places, frames), GripperPath = path };
    }

    /// <summary>An episode along a path.</summary>
    public static Episode Episode(string instruction, bool success, IReadOnlyList<Position> path, IReadOnlyList<Picture>? pictures) => new()
    {
        Layout = new(1, LayoutSplit.Test, "lift", 0),
        Instruction = instruction,
        Succeeded = success,
        Actions = [.. path.Skip(1).Select(p => new[] { p.X, p.Y, p.Z })],
        Path = path,
        Measures = new Dictionary<string, double>(),
        Pictures = pictures,
    };
}
