using System.Globalization;
using Vitrine.Mechanisms.Causes;
using Vitrine.Mechanisms.Concepts;
using Vitrine.Mechanisms.Doses;
using Vitrine.Mechanisms.Experts;
using Vitrine.Mechanisms.ValueVectors;
using Vitrine.Policies;
using Vitrine.Policies.Flow;
using Vitrine.Transformers;
using Vitrine.Worlds.Tabletop;

namespace Vitrine.Worlds.Studies.Files;

/// <summary>
/// Makes the study of a file: edits on selection states, and to every edit its controls: zero dose, matched random neurons, random directions of equal norm,
/// the word, the reversed sign.
/// </summary>
/// <param name="file">What was written down.</param>
/// <param name="policy">Who acts; it must be the file's.</param>
/// <remarks>
/// It computes with libtorch's present number of threads, which touches the last bits of a mean difference; the study itself then travels with its numbers.
/// </remarks>
public sealed class StudyMaker(StudyFile file, Policy policy)
{
    private Calibration? calibration;
    private LexicalPatterns? patterns;

    /// <summary>Natural activity of the neurons, where it was measured already.</summary>
    public Calibration? Calibration
    {
        get => calibration;
        init => calibration = value;
    }

    /// <summary>What neurons spell, where it was read already.</summary>
    public LexicalPatterns? Patterns
    {
        get => patterns;
        init => patterns = value;
    }

    /// <summary>What words change, where that was measured already; they stay the caller's.</summary>
    public IReadOnlyDictionary<string, WordDifference> Differences { get; init; } = new Dictionary<string, WordDifference>();

    /// <summary>The layer of an expert that carries the other word's row, where it was found already.</summary>
    public int? CarryingLayer { get; init; }

    /// <summary>Whether divergence and motion are measured of doses that are given as numbers, too.</summary>
    public bool MeasuresStrength { get; init; } = true;

    private WorldFamily World { get; } = WorldRegistry.Find(file.World.Name);

    /// <summary>Makes it.</summary>
    /// <param name="progress">From 0 to 1.</param>
    /// <param name="cancellation">Stops between passes.</param>
    /// <exception cref="VitrineException">
    /// The policy is not the file's, the world lacks a task, an edit cannot be made or has no control, or a dose by effect is never reached.
    /// </exception>
    public PlannedStudy Make(IProgress<double>? progress = null, CancellationToken cancellation = default)
    {
        CheckPolicy(file, policy);
        var world = World.Of(file.World.Options)();
        if (file.Tasks.FirstOrDefault(t => !world.Tasks.Contains(t)) is { } unknown)
        {
            throw new VitrineException($"study '{file.Name}': the world '{World.Name}' has no task '{unknown}'; the nearest is "
                + $"'{Nearest.Of(unknown, world.Tasks)}', known are {string.Join(", ", world.Tasks)}.");
        }

        using var acting = policy.With(units: file.Policy.Units);
        var states = World.Situations(file.World.Options, file.Seed, LayoutSplit.Selection, file.Tasks, file.States);
        var (arms, strengths) = (new List<Arm> { Baseline }, new List<ConditionStrength>());
        var (done, all) = (0, file.Concepts.Sum(c => c.Conditions.Count));
        foreach (var concept in file.Concepts)
        {
            using var made = new ConceptMaker(this, concept, acting, states, cancellation);
            arms.AddRange(made.Arms(strength =>
            {
                strengths.Add(strength);
                progress?.Report((double)++done / all);
            }));
        }

        var study = new Study
        {
            Name = file.Name,
            Policy = StudyPolicy.Of(acting),
            World = world.Description,
            Tasks = file.Tasks,
            LayoutsPerTask = file.Layouts,
            StepLimit = file.Steps,
            Seed = file.Seed,
            Split = file.Split,
            BlockSize = file.Block,
            ActionSteps = file.ActionSteps,
            Arms = arms,
        };
        study.Check();
        return new PlannedStudy(file.Hash, study, strengths);
    }

    /// <summary>Refuses a policy that is not the file's.</summary>
    internal static void CheckPolicy(StudyFile file, Policy policy)
    {
        ArgumentNullException.ThrowIfNull(policy);
        if (file.Policy.Fingerprint is { } wanted && !policy.Fingerprint.StartsWith(wanted, StringComparison.Ordinal))
        {
            throw new VitrineException($"study '{file.Name}': is of the policy '{file.Policy.Name}' with the weights {wanted[..Math.Min(12, wanted.Length)]}; "
                + $"'{policy.Name}' has the weights {StudyPolicy.Of(policy).Short}. The checkpoint was changed; another checkpoint is another study.");
        }
    }

    private Arm Baseline => new() { Name = file.Say is { } said ? $"say '{said}'" : "no edit", Kind = ArmKind.Baseline, Word = file.Say };

    private Calibration Calibrated(Policy acting, string stack, CancellationToken cancellation)
        => calibration?.Stack == stack ? calibration
            : calibration = Calibration.Measure(
                acting, World.ForCalibration(file.World.Options, file.Seed, 2 * file.States), cancellation: cancellation, stackName: stack);

    private LexicalPatterns Spelled(CancellationToken cancellation)
        => patterns ??= LexicalPatterns.Read(policy, TabletopVocabulary.Concepts, cancellation: cancellation);

    /// <summary>Makes the arms of one concept.</summary>
    private sealed class ConceptMaker(
        StudyMaker maker, StudyConcept concept, Policy acting, IReadOnlyList<Observation> states, CancellationToken cancellation) : IDisposable
    {
        private readonly StudyFile file = maker.File;
        private readonly List<Arm> edits = [], random = [], directions = [], reversed = [], extra = [];
        private readonly List<RunPlan> zeros = [];
        private readonly Strength strength = new(acting, states, concept.Words.Count > 0 ? concept.Words[0] : null, cancellation);

        /// <summary>Several concepts share a study: what every one of them has is told apart by its name.</summary>
        private string Prefix => file.Concepts.Count > 1 ? concept.Name + ": " : "";

        public IEnumerable<Arm> Arms(Action<ConditionStrength> told)
        {
            foreach (var condition in concept.Conditions)
            {
                told(Make(condition) with { Concept = concept.Name });
            }

            return
            [
                .. zeros.Count == 0 ? Array.Empty<Arm>()
                    : [Planned($"{Prefix}zero dose", ArmKind.ZeroDose, new RunPlan { Edits = [.. zeros.SelectMany(z => z.Edits)] })],
                .. zeros.Count == 0 ? Array.Empty<Arm>() : concept.Words.Select(Said),
                .. extra, .. edits, .. random, .. directions, .. reversed.Where(r => !edits.Exists(e => e.Fingerprint() == r.Fingerprint())),
            ];
        }

        public void Dispose() => strength.Dispose();

        private ConditionStrength Make(StudyCondition condition) => condition switch
        {
            { Neurons: { } neurons } => Neurons(condition, neurons),
            { Difference: { } component } => Difference(condition, component),
            { Swap: { } swap } => Swap(condition, swap),
            { Direction: { } direction } => Plan(condition, DirectionPlan(direction)),
            { Plan: { } plan } => Plan(condition, RunPlan.Load(Path.Combine(file.Folder, plan))),
            _ => Plan(condition, RunPlan.FromJson(condition.Edits!, $"condition '{condition.Name}'")),
        };

        private ConditionStrength Neurons(StudyCondition condition, NeuronChoice choice)
        {
            var chosen = Chosen(choice);
            var natural = maker.Calibrated(acting, chosen.Set.Stack, cancellation);
            var (plan, amount, found) = strength.Reach(
                condition, condition.Dose.Amount is { } text ? Dose.Parse(text) : null, Dose.Sigmas, d => d.ToString()!,
                d => Steered(d).Arms(acting, natural)[0].Plan, maker.MeasuresStrength);
            var arms = Steered(amount).Arms(acting, natural);
            var label = concept.Conditions.Count(c => c.Neurons is not null) > 1 ? $", {condition.Label ?? condition.Name}" : "";
            edits.Add(Edit(condition, plan));
            if (zeros.Count == 0)
            {
                zeros.Add(arms[1].Plan);
            }

            var group = label.Length > 0 ? Prefix + "matched random" + label : Prefix + "matched-random clamps";
            random.AddRange(arms.Skip(2).Select(a => Planned(Prefix + a.Name + label, ArmKind.MatchedRandom, a.Plan, condition) with { Group = group }));
            if (directions.Count == 0 && !concept.Conditions.Any(c => c.Difference is not null))
            {
                using var moved = new WordDifference(acting, states, plan, file.Draws, (int)file.Seed, cancellation);
                Directions(moved, Component.FeedForward, [.. chosen.Set.Layers], 1, condition);
            }

            reversed.Add(Reversed(condition, Steered(amount.Mirrored).Arms(acting, natural)[0].Plan));
            return found;

            NeuronSteering Steered(Dose dose) => new(chosen.Set, dose, condition.Adds)
            {
                Excluded = chosen.Excluded,
                Mirrored = chosen.Mirrored,
                Draws = file.Draws,
                Seed = (int)file.Seed,
            };
        }

        private ConditionStrength Difference(StudyCondition condition, string name)
        {
            var (component, word) = ((Component)Array.IndexOf(StudyFileReader.Components, name), concept.Words[0]);
            var given = maker.Differences.GetValueOrDefault(word);
            var difference = given ?? new WordDifference(acting, states, word, file.Draws, (int)file.Seed, cancellation);
            try
            {
                var (plan, factor, found) = Factored(condition, f => difference.Added(component, condition.Layers, f));
                edits.Add(Edit(condition, plan));
                reversed.Add(Reversed(condition, difference.Added(component, condition.Layers, -factor)));
                if (directions.Count == 0)
                {
                    zeros.Add(difference.Added(component, condition.Layers, factor: 0));
                    Directions(difference, component, condition.Layers, factor, condition);
                }

                return found;
            }
            finally
            {
                if (given is null)
                {
                    difference.Dispose();
                }
            }
        }

        private ConditionStrength Plan(StudyCondition condition, RunPlan plan)
        {
            var (made, factor, found) = condition.Dose.Amount == "1"
                ? (plan, 1, strength.Of(condition, "1", plan, maker.MeasuresStrength))
                : Factored(condition, f => PlanControls.At(plan, f, condition.Name));
            edits.Add(Edit(condition, made));
            var controls = new PlanControls(
                condition.Name, made,
                set => Controls.For(
                    acting.DecoderOf(set.Stack), set, Dose.Absolute(0), maker.Calibrated(acting, set.Stack, cancellation), set.Neurons.ToHashSet(), file.Draws,
                    (int)file.Seed).Sets,
                file.Draws, (int)file.Seed);
            zeros.Add(controls.ZeroDose());
            var label = concept.Conditions.Count > 1 ? $", {condition.Label ?? condition.Name}" : "";
            var (kind, what) = controls.IsOfNeurons ? (ArmKind.MatchedRandom, "matched random") : (ArmKind.RandomDirection, "random direction");
            random.AddRange(controls.Draws().Select((draw, d)
                => Planned($"{Prefix}{what} {d + 1}{label}", kind, draw, condition) with { Group = $"{Prefix}{what}{(label.Length > 0 ? label : "s")}" }));
            if (controls.Reversed() is { } back)
            {
                reversed.Add(Reversed(condition, back));
            }

            return found;
        }

        /// <remarks>The way back is held beside it: the row held at the own word where the other is said.</remarks>
        private ConditionStrength Swap(StudyCondition condition, SwapChoice swap)
        {
            var flow = acting.Unplanned as FlowPolicy
                ?? throw new VitrineException(
                    $"study '{file.Name}': condition '{condition.Name}' swaps rows of a prompt; {acting.Name} has no expert that flows.");
            var own = file.Say ?? throw new VitrineException(
                $"study '{file.Name}': condition '{condition.Name}' swaps the row of a word; 'say' names the word that is said.");
            if (concept.Conditions.Count > 1 || file.Concepts.Count > 1)
            {
                throw new VitrineException($"study '{file.Name}': condition '{condition.Name}' swaps a row; it is a study of its own.");
            }

            var metric = ActionMetric.Named(file.Measure == Measure.Height.Name ? ActionMetric.Rise.Name : ActionMetric.Speed.Name, flow.ActionNames);
            var layer = swap.Layer ?? maker.CarryingLayer
                ?? new PrefixSwapExperiment(flow, states, own, swap.Word).CarryingLayer(metric, cancellation);
            extra.AddRange(FlowArms.OfRow(concept.Name, own, swap.Word, layer, flow.Expert.Shape.Layers, file.Draws).Skip(1)
                .Select(a => a.Kind == ArmKind.Edit ? a with { Name = condition.Name.Replace("{layer}", $"{layer}", StringComparison.Ordinal) } : a));
            return new ConditionStrength(concept.Name, condition.Name, $"layer {layer}", null, null);
        }

        private (RunPlan Plan, double Factor, ConditionStrength Found) Factored(StudyCondition condition, Func<double, RunPlan> at)
            => strength.Reach(
                condition, condition.Dose.Amount is { } text ? double.Parse(text, CultureInfo.InvariantCulture) : (double?)null, f => f,
                f => f.ToString("R", CultureInfo.InvariantCulture), at, maker.MeasuresStrength);

        private RunPlan DirectionPlan(DirectionChoice direction)
            => RunPlan.Editing(new Transformers.Edits.Add(
                direction.At, Transformers.Edits.EditValue.FromFile(Path.Combine(file.Folder, direction.File), direction.Key)));

        private void Directions(WordDifference from, Component component, IReadOnlyList<int>? layers, double factor, StudyCondition condition)
            => directions.AddRange(Enumerable.Range(0, file.Draws).Select(d
                => Planned($"{Prefix}random direction {d + 1}", ArmKind.RandomDirection, from.RandomDirection(d, component, layers, factor), condition) with
                {
                    Group = $"{Prefix}random directions, {StudyFileReader.Components[(int)component]}",
                }));

        private (NeuronSet Set, IReadOnlySet<Neuron> Excluded, IReadOnlySet<Neuron> Mirrored) Chosen(NeuronChoice choice)
        {
            var (none, shape) = (new HashSet<Neuron>(), acting.DecidingStack(states).Shape);
            if (choice.Writes is { } written)
            {
                var flow = acting.Unplanned as FlowPolicy
                    ?? throw new VitrineException(
                        $"study '{file.Name}': neurons that write '{written}' are those of an expert; {acting.Name} has none that flows.");
                var direction = ActionDirection.Parse(written, flow.ActionNames);
                var read = ExpertReading.Of(flow, maker.Calibrated(acting, flow.Expert.Shape.Name, cancellation)).Along(direction, choice.Count);
                var set = new NeuronSet(read.Select(n => n.Neuron), flow.Expert.Shape.Name);
                return (set, set.Neurons.ToHashSet(), read.Where(n => n.Along(direction) < 0).Select(n => n.Neuron).ToHashSet());
            }

            var spells = acting.Language.Shape.Vocabulary > 0 && acting.Language.Shape.Name == shape.Name;
            if (choice.File is { } name)
            {
                var sets = NeuronSetFile.Open(Path.Combine(file.Folder, name), shape.Neurons, shape.Name);
                var set = sets.GetValueOrDefault(choice.Set!)
                    ?? throw new VitrineException($"study '{file.Name}': {name} has no set '{choice.Set}'; there are {string.Join(", ", sets.Keys)}.");
                return (set, spells ? maker.Spelled(cancellation).AllClustered() : sets.Values.SelectMany(s => s.Neurons).ToHashSet(), none);
            }

            if (choice.List is { } list)
            {
                var set = new NeuronSet(list.Select(n => new Neuron(n[0], n[1])), choice.Stack ?? shape.Name);
                return (set, spells ? maker.Spelled(cancellation).AllClustered() : set.Neurons.ToHashSet(), none);
            }

            var spelled = maker.Spelled(cancellation);
            return (spelled.Set(choice.Concept!), spelled.AllClustered(), none);
        }

        private Arm Said(string word)
            => new() { Name = $"{Prefix}say '{word}'", Kind = ArmKind.Prompt, Concept = concept.Name, Word = file.Say is { } own ? $"{own} {word}" : word };

        private Arm Edit(StudyCondition condition, RunPlan plan) => Planned(condition.Name, ArmKind.Edit, plan, condition);

        private Arm Reversed(StudyCondition condition, RunPlan plan)
            => Planned($"{condition.Name}, reversed", ArmKind.ReversedSign, plan, condition) with { Group = condition.Name };

        private Arm Planned(string name, ArmKind kind, RunPlan plan, StudyCondition? condition = null)
            => new() { Name = name, Kind = kind, Concept = concept.Name, Plan = plan, Schedule = condition?.Schedule, Word = file.Say };
    }

    private StudyFile File => file;
}

/// <summary>A study that is ready to run.</summary>
/// <param name="Registered">Hash of the file that it was made of (<see cref="StudyFile.Hash"/>).</param>
/// <param name="Study">With all controls.</param>
/// <param name="Strengths">How strong its conditions are in one decision.</param>
public sealed record PlannedStudy(string Registered, Study Study, IReadOnlyList<ConditionStrength> Strengths);

/// <summary>How strong a condition is in one decision, over the selection states.</summary>
/// <param name="Concept">Its concept.</param>
/// <param name="Condition">Name of its arm.</param>
/// <param name="Dose">The dose that is used: as given, or as it was found.</param>
/// <param name="Nats">
/// 95th percentile, over states and action tokens, of the divergence D(edited || unedited) of the next token; null where the policy gives numbers, or it was
/// not measured.
/// </param>
/// <param name="Motion">Mean length by which the decided translation changes, in the robot's units; null where it was not measured.</param>
public sealed record ConditionStrength(string Concept, string Condition, string Dose, double? Nats, double? Motion);
