using Vitrine.Policies;
using Vitrine.Transformers;
using Vitrine.Views;
using Vitrine.Worlds;
using Vitrine.Worlds.Studies;
using Vitrine.Worlds.Tabletop;

namespace Vitrine.Cli.Demo;

/// <summary>What the demo shows as pictures: where heads look, and episodes before and after a change.</summary>
internal static class DemoPictures
{
    private const int Heads = 8;

    /// <summary>The first test layout of a task, as it begins: what the robot sees and where the object that is spoken of really is.</summary>
    public static (Observation Seen, PictureRegion Target) Example(ulong seed)
    {
        var world = new TabletopWorld(new TabletopOptions { Adverbs = false });
        world.Reset(new LayoutKey(seed, LayoutSplit.Test, TabletopWorld.TaskNames[0], 0));
        var (left, top, width, height) = TabletopRenderer.BoundsOf(world.State.Objects[world.Layout.Spec.Target]);
        const double Side = TabletopRenderer.Size;
        return (world.Observe(), new PictureRegion(left / Side, top / Side, width / Side, height / Side));
    }

    /// <summary>The heads that look most at the picture from a word of the instruction, or from the last prompt token, where the first action is decided.</summary>
    public static IReadOnlyList<AttentionMap> Attention(Policy policy, Observation observation, PictureRegion target, CancellationToken cancellation)
    {
        using var run = policy.Act([observation], RunPlan.Capturing("language.*.attn.pattern"), cancellation: cancellation);
        var (shape, row) = (policy.Language.Shape, run.Layout.Rows[0]);
        var patches = row.Pictures.Values.First();
        string[] prompt = Words(policy, row);
        var instruction = observation.Instruction.Split(' ');
        int[] queries = [.. Enumerable.Range(1, prompt.Length - 1).Where(i => i == prompt.Length - 1 || instruction.Contains(prompt[i].Trim()))];
        var maps = new List<AttentionMap>();
        for (var layer = 0; layer < shape.Layers; layer++)
        {
            var pattern = run.Run[$"language.{layer}.attn.pattern"];                                       // (1, H, T, T)
            var (tokens, values) = ((int)pattern.shape[3], pattern.contiguous().data<float>().ToArray());
            for (var head = 0; head < shape.Heads; head++)
            {
                var best = queries.Select(query => (Query: query, Row: Looks(head, query))).MaxBy(r => r.Row.Sum());
                maps.Add(new AttentionMap
                {
                    Stack = shape.Name,
                    Layer = layer,
                    Head = head,
                    Query = prompt[best.Query],
                    Picture = observation.Picture,
                    Rows = patches.Rows,
                    Columns = patches.Columns,
                    Weights = best.Row,
                    MassOnPicture = Math.Min(1, best.Row.Sum()),
                    Target = target,
                });
            }

            double[] Looks(int head, int query) => [.. values.AsSpan((int)((((head * tokens) + row.Words[query].Position) * tokens) + patches.First), patches.Count).ToArray().Select(v => (double)v)];
        }

        return [.. maps.OrderByDescending(m => m.MassOnPicture).Take(Heads).OrderBy(m => m.Layer).ThenBy(m => m.Head)];
    }

    /// <summary>The words of a prompt as people read them.</summary>
    public static string[] Words(Policy policy, PromptRow row) => [.. row.Words.Select(w => (policy.Tokenizer.Token((int)w.Id) ?? "").Replace('\u2581', ' '))];

    /// <summary>The first test layout of a study, without and with a change, filmed.</summary>
    public static EpisodePair Film(ConceptExperiment experiment, Study study, string arm, DemoConcept concept, CancellationToken cancellation)
    {
        var layout = study.Layouts().First();
        return new EpisodePair
        {
            Title = $"{concept.Name}: {arm}",
            Before = Film(experiment, study, study.Arms.Single(a => a.Kind == Worlds.Studies.ArmKind.Baseline), layout, cancellation),
            After = Film(experiment, study, study.Arms.Single(a => a.Name == arm), layout, cancellation),
        };
    }

    private static FilmedEpisode Film(ConceptExperiment experiment, Study study, Arm arm, LayoutKey layout, CancellationToken cancellation)
    {
        using var actor = new ObservingActor(experiment.ActorOf(arm), arm.Word);
        var episode = new Rollouts(NewWorld, study.StepLimit) { KeepsPictures = true }.Run(actor, [layout], cancellation)[0];
        return new FilmedEpisode
        {
            Label = arm.Name,
            Instruction = episode.Instruction,
            Frames = episode.Pictures!,
            GripperPath = [.. episode.Path.Take(episode.Pictures!.Count).Select(TabletopRenderer.Project).Select(p => new PathPoint(p.U / TabletopRenderer.Size, p.V / TabletopRenderer.Size))],
            Displacements = [.. episode.Path.Zip(episode.Path.Skip(1), (a, b) => a.DistanceTo(b))],
            Success = episode.Succeeded,
        };
    }

    /// <summary>The world of the demo: strict physics, sensor noise, no speed or height words in the instructions.</summary>
    public static IWorld NewWorld() => new TabletopWorld(new TabletopOptions { Adverbs = false });
}
