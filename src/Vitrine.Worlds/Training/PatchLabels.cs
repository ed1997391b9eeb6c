using Vitrine.Policies;
using Vitrine.Worlds.Tabletop;
using static TorchSharp.torch;

namespace Vitrine.Worlds.Training;

/// <summary>What stands where in frames, patch by patch: what auxiliary heads are taught.</summary>
internal sealed class PatchLabels
{
    private readonly IReadOnlyList<TrainingFrame> frames;
    private readonly int side;

    /// <param name="frames">Of a step.</param>
    /// <param name="side">Patches on a side.</param>
    public PatchLabels(IReadOnlyList<TrainingFrame> frames, int side)
    {
        (this.frames, this.side) = (frames, side);
        Objects = [.. frames.Select(Of)];
    }

    /// <summary>[frame][patch]: which object shows there; -1 for none. What is nearer hides what is farther.</summary>
    public IReadOnlyList<int[]> Objects { get; }

    private long Count => frames.Count;

    private long Patches => side * side;

    /// <summary>(B,P): 1 where there is an object.</summary>
    public Tensor IsObject => TrainingMath.Numbers(Objects.SelectMany(o => o.Select(i => i < 0 ? 0.0 : 1)), Count, Patches);

    /// <summary>(B P): 0 for none, then the colours.</summary>
    public Tensor Colours => Named(o => 1 + (int)o.Colour);

    /// <summary>(B P): 0 for none, then the shapes.</summary>
    public Tensor Shapes => Named(o => 1 + (int)o.Shape);

    /// <summary>(B,P,5): x and y of the object there, then the way to it from the gripper.</summary>
    public Tensor Places => TrainingMath.Numbers(
        frames.SelectMany((frame, f) => Objects[f].SelectMany(i => i < 0 ? new double[5] : Place(frame.State, frame.State.Objects[i]))), Count, Patches, 5);

    /// <summary>(B,1,3): where the gripper is.</summary>
    public Tensor Grippers => TrainingMath.Numbers(
        frames.SelectMany(f => new[] { f.State.Gripper.X, f.State.Gripper.Y, f.State.Gripper.Z }), Count, 1, 3);

    /// <summary>(B,1): whether it is open.</summary>
    public Tensor Open => TrainingMath.Numbers(frames.Select(f => f.State.Open ? 1.0 : 0), Count, 1);

    /// <summary>(B,P,words): whether a word names the colour or the shape of what shows there.</summary>
    /// <param name="concepts">[word]: the name of its concept.</param>
    public Tensor Words(IReadOnlyList<string> concepts)
    {
        var values = new float[Count * Patches * concepts.Count];
        for (var f = 0; f < frames.Count; f++)
        {
            for (var p = 0; p < Patches; p++)
            {
                if (Objects[f][p] is var i && i >= 0)
                {
                    var (colour, shape) = (frames[f].State.Objects[i].Colour.ToString(), frames[f].State.Objects[i].Shape.ToString());
                    for (var w = 0; w < concepts.Count; w++)
                    {
                        var names = concepts[w].Equals(colour, StringComparison.OrdinalIgnoreCase)
                            || concepts[w].Equals(shape, StringComparison.OrdinalIgnoreCase);
                        values[(((f * Patches) + p) * concepts.Count) + w] = names ? 1 : 0;
                    }
                }
            }
        }

        return tensor(values, [Count, Patches, concepts.Count]);
    }

    /// <summary>The patch that holds the middle of an object.</summary>
    public int Middle(int frame, int item)
    {
        var (left, top, width, height) = frames[frame].View.Moved(TabletopRenderer.BoundsOf(frames[frame].State.Objects[item]));
        var size = (double)TabletopRenderer.Size / side;
        var column = Math.Clamp((int)((left + (width / 2)) / size), 0, side - 1);
        var row = Math.Clamp((int)((top + (height / 2)) / size), 0, side - 1);
        return (row * side) + column;
    }

    private Tensor Named(Func<TabletopObject, int> number)
        => TrainingMath.Classes(frames.SelectMany((frame, f) => Objects[f].Select(i => i < 0 ? 0 : number(frame.State.Objects[i]))), Count * Patches);

    private int[] Of(TrainingFrame frame)
    {
        var labels = Enumerable.Repeat(-1, side * side).ToArray();
        var objects = frame.State.Objects;
        foreach (var i in Enumerable.Range(0, objects.Count).OrderBy(i => i == frame.State.Held).ThenByDescending(i => objects[i].Position.Y))
        {
            foreach (var patch in TabletopLooks.Patches(new PromptPicture(0, side, side), frame.View.Moved(TabletopRenderer.BoundsOf(objects[i]))))
            {
                labels[patch] = i;
            }
        }

        return labels;
    }

    private static double[] Place(TabletopState state, TabletopObject item)
    {
        var (at, from) = (item.Position, state.Gripper);
        return [at.X, at.Y, at.X - from.X, at.Y - from.Y, at.Z - from.Z];
    }
}
