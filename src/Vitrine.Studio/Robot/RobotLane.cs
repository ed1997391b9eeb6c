using Vitrine.Inputs.Pictures;
using Vitrine.Mechanisms.Doses;
using Vitrine.Policies;
using Vitrine.Studio.Scenes;
using Vitrine.Transformers;
using Vitrine.Worlds;
using Vitrine.Worlds.Tabletop;
using static TorchSharp.torch;

namespace Vitrine.Studio.Robot;

/// <summary>One moment of an episode: what is seen, and what is decided on it.</summary>
/// <param name="Picture">What the camera sees.</param>
/// <param name="Gripper">Where the gripper is.</param>
/// <param name="HasSucceeded">Whether the task is solved.</param>
/// <param name="Action">What will be carried out.</param>
/// <param name="Rest">Rows of the chunk that come behind.</param>
/// <param name="Activity">What the chosen neurons did where it decided, one number each; of the last decision where a chunk goes on.</param>
internal sealed record RobotFrame(
    Picture Picture, Position Gripper, bool HasSucceeded, IReadOnlyList<double> Action, IReadOnlyList<double[]> Rest,
    IReadOnlyList<float> Activity);

/// <summary>An episode that is made step by step, and can be gone back in.</summary>
/// <remarks>
/// It carries out what <see cref="ScheduledActor"/> would: a policy acts when its chunk is spent, under the edits of that control step, from the noise of that
/// step. What the world is at a step follows from the actions before it.
/// </remarks>
internal sealed class RobotLane(Policy policy, LayoutKey layout, string? said, Calibration calibration)
{
    private volatile RobotFrame[] frames = [];

    /// <summary>Every moment so far; a list that was read stays as it is.</summary>
    public IReadOnlyList<RobotFrame> Frames => frames;

    /// <summary>What is held; null for the policy as it is.</summary>
    public RobotEdit? Edit { get; private set; }

    /// <summary>Neurons whose activity is written down; none where they are of no stack that acts.</summary>
    public NeuronSet? Watched { get; init; }

    /// <summary>Goes on to a step. An episode ends where its task is solved.</summary>
    public void To(int step, CancellationToken cancellation = default)
    {
        while (frames.Length <= step && !(frames.Length > 0 && frames[^1].HasSucceeded))
        {
            cancellation.ThrowIfCancellationRequested();
            frames = [.. frames, Decide(frames.Length, fresh: false)];
        }
    }

    /// <summary>Holds other neurons from a step on: what is decided there is decided anew.</summary>
    /// <param name="edit">Null for nothing.</param>
    /// <param name="step">From which step on.</param>
    public void Hold(RobotEdit? edit, int step)
    {
        Edit = edit;
        if (frames.Length > step)
        {
            frames = [.. frames[..step], Decide(step, fresh: true)];
        }
    }

    /// <summary>The world as it is at a step.</summary>
    public TabletopWorld WorldAt(int step)
    {
        var world = SceneSource.NewWorld();
        world.Reset(layout);
        foreach (var frame in frames.Take(step))
        {
            world.Step([.. frame.Action]);
        }

        return world;
    }

    private RobotFrame Decide(int step, bool fresh)
    {
        var world = WorldAt(step);
        var seen = world.Observe();
        seen = said is null ? seen : seen with { Instruction = said };
        var before = step > 0 ? frames[step - 1] : null;
        if (!fresh && before is { Rest.Count: > 0 })
        {
            return new RobotFrame(seen.Picture, world.Gripper, world.HasSucceeded, before.Rest[0], [.. before.Rest.Skip(1)], before.Activity);
        }

        var plan = (Edit?.At(step, calibration) ?? RunPlan.Empty).Then(Watching());
        using var run = policy.Act([seen], plan, new ActOptions { Noise = policy.NoiseShape is null ? null : ActNoise.OfSeeds(layout.NoiseSeed(step)) });
        var rows = run.Actions[0].Chunk.Take(policy.ActionSteps).Select(r => r.ToArray()).ToArray();
        return new RobotFrame(seen.Picture, world.Gripper, world.HasSucceeded, rows[0], rows[1..], Activity(run));
    }

    private RunPlan Watching() => Watched is null ? RunPlan.Empty : RunPlan.Capturing([.. Watched.Layers.Select(l => $"{Watched.Stack}.{l}.mlp.neurons@*")]);

    /// <remarks>The mean over the positions and passes in which the action is decided; of a stack that only reads, over the words.</remarks>
    private IReadOnlyList<float> Activity(PolicyRun run)
    {
        if (Watched is null)
        {
            return [];
        }

        using var scope = NewDisposeScope();
        using var mode = no_grad();
        var words = tensor([.. run.Layout.Rows[0].Words.Select(w => w.Position)]);
        var layers = Watched.Layers.ToDictionary(l => l, l => run.Layout.DecidingStack == Watched.Stack
            ? Mean(Enumerable.Range(0, run.Layout.DecidingSteps).Select(s => run.Layout.At(run.Run, PlaceOf(l), s)[0].to(float32).mean([0L])))
            : Mean([run.Run[PlaceOf(l)][0].index_select(0, words).to(float32).mean([0L])]));
        return [.. Watched.Neurons.Select(n => layers[n.Layer][n.Index])];

        string PlaceOf(int layer) => $"{Watched.Stack}.{layer}.mlp.neurons";

        static float[] Mean(IEnumerable<Tensor> rows) => stack([.. rows]).mean([0L]).cpu().data<float>().ToArray();
    }
}
