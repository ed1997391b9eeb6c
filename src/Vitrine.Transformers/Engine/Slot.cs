using Vitrine.Transformers.Points;
using static TorchSharp.torch;

namespace Vitrine.Transformers.Engine;

/// <summary>What a plan wants at one place: changes first, then what is kept.</summary>
internal sealed class Slot(Address place, bool captureOnCpu)
{
    private readonly List<(Edits.EditScope Scope, int[] Edits, Func<Tensor, Pass, Tensor> Apply)> edits = [];
    private readonly List<int?> captures = [];
    private readonly List<int?> gradients = [];

    public bool HasEdits => edits.Count > 0;

    /// <param name="scope">Its steps tell in which passes it acts.</param>
    /// <param name="of">The edits of the plan that are done in this one operation.</param>
    /// <param name="apply">Does them.</param>
    public void Edit(Edits.EditScope scope, int[] of, Func<Tensor, Pass, Tensor> apply) => edits.Add((scope, of, apply));

    /// <param name="step">Null for every pass.</param>
    public void Capture(int? step) => captures.Add(step);

    /// <param name="step">Null for every pass.</param>
    public void Differentiate(int? step) => gradients.Add(step);

    public Tensor Visit(Tensor x, Pass pass)
    {
        foreach (var (scope, of, apply) in edits)
        {
            if (scope.ActsIn(pass.Step))
            {
                x = apply(x, pass);
                Array.ForEach(of, edit => pass.Run.Tally.Act(edit, place, x, pass));
            }
        }

        if (Wants(gradients, pass.Step))
        {
            // A view is a node of its own, so that two points that hold the same tensor (attn.in and resid_pre of a post-norm block) have each its own
            // gradient.
            x = x.requires_grad ? x.view_as(x) : x.detach().requires_grad_();
            pass.Run.Keep(place with { Step = pass.Step }, x);
        }
        else if (Wants(captures, pass.Step))
        {
            var seen = x.detach();
            pass.Run.Keep(place with { Step = pass.Step }, captureOnCpu ? seen.cpu() : seen);
        }

        return x;
    }

    private static bool Wants(List<int?> steps, int step)
    {
        foreach (var wanted in steps)
        {
            if (wanted is null || wanted == step)
            {
                return true;
            }
        }

        return false;
    }
}

/// <summary>The slots of one block, or of one stack outside its blocks. An empty slot costs a null check and keeps no tensor.</summary>
internal sealed class Slots
{
    public static Slots None { get; } = new();

    private readonly Slot?[] byOrdinal = new Slot?[Point.Count];
    private readonly Dictionary<Point, Slot> ofModel = [];

    public Slot? this[Point point]
    {
        get => point.Ordinal >= 0 ? byOrdinal[point.Ordinal] : ofModel.GetValueOrDefault(point);
        set
        {
            if (point.Ordinal >= 0)
            {
                byOrdinal[point.Ordinal] = value;
            }
            else
            {
                ofModel[point] = value!;
            }
        }
    }

    /// <summary>Whose they are, where each point is looked at for what is not finite; null where none is.</summary>
    public (string Stack, int? Layer)? Searched { get; init; }

    /// <summary>Whether nothing is read, edited or looked at here.</summary>
    public bool IsEmpty => Searched is null && ofModel.Count == 0 && Array.TrueForAll(byOrdinal, s => s is null);

    public Tensor At(Point point, Tensor x, Pass pass)
    {
        var visited = this[point] is { } slot ? slot.Visit(x, pass) : x;
        if (Searched is { } of)
        {
            NonFinitePoint.Refuse(new Address(of.Stack, of.Layer, point, pass.Step), x, visited, LeavesOut(point));
        }

        return visited;
    }

    /// <summary>Whether minus infinity is at home at a point: in scores, and in logits that the plan edits.</summary>
    public bool LeavesOut(Point point)
        => point == Point.AttnScores || point == Point.CrossScores || point == Point.HeadAttnScores || (point == Point.Logits && Edits(point));

    public bool Wants(Point point) => this[point] is not null;

    public bool Edits(Point point) => this[point] is { HasEdits: true };
}
