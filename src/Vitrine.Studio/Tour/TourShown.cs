using System.Globalization;
using Vitrine.Inputs.Pictures;
using Vitrine.Mechanisms.Experts;
using Vitrine.Policies;
using Vitrine.Policies.Flow;
using Vitrine.Studio.Hosting;
using Vitrine.Studio.Models;
using Vitrine.Studio.Scenes;
using Vitrine.Studio.Work;
using Vitrine.Transformers;
using Vitrine.Views;

namespace Vitrine.Studio.Tour;

/// <summary>What a page of the tour shows: all of it plain numbers, decided by its address.</summary>
public sealed class TourShown
{
    private TourShown()
    {
    }

    internal string Model { get; init; } = "";

    internal ModelKind Kind { get; init; }

    internal IReadOnlyList<string> Stacks { get; init; } = [];

    internal string Stack { get; init; } = "";

    /// <summary>Whether the model has what the page is about.</summary>
    internal bool Has { get; init; }

    internal IReadOnlyList<SceneToken> Tokens { get; init; } = [];

    internal string Said { get; init; } = "";

    internal Picture? Picture { get; init; }

    internal (int First, int Rows, int Columns)? Patches { get; init; }

    internal int Deciding { get; init; }

    internal int Width { get; init; }

    internal int Layers { get; init; }

    internal int Heads { get; init; }

    internal int Neurons { get; init; }

    internal int FlowSteps { get; init; }

    internal int Token { get; init; }

    internal int Layer { get; init; }

    internal int Head { get; init; }

    internal int Neuron { get; init; }

    internal int Patch { get; init; }

    internal int FlowStep { get; init; }

    internal string Command { get; init; } = "";

    internal EmbeddingReading? Embedding { get; private set; }

    internal NeuronView? OneNeuron { get; private set; }

    internal LayerActivity? Activity { get; private set; }

    internal AttentionRows? Attention { get; private set; }

    internal HeadSubspace? Subspace { get; private set; }

    internal StreamReading? Stream { get; private set; }

    internal View? Lens { get; private set; }

    /// <summary>Why there is no lens.</summary>
    internal string? LensFailure { get; private set; }

    /// <summary>The first answers; null where the model gives numbers.</summary>
    internal View? Answers { get; private set; }

    /// <summary>The picture cut into patches; null of other stacks.</summary>
    internal View? Sequence { get; private set; }

    internal PatchWay? Way { get; private set; }

    internal PolicyAction? Action { get; private set; }

    internal IReadOnlyList<string> ActionNames { get; private set; } = [];

    internal View? Diagram { get; private set; }

    internal View? Course { get; private set; }

    /// <summary>Reads the page that an address names.</summary>
    internal static TourShown Of(OpenModel open, PageAddress at, Workplace place)
    {
        var step = TourStep.Of(at.Path.Split('/') is [_, var key, ..] ? key : "");
        var towers = open.Model.Towers.Select(t => t.Shape.Name);
        if (step.Key == "patches" && at["stack"] is null && open.Model is Policy && towers.FirstOrDefault() is { } first)
        {
            at = PageAddress.Of(at.With(("stack", first)));                                                // the tower is where patches are cut
        }

        using var scene = Scene.Of(open, at, place);
        var shape = scene.Stack.Shape;
        var sees = open.Model.Towers.Count > 0;
        var flow = scene.Model is FlowPolicy policy && policy.Expert.Shape.Name == shape.Name ? policy.FlowSteps : 1;
        var shown = new TourShown
        {
            Model = open.Name,
            Kind = open.Kind,
            Stacks = [.. open.Stacks.Select(s => s.Name)],
            Stack = shape.Name,
            Has = step.IsFor(open.Kind, sees) && !(step.Key == "patches" && scene.Patches is null),
            Tokens = scene.Tokens,
            Said = scene.Said,
            Picture = scene.Picture,
            Patches = scene.Patches,
            Deciding = scene.Deciding,
            Width = shape.Width,
            Layers = shape.Layers,
            Heads = shape.Heads,
            Neurons = shape.Neurons,
            FlowSteps = flow,
            Token = at.Whole("token", scene.Deciding, 0, scene.Tokens.Count - 1),
            Layer = at.Whole("layer", shape.Layers - 1, 0, shape.Layers - 1),
            Head = at.Whole("head", 0, 0, shape.Heads - 1),
            Neuron = at.Whole("neuron", 0, 0, shape.Neurons - 1),
            Patch = scene.Patches is { } cut ? at.Whole("patch", cut.Rows * cut.Columns / 2, 0, (cut.Rows * cut.Columns) - 1) : 0,
            FlowStep = at.Whole("flow", 0, 0, flow - 1),
            Command = CommandOf(step.Key, open, scene, at),
        };
        if (shown.Has)
        {
            shown.Fill(step.Key, scene, runs: !open.IsLarge || at["run"] == "1");
        }

        return shown;
    }

    private static string CommandOf(string key, OpenModel open, Scene scene, PageAddress at)
    {
        var shape = scene.Stack.Shape;
        var (layer, head) = (at.Whole("layer", shape.Layers - 1, 0, shape.Layers - 1), at.Whole("head", 0, 0, shape.Heads - 1));
        return string.Create(CultureInfo.InvariantCulture, $"{(key, open.Kind) switch
        {
            ("tokens", ModelKind.Text) => $"vitrine tokens {open.Name} \"{scene.Said}\"",
            ("neuron" or "layer", not ModelKind.Image) => $"vitrine neurons {open.Name} --layer {layer}",
            ("head", _) => $"vitrine heads {open.Name} --ov {layer}:{head}",
            ("blocks", ModelKind.Text) => $"vitrine lens {open.Name} \"{scene.Said}\"",
            ("answer", ModelKind.Text) => $"vitrine run {open.Name} \"{scene.Said}\"",
            ("patches", _) => $"vitrine image {open.Name} PICTURE",
            ("action", _) => $"vitrine act {open.Name} PICTURE \"{scene.Said}\"",
            _ => $"vitrine inspect {open.Name}",
        }}");
    }

    private void Fill(string key, Scene scene, bool runs)
    {
        switch (key)
        {
            case "embedding":
                Embedding = TourReading.Embedding(scene, Token);
                break;
            case "neuron":
                OneNeuron = TourReading.Neuron(scene, Layer, Neuron, FlowStep, runs);
                break;
            case "layer":
                Activity = TourReading.Layer(scene, Layer, Token);
                break;
            case "attention":
                Attention = TourReading.Attention(scene, Layer, Head, FlowStep);
                break;
            case "head":
                Subspace = TourReading.Head(scene, Layer, Head);
                break;
            case "blocks":
                Stream = TourReading.Stream(scene, Token);
                (Lens, LensFailure) = TourReading.Lens(scene);
                break;
            case "answer":
                Answers = TourReading.Answers(scene) is { Count: > 0 } answers ? new ClassBars(answers) : null;
                Act(scene);
                break;
            case "patches":
                Way = TourReading.Patch(scene, Patch);
                if (scene is { Picture: { } picture, Patches: { } cut, PictureTokens: { } tokens })
                {
                    Sequence = new PatchSequence(picture, tokens, Width, [cut.First + Patch]) { Marks = "The marked patch is the chosen one." };
                }

                break;
            case "action":
                Act(scene);
                Draw(scene);
                break;
        }
    }

    private void Act(Scene scene)
    {
        if (scene is { Open.Model: Policy policy, Seen: { } seen })
        {
            using var acted = policy.Act([seen]);
            (Action, ActionNames) = (acted.Actions[0], policy.ActionNames);
        }
    }

    /// <summary>How the action came about: through which parts, and step by step where it is drawn out of noise.</summary>
    private void Draw(Scene scene)
    {
        if (scene is not { Open.Model: Policy policy, Seen: { } seen })
        {
            return;
        }

        Diagram = new TransformerDiagram(ModelDescription.Of(policy), policy.Language.Shape.Vocabulary > 0 ? PassExample.Of(policy, seen, Action!) : null);
        if (policy is FlowPolicy flow)
        {
            Course = new ChunkCoursePlot(new ShownChunk(ChunkCourse.Of(flow, seen), policy.ActionSteps) { Picture = scene.Picture });
        }
    }
}
