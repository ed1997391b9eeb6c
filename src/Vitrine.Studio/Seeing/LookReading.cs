using Vitrine.Inputs.Pictures;
using Vitrine.Mechanisms.Pictures;
using Vitrine.Policies;
using Vitrine.Studio.Hosting;
using Vitrine.Studio.Models;
using Vitrine.Studio.Scenes;
using Vitrine.Studio.Tour;
using Vitrine.Studio.Work;
using Vitrine.Transformers;
using Vitrine.Transformers.Edits;
using Vitrine.Views;
using static TorchSharp.torch;

namespace Vitrine.Studio.Seeing;

/// <summary>Where one head looks from the chosen token.</summary>
/// <param name="Layer">Its block.</param>
/// <param name="Head">Of the block.</param>
/// <param name="Weights">[token], adding up to 1.</param>
internal sealed record LookedHead(int Layer, int Head, IReadOnlyList<float> Weights);

/// <summary>Where the heads of a block look from one token, and what else can be seen of the input.</summary>
internal sealed class LookReading
{
    private LookReading()
    {
    }

    public required OpenModel Open { get; init; }

    public required IReadOnlyList<string> Stacks { get; init; }

    public required string Stack { get; init; }

    public required IReadOnlyList<SceneToken> Tokens { get; init; }

    public required string Said { get; init; }

    public required Picture? Picture { get; init; }

    public required (int First, int Rows, int Columns)? Patches { get; init; }

    public required int Layers { get; init; }

    public required int Layer { get; init; }

    public required int Token { get; init; }

    public required IReadOnlyList<LookedHead> Heads { get; init; }

    /// <summary>What each state says; null where the model answers in no words, or where it was not asked for.</summary>
    public View? Lens { get; private set; }

    /// <summary>Why there is no lens, where it was asked for.</summary>
    public string? LensFailure { get; private set; }

    /// <summary>Lengths of the tokens layer by layer; null of stacks that see no picture.</summary>
    public View? Norms { get; private set; }

    /// <summary>[patch]: how far the answer goes away where the patch is taken away; null where it was not asked for.</summary>
    public IReadOnlyList<double>? Occluded { get; private set; }

    /// <summary>What the occlusion measures.</summary>
    public string OcclusionMeasure { get; private set; } = "";

    /// <summary>The address without what of it changes nothing of the input.</summary>
    private string Input { get; init; } = "";

    /// <summary>Reads what an address asks for.</summary>
    /// <param name="open">The model.</param>
    /// <param name="at">The address.</param>
    /// <param name="place">Where kept pictures lie.</param>
    /// <param name="before">What was read last: what of it depends on the input alone is taken over while that is the same.</param>
    public static LookReading Of(OpenModel open, PageAddress at, Workplace place, LookReading? before = null)
    {
        using var scene = Scene.Of(open, at, place);
        var shape = scene.Stack.Shape;
        var (layer, token) = (at.Whole("layer", shape.Layers - 1, 0, shape.Layers - 1), at.Whole("token", scene.Deciding, 0, scene.Tokens.Count - 1));
        var reading = new LookReading
        {
            Open = open,
            Stacks = [.. open.Stacks.Select(s => s.Name)],
            Stack = shape.Name,
            Tokens = scene.Tokens,
            Said = scene.Said,
            Picture = scene.Picture,
            Patches = scene.Patches,
            Layers = shape.Layers,
            Layer = layer,
            Token = token,
            Heads = Looks(scene, layer, token),
            Input = at.With(("layer", null), ("token", null), ("lens", null), ("occlude", null)),
        };
        reading.Fill(scene, at, before is not null && before.IsOfSameInput(reading) ? before : null);
        return reading;
    }

    /// <remarks>A picture's file may hold another one by now.</remarks>
    private bool IsOfSameInput(LookReading other)
        => (Open, Input) == (other.Open, other.Input) && (Picture?.Rgb ?? []).SequenceEqual(other.Picture?.Rgb ?? []);

    private static LookedHead[] Looks(Scene scene, int layer, int token)
    {
        using var run = scene.Run(RunPlan.Capturing(scene.At(layer, "attn.pattern")));
        using var scope = NewDisposeScope();
        using var mode = no_grad();
        var rows = run.Run[scene.At(layer, "attn.pattern")][0].select(1, token);                           // (H, T)
        return [.. Enumerable.Range(0, scene.Stack.Shape.Heads).Select(h => new LookedHead(layer, h, TourReading.Floats(rows[h])))];
    }

    private void Fill(Scene scene, PageAddress at, LookReading? before)
    {
        Norms = before?.Norms ?? NormsOf(scene);
        if (at["lens"] == "1" && scene.Model is not VisionModel)
        {
            (Lens, LensFailure) = before is { Lens: not null } or { LensFailure: not null } ? (before.Lens, before.LensFailure) : TourReading.Lens(scene);
        }

        if (at["occlude"] == "1" && scene.Patches is { } cut)
        {
            OcclusionMeasure = scene.Model is Policy
                ? "change of the expected action (length, normalised)"
                : "1 − cosine of what the stack hands on with what it hands on unchanged";
            Occluded = before?.Occluded ?? Occlude(scene, cut);
        }
    }

    private NormProfile? NormsOf(Scene scene)
    {
        if (scene is not { Model: VisionModel vision, Pixels: { } pixels })
        {
            return null;
        }

        var seen = PictureReading.Of(vision, pixels, new ReadingOptions { Layer = Layer, NeuronCount = 1 });
        return new NormProfile(seen.Norms, seen.Tokens);
    }

    /// <summary>Each patch is taken away where it enters the stack: its row becomes the mean of all patches.</summary>
    private static IReadOnlyList<double> Occlude(Scene scene, (int First, int Rows, int Columns) cut)
    {
        var place = $"{scene.Stack.Shape.Name}.embed";
        using var plain = scene.Run(RunPlan.Capturing(place));
        using var tensors = NewDisposeScope();
        using var mode = no_grad();
        var mean = EditValue.Of(plain.Run[place][0].narrow(0, cut.First, cut.Rows * cut.Columns).to(float32).mean([0L]));
        var before = Answer(plain);
        return [.. Enumerable.Range(0, cut.Rows * cut.Columns).Select(p =>
        {
            var scope = new EditScope { Positions = Positions.At(cut.First + p), Steps = [0] };
            using var run = scene.Run(RunPlan.Editing(new Replace(place, mean) { Scope = scope }));
            return scene.Model is Policy ? Distance(before, Answer(run)) : 1 - Cosine(before, Answer(run));
        })];

        static double[] Answer(SceneRun run) => run.Acted is { } acted
            ? [.. acted.Actions[0].Tokens?.Expected ?? acted.Actions[0].Normalised[0]]
            : [.. TourReading.Floats(run.Run.Logits.flatten()).Select(v => (double)v)];

        static double Distance(double[] a, double[] b) => Math.Sqrt(a.Zip(b, (x, y) => (x - y) * (x - y)).Sum());

        static double Cosine(double[] a, double[] b) => a.Zip(b, (x, y) => x * y).Sum() / Math.Max(1e-12, Math.Sqrt(a.Sum(x => x * x) * b.Sum(x => x * x)));
    }
}
