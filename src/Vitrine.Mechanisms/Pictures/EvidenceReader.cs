using Vitrine.Transformers;
using Vitrine.Transformers.Edits;
using Vitrine.Transformers.Points;
using static TorchSharp.torch;

namespace Vitrine.Mechanisms.Pictures;

/// <summary>Asks a classifier what speaks for a class: by attribution, and by taking parts away beside random ones.</summary>
/// <param name="model">It has a class head.</param>
/// <param name="pixels">(1,3,H,W); stays the caller's.</param>
/// <param name="options">What to ask.</param>
public sealed class EvidenceReader(VisionModel model, Tensor pixels, EvidenceOptions options)
{
    private readonly StackShape shape = model.Tower.Shape;
    private readonly PictureTokens tokens = PictureTokens.Of(model.Tower, pixels);
    private readonly Labels labels = model.Labels
        ?? throw new VitrineException($"{model.Name}: has no class head. 'vitrine image' shows what an encoder does with a picture.");

    /// <summary>Asks.</summary>
    /// <param name="progress">From 0 to 1.</param>
    /// <param name="cancellation">Stops between passes.</param>
    /// <exception cref="VitrineException">A class does not exist.</exception>
    public ClassEvidence Read(IProgress<double>? progress = null, CancellationToken cancellation = default)
    {
        var classes = Classes();
        var contrast = new ClassContrast(
            RequireClass(options.Class) ?? classes[0].Class, RequireClass(options.Against), labels.Names.Count, labels.Scores == ClassScores.OneOfMany);
        var experiments = new Experiments(model, pixels, contrast, options.RowsPerPass);
        var occlusion = Occlusion.Of(model, pixels, options.Fill);

        var reading = new GradientReading(model, pixels, tokens, contrast, options.Fill);
        progress?.Report(.1);
        var occluded = experiments.Effects([.. occlusion.OneByOne(options.Reach)], SectionOf(progress, .1, .6), cancellation);
        List<(string Method,
            PatchMap Map)> maps = [($"taken away ({(options.Fill == AblationFill.Mean ? "mean" : "zero")} embedding)", Map(occluded.Select(e => -e))),
                (options.Fill == AblationFill.Mean ? "gradient x (embedding - mean)" : "gradient x embedding", reading.Patches)];
        if (reading.Direct is { } direct)
        {
            maps.Add(("brought by heads, directly", direct.Patches));
        }

        var patches = DeletePatches(maps, occlusion, experiments, SectionOf(progress, .6, .8), cancellation);
        var heads = Units(reading.Heads, shape.Heads, n => Ablation($"{shape.Name}.{n.Layer}.attn.z", new EditScope { Heads = [n.Index] }), experiments,
            SectionOf(progress, .8, .9), cancellation);
        var neurons = Units(reading.Neurons, shape.Neurons, n => Ablation($"{shape.Name}.{n.Layer}.mlp.neurons", new EditScope { Neurons = [n.Index] }),
            experiments, SectionOf(progress, .9, 1), cancellation);
        return new ClassEvidence(
            model.Name, tokens, classes, contrast.Text(labels.Names), reading.Direct, reading.NotDirect, options.Fill, patches, heads, neurons);
    }

    private Edit Ablation(string place, EditScope scope)
        => options.Fill == AblationFill.Mean ? new Mean(place) { Scope = scope } : new Zero(place) { Scope = scope };

    private ClassScore[] Classes()
    {
        using var run = model.Run(pixels, RunPlan.Empty);
        using var logits = run.Logits[0];
        return [.. Answer.Of(logits, labels.Scores).Select(a => new ClassScore(a.Id, labels.Names[a.Id], a.Logit, a.Probability))];
    }

    private int? RequireClass(int? index) => index is { } i && (i < 0 || i >= labels.Names.Count)
        ? throw new VitrineException($"class {i}: {model.Name} has {labels.Names.Count} classes, counted from 0.")
        : index;

    private PatchMap Map(IEnumerable<double> values) => new(tokens.Rows, tokens.Columns, [.. values.Select(v => (float)v)]);

    private PatchEvidence[] DeletePatches(
        List<(string Method, PatchMap Map)> maps, Occlusion occlusion, Experiments experiments, IProgress<double>? progress, CancellationToken cancellation)
    {
        var count = Math.Clamp((int)Math.Round(options.DeletedShare * tokens.Patches), 1, tokens.Patches);
        int[][] chosen = [.. maps.Select(m => m.Map.Descending().Take(count).ToArray())];
        var random = new Random(options.Seed);
        int[][] sets = [.. chosen, .. Enumerable.Range(0, options.RandomSets).Select(_ => Distinct(random, count, tokens.Patches))];
        var effects = experiments.Effects([.. sets.Select(s => occlusion.Without(s))], progress, cancellation);
        return [.. maps.Select((m, i) => new PatchEvidence(m.Method, m.Map, new Deletion(chosen[i], effects[i], [.. effects.Skip(maps.Count)])))];
    }

    /// <summary>Ablates the first of a ranking, each beside a random unit that is not among them: of its layer, or of any where none is left there.</summary>
    private UnitEvidence[] Units(
        IReadOnlyList<UnitReading> ranked, int inLayer, Func<UnitReading, Edit> ablation, Experiments experiments, IProgress<double>? progress,
        CancellationToken cancellation)
    {
        UnitReading[] chosen = [.. ranked.Take(options.Units)];
        var random = new Random(options.Seed);
        var controls = chosen.Select(unit =>
        {
            var beside = Others(unit.Layer);
            var others = beside.Length > 0 ? beside : [.. Enumerable.Range(0, shape.Layers).SelectMany(Others)];
            if (others.Length == 0)
            {
                return null;
            }

            var (layer, index) = others[random.Next(others.Length)];
            return unit with { Layer = layer, Index = index };
        }).ToArray();
        var present = controls.OfType<UnitReading>().ToArray();
        var effects = experiments.Effects([.. chosen.Concat(present).Select(u => (IReadOnlyList<Edit>)[ablation(u)])], progress, cancellation);
        var ofControl = new Queue<double>(effects.Skip(chosen.Length));
        return
        [
            .. chosen.Select((unit, i) => new UnitEvidence(
                unit.Layer, unit.Index, unit.Direct, unit.Gradient, effects[i], controls[i] is { } control
                    ? new UnitControl(control.Layer, control.Index, ofControl.Dequeue())
                    : null, unit.Map())),
        ];

        (int Layer, int Index)[] Others(int layer)
            => [.. Enumerable.Range(0, inLayer).Select(i => (layer, i)).Where(u => !chosen.Any(c => (c.Layer, c.Index) == u))];
    }

    private static int[] Distinct(Random random, int count, int of)
    {
        var all = Enumerable.Range(0, of).ToArray();
        random.Shuffle(all);
        return all[..count];
    }

    private static IProgress<double>? SectionOf(IProgress<double>? whole, double from, double to) => whole is null ? null : new Section(whole, from, to);

    private sealed class Section(IProgress<double> whole, double from, double to) : IProgress<double>
    {
        public void Report(double value) => whole.Report(from + ((to - from) * value));
    }
}
