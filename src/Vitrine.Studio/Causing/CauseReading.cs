using System.Globalization;
using Vitrine.Mechanisms.Causes;
using Vitrine.Mechanisms.Doses;
using Vitrine.Policies;
using Vitrine.Studio.Hosting;
using Vitrine.Studio.Robot;
using Vitrine.Studio.Scenes;
using Vitrine.Studio.Work;
using Vitrine.Transformers;
using Vitrine.Transformers.Edits;
using Vitrine.Transformers.Points;
using Vitrine.Worlds.Studies;
using Vitrine.Worlds.Studies.Files;
using static TorchSharp.torch;

namespace Vitrine.Studio.Causing;

/// <summary>What one arm did to one answer.</summary>
/// <param name="Name">Of the arm.</param>
/// <param name="Kind">What it is to the comparison.</param>
/// <param name="Value">Of the measure.</param>
/// <param name="Answer">The answer itself, in words.</param>
/// <param name="Plan">What was done.</param>
internal sealed record CauseArm(string Name, ArmKind Kind, double Value, string Answer, RunPlan Plan);

/// <summary>One edit on one input, beside zero dose and random parts, and the model as it is.</summary>
/// <param name="What">What was changed, in words.</param>
/// <param name="Measure">What is compared.</param>
/// <param name="Unedited">Of the model as it is.</param>
/// <param name="Arms">The edit, zero dose, random draws.</param>
/// <param name="Command">The command line that does the same.</param>
internal sealed record CauseReading(string What, string Measure, CauseArm Unedited, IReadOnlyList<CauseArm> Arms, string Command)
{
    /// <summary>Random draws beside an edit.</summary>
    public const int Draws = 8;

    /// <summary>The edit.</summary>
    public CauseArm Edit => Arms[0];

    /// <summary>The smallest and the largest change of the random draws.</summary>
    public (double Low, double High) Random
    {
        get
        {
            var changes = Arms.Where(a => a.Kind is ArmKind.MatchedRandom or ArmKind.RandomDirection).Select(a => a.Value - Unedited.Value)
                .DefaultIfEmpty(0).ToArray();
            return (changes.Min(), changes.Max());
        }
    }

    /// <summary>Whether the edit lies outside what all random draws do, and does anything at all.</summary>
    public bool IsBeyondRandom => Edit.Value - Unedited.Value is var change && change != 0 && (change < Random.Low || change > Random.High);

    /// <summary>Does what an address asks for.</summary>
    /// <param name="scene">What the address shows.</param>
    /// <param name="at">The address.</param>
    /// <param name="place">Where kept pictures lie.</param>
    /// <exception cref="VitrineException">A part does not exist, or an edit does not fit the model.</exception>
    public static CauseReading Of(Scene scene, PageAddress at, Workplace place)
    {
        var (what, arms, command) = Asked(scene, at, place);
        var measure = CauseMeasure.For(scene, at);
        return new CauseReading(
            what, measure.Name, new CauseArm("as it is", ArmKind.Baseline, measure.Unedited.Value, measure.Unedited.Answer, RunPlan.Empty),
            [.. arms.Select(a => One(a.Name, a.Kind, a.Plan))], command);

        CauseArm One(string name, ArmKind kind, RunPlan plan)
        {
            var (value, answer) = measure.Of(plan);
            return new CauseArm(name, kind, value, answer, plan);
        }
    }

    /// <summary>The same edit with its controls as a study of closed-loop episodes.</summary>
    /// <param name="policy">The one that was read.</param>
    /// <param name="layouts">Of each task.</param>
    public Study StudyOf(Policy policy, int layouts) => new()
    {
        Name = What,
        Policy = StudyPolicy.Of(policy),
        World = SceneSource.NewWorld().Description,
        Tasks = ["reach", "lift", "push"],
        LayoutsPerTask = layouts,
        StepLimit = RobotEdit.Steps,
        Seed = SceneSource.Seed,
        Arms =
        [
            new Arm { Name = "baseline", Kind = ArmKind.Baseline },
            .. Arms.Select(a => new Arm
            {
                Name = a.Name, Kind = a.Kind, Concept = What, Plan = a.Plan,
                Group = a.Kind switch { ArmKind.MatchedRandom => "matched random", ArmKind.RandomDirection => "random directions", _ => null },
            }),
        ],
    };

    private static (string What, IReadOnlyList<(string Name, ArmKind Kind, RunPlan Plan)> Arms, string Command) Asked(
        Scene scene, PageAddress at, Workplace place)
        => at.Text("kind", "clamp") switch
        {
            "heads" => Heads(scene, at),
            "patch" => Patched(scene, at, place),
            "plan" => Planned(scene, at, place),
            var kind => Neurons(scene, at, kind),
        };

    private static (string, IReadOnlyList<(string, ArmKind, RunPlan)>, string) Neurons(Scene scene, PageAddress at, string kind)
    {
        var (set, label, excluded) = Chosen(scene, at);
        var isZero = kind == "ablate";
        var dose = isZero ? Dose.Absolute(0) : Dose.Parse(at.Text("dose", scene.Model is VisionModel ? "4" : "+4sd"));
        var (calibration, adds) = (CalibrationOf(scene, set), kind == "add");
        var sets = calibration is null
            ? RandomSets(scene.Stack.Shape, set)
            : Controls.For(scene.Stack, set, dose, calibration, excluded, Draws).Sets;
        RunPlan Dosed(NeuronSet own) => new()
        {
            Edits = adds ? [.. dose.Add(own, calibration, scene.Stack.Shape.Neurons)] : [dose.Clamp(own, calibration)],
        };
        var verb = isZero ? "ablate" : adds ? "add to" : "clamp";
        var plain = set.Count <= 12 ? string.Join(' ', set.Neurons.Select(n => isZero ? $"--ablate {n}" : $"--clamp {n}={Value(n)}")) : "--edit plan.json";
        return ($"{verb} {label}{(isZero ? "" : $" at {dose}")}",
        [
            (verb, ArmKind.Edit, Dosed(set)),
            ("zero dose", ArmKind.ZeroDose, new RunPlan { Edits = [.. set.Layers.Select(l => new Scale(scene.At(l, "mlp.neurons"), 1))] }),
            .. sets.Select((s, i) => ($"matched random {i + 1}", ArmKind.MatchedRandom, Dosed(s))),
        ], Verb(scene, adds ? "--edit plan.json" : plain));

        string Value(Neuron neuron) => dose.Of(neuron, calibration).ToString("R", CultureInfo.InvariantCulture);
    }

    private static (string, IReadOnlyList<(string, ArmKind, RunPlan)>, string) Heads(Scene scene, PageAddress at)
    {
        var shape = scene.Stack.Shape;
        var asked = at.Text("heads", $"{shape.Layers - 1}:0");
        (int Layer, int Head)[] heads = [.. asked.Split([',', ' '], StringSplitOptions.RemoveEmptyEntries).Select(One)];
        var random = new Random(0);
        return ($"ablate heads {asked}",
        [
            ("ablate", ArmKind.Edit, Without(heads)),
            ("zero dose", ArmKind.ZeroDose,
                new RunPlan { Edits = [.. heads.Select(h => h.Layer).Distinct().Select(l => new Scale(scene.At(l, "attn.z"), 1))] }),
            .. Enumerable.Range(0, Draws).Select(i => ($"random heads {i + 1}", ArmKind.MatchedRandom, Without([.. heads.Select(h => Other(h))]))),
        ], Verb(scene, string.Join(' ', heads.Select(h => $"--ablate {scene.At(h.Layer, "attn.z")}:{h.Head}"))));

        RunPlan Without((int Layer, int Head)[] chosen) => new()
        {
            Edits =
            [
                .. chosen.GroupBy(h => h.Layer).Select(g => new Zero(scene.At(g.Key, "attn.z"))
                {
                    Scope = new EditScope { Heads = [.. g.Select(h => h.Head).Distinct().Order()] },
                }),
            ],
        };

        (int Layer, int Head) Other((int Layer, int Head) head)
        {
            int[] free = [.. Enumerable.Range(0, shape.Heads).Where(h => !heads.Contains((head.Layer, h)))];
            return free.Length > 0 ? (head.Layer, free[random.Next(free.Length)]) : (random.Next(shape.Layers), random.Next(shape.Heads));
        }

        (int Layer, int Head) One(string text) => text.Split(':') is [var l, var h]
            && int.TryParse(l, NumberStyles.None, CultureInfo.InvariantCulture, out var layer)
            && int.TryParse(h, NumberStyles.None, CultureInfo.InvariantCulture, out var head)
            && layer < shape.Layers && head < shape.Heads
                ? (layer, head)
                : throw new VitrineException(
                    $"head '{text}': expected LAYER:HEAD; stack '{shape.Name}' has {shape.Layers} layers of {shape.Heads} heads, counted from 0.");
    }

    /// <summary>The residual of one token out of a run on another input.</summary>
    private static (string, IReadOnlyList<(string, ArmKind, RunPlan)>, string) Patched(
        Scene scene, PageAddress at, Workplace place)
    {
        var shape = scene.Stack.Shape;
        var layer = at.Whole("layer", shape.Layers / 2, 0, shape.Layers - 1);
        var token = at.Whole("token", scene.Deciding, 0, scene.Tokens.Count - 1);
        var point = scene.At(layer, $"{Point.ResidPost}");
        var key = scene.Model is TextModel ? "text" : "say";
        var other = at["source"] is { Length: > 0 } source
            ? source
            : scene.Model is TextModel ? "the blue cup is under the table" : "lift the red cube";
        using var from = Scene.Of(scene.Open, PageAddress.Of(at.With((key, other))), place);
        using var run = from.Run(RunPlan.Capturing(point));
        using var scope = NewDisposeScope();
        var last = (int)run.Run[point].shape[1] - 1;
        var random = new Random(0);
        return ($"patch layer {layer} at token {token} from “{other}”",
        [
            ("patch", ArmKind.Edit, Put(token)),
            ("zero dose", ArmKind.ZeroDose, RunPlan.Editing(new Scale(point, 1))),
            .. Enumerable.Range(0, Draws)
                .Select(i => ($"random token {i + 1}", ArmKind.MatchedRandom, Put(random.Next(Math.Min(scene.Tokens.Count, last + 1))))),
        ], Verb(scene, "--edit plan.json"));

        RunPlan Put(int where) => RunPlan.Editing(
            new Replace(point, EditValue.Of(run.Run[point][0, Math.Min(where, last)].to(float32).cpu()))
            {
                Scope = new EditScope { Positions = Positions.At(where), Steps = [0] },
            });
    }

    /// <summary>A plan that was chosen as a file, such as one that a page gave away.</summary>
    private static (string, IReadOnlyList<(string, ArmKind, RunPlan)>, string) Planned(Scene scene, PageAddress at, Workplace place)
    {
        var plan = place.PlanOf(at["plan"] ?? throw new VitrineException("plan: none is chosen yet; choose a file, such as one that Keep and export gives."));
        var controls = new PlanControls("of the file", plan, Matched, Draws, 0);
        var (kind, what) = controls.IsOfNeurons ? (ArmKind.MatchedRandom, "matched random") : (ArmKind.RandomDirection, "random direction");
        return ($"a plan of {plan.Edits.Count} edit{(plan.Edits.Count == 1 ? "" : "s")}",
        [
            ("the plan", ArmKind.Edit, plan),
            ("zero dose", ArmKind.ZeroDose, controls.ZeroDose()),
            .. controls.Draws().Select((draw, i) => ($"{what} {i + 1}", kind, draw)),
        ], Verb(scene, "--edit plan.json"));

        IReadOnlyList<NeuronSet> Matched(NeuronSet set)
        {
            var shape = scene.Model.Stacks.FirstOrDefault(s => s.Name == set.Stack)
                ?? throw new VitrineException($"plan: names neurons of stack '{set.Stack}', which the model lacks.");
            var stack = (scene.Model as Policy)?.DecoderOf(set.Stack) ?? (scene.Model as TextModel)?.Language;
            return stack is not null && CalibrationOf(scene, set) is { } calibration
                ? Controls.For(stack, set, Dose.Absolute(0), calibration, set.Neurons.ToHashSet(), Draws).Sets
                : RandomSets(shape, set);
        }
    }

    /// <summary>The neurons to change, and those that no control may hold: of a concept all that spell any.</summary>
    private static (NeuronSet Set, string Label, IReadOnlySet<Neuron> Excluded) Chosen(Scene scene, PageAddress at)
    {
        if (at["neurons"] is { Length: > 0 } listed)
        {
            return Alone(NeuronList.Parse(listed, scene.Stack.Shape), listed);
        }

        if (scene.Open.Model is Policy { Actions: not null } && scene.Open.Patterns.Tokens.Language.Shape.Name == scene.Stack.Shape.Name)
        {
            var concept = at.Text("concept", "fast");
            return (scene.Open.Patterns.Set(concept), $"the neurons that spell '{concept}'", scene.Open.Patterns.AllClustered());
        }

        var last = scene.Stack.Shape.Layers - 1;
        return Alone(new NeuronSet([new Neuron(last, 0)], scene.Stack.Shape.Name), $"{last}:0");

        static (NeuronSet, string, IReadOnlySet<Neuron>) Alone(NeuronSet set, string label) => (set, label, set.Neurons.ToHashSet());
    }

    private static Calibration? CalibrationOf(Scene scene, NeuronSet set) => scene.Model switch
    {
        Policy => scene.Open.Calibration(set.Stack),
        TextModel text => scene.Open.Calibration(text, scene.Said),
        _ => null,
    };

    private static IReadOnlyList<NeuronSet> RandomSets(StackShape shape, NeuronSet set)
    {
        var random = new Random(0);
        return
        [
            .. Enumerable.Range(0, Draws)
                .Select(_ => new NeuronSet(set.Neurons.Select(n => new Neuron(n.Layer, random.Next(shape.Neurons))).Distinct(), set.Stack)),
        ];
    }

    private static string Verb(Scene scene, string edits) => scene.Model switch
    {
        Policy => $"vitrine act {scene.Open.Name} frame.png \"{scene.Said}\" {edits}",
        TextModel { Labels: not null } => $"vitrine classify {scene.Open.Name} \"{scene.Said}\" {edits}",
        TextModel => $"vitrine run {scene.Open.Name} \"{scene.Said}\" {edits}",
        _ => $"vitrine classify {scene.Open.Name} picture.png {edits}",
    };
}
