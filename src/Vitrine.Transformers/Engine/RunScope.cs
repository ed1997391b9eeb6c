using Vitrine.Transformers.Points;
using static TorchSharp.torch;

namespace Vitrine.Transformers.Engine;

/// <summary>
/// One run of a model while it computes: the bound plan, the rows, and what is kept. A model makes it (<see cref="Model"/>); nothing of it outlives the run but
/// what was kept.
/// </summary>
public sealed class RunScope
{
    private readonly Dictionary<Address, Tensor> kept = [];
    private readonly Dictionary<string, long[][]> prompts = [];

    internal RunScope(BoundPlan plan, RunRows rows, BlockRange? range)
        => (Plan, Rows, Range, Tally) = (plan, rows, range, new EditTally(plan.Plan.Edits));

    /// <summary>Where the model computes.</summary>
    public Device Device => Plan.Device;

    /// <summary>Whether the plan stops inside the decoder: its residual is then the run's output, and nothing behind it is computed.</summary>
    public bool StopsEarly => Range is { ToTheEnd: false };

    /// <summary>What is computed of the model's decoder; null where the whole of it is.</summary>
    internal BlockRange? Range { get; }

    internal BoundPlan Plan { get; }

    internal RunRows Rows { get; }

    /// <summary>Which edits have touched something.</summary>
    internal EditTally Tally { get; }

    /// <summary>Blocks of decode steps that ran without tensors, since nobody looked into them.</summary>
    internal int FusedBlocks { get; set; }

    /// <summary>Whether answers that are no numbers are given.</summary>
    internal bool AllowsNonFinite { get; init; }

    /// <summary>What was no number inside the run and may not show in its output; null where nothing was.</summary>
    internal NonFiniteException? Hidden { get; set; }

    /// <summary>What the output is, in words.</summary>
    internal string Answer { get; set; } = "output";

    internal Dictionary<Address, Tensor> Kept => kept;

    /// <summary>[row][token] positions of each decoder's prompt, -1 for padding.</summary>
    internal IReadOnlyDictionary<string, long[][]> Prompts => prompts;

    /// <summary>A pass over tokens of which no row has padding: of a tower, a projector, an action head.</summary>
    /// <param name="tokens">In each row.</param>
    /// <param name="step">The flow step, of parts that a run goes through several times.</param>
    /// <param name="rows">Where they are not the run's own.</param>
    /// <param name="owners">Whose frames the rows of the pass are, where they are not the rows of the batch.</param>
    public Pass PassOver(int tokens, int step = 0, int? rows = null, FrameOwners? owners = null)
    {
        var positions = Enumerable.Range(0, tokens).Select(i => (long)i).ToArray();
        var count = owners?.Rows.Count ?? rows ?? Rows.Count;
        return new Pass(this, step, [.. Enumerable.Repeat(positions, count)], [], [.. Enumerable.Repeat((long)tokens, count)])
        {
            Owners = owners,
        };
    }

    /// <summary>A pass over the frames of pictures.</summary>
    /// <param name="positions">[frame][token], or [0][token] of all frames in one row; -1 for padding.</param>
    /// <param name="owners">Whose frames they are; null where each row of the batch has one.</param>
    internal Pass PassOver(long[][] positions, FrameOwners? owners)
        => new(this, 0, positions, [], [.. positions.Select(row => row.LongCount(p => p >= 0))]) { Owners = owners };

    /// <summary>The same over frames without padding; positions of pictures in one sequence are those of each picture's own.</summary>
    internal Pass PassOver(long frames, long tokens, FrameOwners? owners)
    {
        var positions = owners is not null && owners.Rows.Count != frames
            ? owners.WithinPictures().Places
            : [.. Enumerable.Range(0, (int)tokens).Select(i => (long)i)];
        return PassOver([.. Enumerable.Repeat(positions, (int)frames)], owners);
    }

    /// <summary>A pass over the patches of pictures in one sequence.</summary>
    internal Pass PassOver(PlacedGrids placed, FrameOwners owners)
    {
        return new Pass(this, 0, [owners.WithinPictures().Places], [], [placed.Places.Count])
        {
            Owners = owners,
            GivenPositionIds = [[[.. placed.Places.Select(p => (long)p.Row)]], [[.. placed.Places.Select(p => (long)p.Column)]]],
            PictureLengths = placed.PictureLengths,
            WindowLengths = placed.WindowLengths,
        };
    }

    /// <summary>Keeps a tensor beyond the run.</summary>
    internal void Keep(Address address, Tensor x)
    {
        if (kept.Remove(address, out var before) && !ReferenceEquals(before, x))
        {
            before.Dispose();
        }

        kept[address] = x.DetachFromDisposeScope();
    }

    /// <summary>Remembers where a decoder's prompt stands, for what reads the run later.</summary>
    internal void Prompt(string stack, long[][] positions) => prompts[stack] = positions;

    internal void DisposeKept()
    {
        foreach (var tensor in kept.Values)
        {
            tensor.Dispose();
        }
    }
}
