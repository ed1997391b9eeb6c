using Vitrine.Transformers.Points;
using static TorchSharp.torch;

namespace Vitrine.Transformers.Engine;

/// <summary>What a plan wants at one place: changes first, then what is kept.</summary>
internal sealed class Slot(string stack, int? layer, Point point)
{
    private readonly List<(Edits.Edit Edit, Func<Tensor, Pass, Tensor> Apply)> edits = [];
    private readonly List<int?> captures = [];
    private readonly List<int?> gradients = [];

    public bool HasEdits => edits.Count > 0;

    public Address Place => new(stack, layer, point);

    public void Edit(Edits.Edit edit, Func<Tensor, Pass, Tensor> apply) => edits.Add((edit, apply));

    /// <param name="step">Null for every pass.</param>
    public void Capture(int? step) => captures.Add(step);

    /// <param name="step">Null for every pass.</param>
    public void Differentiate(int? step) => gradients.Add(step);

    public Tensor Visit(Tensor x, Pass pass)
    {
        foreach (var (edit, apply) in edits)
        {
            if (edit.Scope.ActsIn(pass.Step))
            {
                x = apply(x, pass);
            }
        }

        if (Wants(gradients, pass.Step))
        {
            // A view is a node of its own, so that two points that hold the same tensor (attn.in and resid_pre of a post-norm block) have each its own gradient.
            x = x.requires_grad ? x.view_as(x) : x.detach().requires_grad_();
            pass.Keep(Place with { Step = pass.Step }, x);
        }
        else if (Wants(captures, pass.Step))
        {
            pass.Keep(Place with { Step = pass.Step }, x.detach());
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

    private readonly Slot?[] byPoint = new Slot?[PointVocabulary.All.Count];

    public Slot? this[Point point]
    {
        get => byPoint[(int)point];
        set => byPoint[(int)point] = value;
    }

    public Tensor At(Point point, Tensor x, Pass pass) => byPoint[(int)point] is { } slot ? slot.Visit(x, pass) : x;

    public bool Wants(Point point) => byPoint[(int)point] is not null;

    public bool Edits(Point point) => byPoint[(int)point] is { HasEdits: true };
}
