using Vitrine.Inputs.Pictures;
using Vitrine.Mechanisms.Metrics;
using Vitrine.Mechanisms.Pictures;
using Vitrine.Policies;
using Vitrine.Studio.Hosting;
using Vitrine.Studio.Models;
using Vitrine.Studio.Work;
using Vitrine.Transformers;
using Vitrine.Transformers.Engine;
using static TorchSharp.torch;

namespace Vitrine.Studio.Scenes;

/// <summary>A token of a stack, as a page names it.</summary>
/// <param name="Position">In the sequence, from 0.</param>
/// <param name="Text">As people read it.</param>
/// <param name="Kind">word, patch, state, class or chunk.</param>
/// <param name="Id">In the vocabulary; null for what is no word.</param>
internal sealed record SceneToken(int Position, string Text, string Kind, int? Id = null);

/// <summary>A run of a scene; both are disposed with it.</summary>
/// <param name="Run">What was captured.</param>
/// <param name="Acted">The act, where a policy ran.</param>
internal sealed record SceneRun(Run Run, PolicyRun? Acted) : IDisposable
{
    public void Dispose()
    {
        Acted?.Dispose();
        Run.Dispose();
    }
}

/// <summary>A model on what it is shown: a text, a picture, or an observation of a robot; and the stack that one looks into.</summary>
internal sealed class Scene : IDisposable
{
    private readonly Func<RunPlan, SceneRun> run;
    private readonly Func<Subject> subject;
    private readonly IDisposable[] owned;

    private Scene(OpenModel open, Model model, Stack stack, Func<RunPlan, SceneRun> run, Func<Subject> subject, params IDisposable[] owned)
        => (Open, Model, Stack, this.run, this.subject, this.owned) = (open, model, stack, run, subject, owned);

    /// <summary>The model of the studio.</summary>
    public OpenModel Open { get; }

    /// <summary>Who computes: the model, or one of its image towers.</summary>
    public Model Model { get; }

    /// <summary>Into which stack one looks.</summary>
    public Stack Stack { get; }

    /// <summary>Its tokens in order.</summary>
    public required IReadOnlyList<SceneToken> Tokens { get; init; }

    /// <summary>What is read in words; empty where nothing is.</summary>
    public string Said { get; init; } = "";

    /// <summary>What is seen, as the stack sees it; null where nothing is.</summary>
    public Picture? Picture { get; init; }

    /// <summary>Where the patches of <see cref="Picture"/> stand among <see cref="Tokens"/>; null where there are none.</summary>
    public (int First, int Rows, int Columns)? Patches { get; init; }

    /// <summary>The observation of a policy; null of other models.</summary>
    public Observation? Seen { get; init; }

    /// <summary>The tokens of an image tower; null of other stacks.</summary>
    public PictureTokens? PictureTokens { get; init; }

    /// <summary>Prepared pixels of an image tower; null of other stacks.</summary>
    public Tensor? Pixels { get; init; }

    /// <summary>Where the answer is read.</summary>
    public required int Deciding { get; init; }

    /// <summary>Everything that an address says a model is shown.</summary>
    /// <param name="open">The model.</param>
    /// <param name="at">Names text, picture, task and stack.</param>
    /// <param name="place">Where kept pictures lie.</param>
    /// <exception cref="VitrineException">The model has no such stack, or cannot read what is named.</exception>
    public static Scene Of(OpenModel open, PageAddress at, Workplace place) => open.Model switch
    {
        Policy policy => OfPolicy(open, policy, at, place),
        VisionModel vision => OfPicture(open, vision, SceneSource.PictureOf(at, place)),
        TextModel text when at["stack"] is { } stack && text.Sees && stack != text.Language.Shape.Name
            => OfPicture(open, text.See(), SceneSource.PictureOf(at, place)),
        TextModel text => OfText(open, text, at),
        _ => throw new VitrineException($"{open.Name}: the studio shows text models, image encoders and policies."),
    };

    /// <summary>One pass, or for a policy one act.</summary>
    public SceneRun Run(RunPlan plan) => run(plan);

    /// <summary>The same as methods ask it.</summary>
    public Subject Subject() => subject();

    /// <summary>An address of the stack.</summary>
    public string At(int layer, string point) => $"{Stack.Shape.Name}.{layer}.{point}";

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var thing in owned)
        {
            thing.Dispose();
        }
    }

    private static Scene OfText(OpenModel open, TextModel model, PageAddress at)
    {
        var said = at.Text("text", SceneSource.TextOf(model));
        var batch = model.Encode(said);
        SceneToken[] tokens = [.. batch.Ids[0].Select((id, i) => new SceneToken(i, model.Tokenizer.Shown(id), "word", id))];
        return new Scene(open, model, model.Language, plan => new SceneRun(model.Run(batch, plan), null), () => Mechanisms.Metrics.Subject.Of(model, batch))
        {
            Tokens = tokens,
            Said = said,
            Deciding = model.Language.Spec.Attention.Mask == AttentionMask.Full ? 0 : tokens.Length - 1,
        };
    }

    private static Scene OfPicture(OpenModel open, VisionModel model, Picture picture)
    {
        var input = model.Prepare(picture);
        var names = Mechanisms.Pictures.PictureTokens.Of(model.Tower, input.Pixels);
        return new Scene(
            open, model, model.Tower, plan => new SceneRun(model.Run(input.Pixels, plan), null), () => Mechanisms.Metrics.Subject.Of(model, input.Pixels),
            input)
        {
            Tokens = [.. Enumerable.Range(0, names.Count).Select(i => new SceneToken(i, names.Name(i), i < names.Prefix.Count ? "class" : "patch"))],
            Picture = input.Shown,
            Patches = (names.Prefix.Count, names.Rows, names.Columns),
            PictureTokens = names,
            Pixels = input.Pixels,
            Deciding = 0,
        };
    }

    private static Scene OfPolicy(OpenModel open, Policy policy, PageAddress at, Workplace place)
    {
        var seen = SceneSource.ObservationOf(at, place);
        if (at["stack"] is { } tower && policy.Towers.Any(t => t.Shape.Name == tower))
        {
            return OfPicture(open, policy.See(tower), seen.Picture);
        }

        var layout = policy.Layout([seen]);
        var row = layout.Rows[0];
        var name = at["stack"] is { } asked && policy.Decoders.Any(d => d.Shape.Name == asked) ? asked : layout.Stack;
        var stack = policy.Decoders.First(d => d.Shape.Name == name);
        var isReader = name == layout.Stack;
        var (camera, patches) = row.Pictures.FirstOrDefault();
        return new Scene(open, policy, stack, Act, () => Mechanisms.Metrics.Subject.Of(policy, [seen]))
        {
            Tokens = isReader ? Read(policy, row) : [.. Mechanisms.Metrics.Subject.Of(policy, [seen]).Tokens[0]
                .Select((t, i) => new SceneToken(i, t, t.StartsWith("chunk", StringComparison.Ordinal) ? "chunk" : "state"))],
            Said = seen.Instruction,
            Seen = seen,
            Picture = camera is null ? null : seen.Cameras.GetValueOrDefault(camera) ?? seen.Picture,
            Patches = camera is null || !isReader ? null : ((int)patches.First, patches.Rows, patches.Columns),
            Deciding = isReader && layout.DecidingStack != layout.Stack ? (int)row.Words[^1].Position : (int)row.Deciding,
        };

        SceneRun Act(RunPlan plan)
        {
            var acted = policy.Act([seen], plan);
            return new SceneRun(acted.Run, acted);
        }
    }

    /// <summary>What stands in the sequence that a policy reads.</summary>
    internal static SceneToken[] Read(Policy policy, PromptRow row)
    {
        var patches = row.Pictures.SelectMany(p => p.Value.Positions().Select((position, i) => new SceneToken(
            (int)position, $"{(row.Pictures.Count > 1 ? p.Key + " " : "")}patch {i / p.Value.Columns},{i % p.Value.Columns}", "patch")));
        var words = row.Words.Select(w => new SceneToken((int)w.Position, policy.Tokenizer.Shown(w.Id), "word", w.Id));
        return [.. patches.Concat(words).Concat(row.State.Select(p => new SceneToken((int)p, "state", "state"))).OrderBy(t => t.Position)];
    }
}
