using Vitrine.Mechanisms.Causes;
using Vitrine.Mechanisms.Metrics;
using Vitrine.Mechanisms.Pictures;
using Vitrine.Policies;
using Vitrine.Transformers;
using Vitrine.Transformers.Edits;
using Vitrine.Transformers.Engine;
using Vitrine.Transformers.Points;
using static TorchSharp.torch;

namespace Vitrine.Mechanisms.Explaining;

/// <summary>Part of a network whose values are taken from one run and put into another (interchange intervention, Geiger et al. 2021).</summary>
/// <param name="Place">In short, e.g. <c>language.5 attention</c>.</param>
/// <param name="Words">As a sentence names it, e.g. <c>attention of layer 5</c>.</param>
/// <param name="Kind">For tables: attention, MLP, rows.</param>
/// <param name="Layer">From 0.</param>
internal abstract record Site(string Place, string Words, string Kind, int Layer)
{
    /// <summary>What a run must capture.</summary>
    public abstract IEnumerable<string> Needs { get; }

    /// <summary>The edits that put this part of a run into another.</summary>
    /// <param name="from">Whose values.</param>
    /// <param name="into">Into whose: the same rows, captured too.</param>
    /// <param name="random">
    /// Null for the values themselves; a generator for the control: what stands there, moved as far as the values would, in a random direction.
    /// </param>
    public abstract RunPlan PutIn(SubjectRun from, SubjectRun into, Generator? random = null);

    /// <summary>What is put in: the values, or as far a step in a random direction.</summary>
    private protected static Tensor Values(Tensor from, Tensor into, Generator? random)
    {
        if (random is null)
        {
            return from;
        }

        var step = from.Minus(into).flatten(2).norm(-1, keepdim: true);
        var direction = randn(from.flatten(2).shape, generator: random).to(from.device);
        return into.Plus((direction / direction.norm(-1, keepdim: true) * step).reshape(from.shape));
    }
}

/// <summary>A point of a block: what attention or the feed-forward puts out, heads or neurons of it.</summary>
internal sealed record PointSite(string Place, string Words, string Kind, string Stack, int Layer, Point Point) : Site(Place, Words, Kind, Layer)
{
    /// <summary>Heads; null for all.</summary>
    public IReadOnlyList<int>? Heads { get; init; }

    /// <summary>Neurons; null for all.</summary>
    public IReadOnlyList<int>? Neurons { get; init; }

    private string At => $"{Stack}.{Layer}.{Point.Name}";

    public override IEnumerable<string> Needs => [$"{At}@*"];

    /// <summary>What a component puts out.</summary>
    public static PointSite Of(StackShape shape, Component component, int layer)
    {
        var name = component == Component.Attention ? "attention" : "MLP";
        return new PointSite($"{shape.Name}.{layer} {name}", $"the {name} of {shape.Name} layer {layer}", name, shape.Name, layer,
            component == Component.Attention ? Point.AttnOut : Point.MlpOut);
    }

    public override RunPlan PutIn(SubjectRun from, SubjectRun into, Generator? random = null)
        => Edited(from, into, (a, b) => Values(a, b, random), (place, value) => new Replace(place, value));

    /// <summary>The edits that add one vector in every row: the mean difference of two runs.</summary>
    public RunPlan AddMean(SubjectRun from, SubjectRun into)
        => Edited(from, into, (a, b) => a.Minus(b).mean([0], keepdim: true), (place, value) => new Add(place, value));

    private RunPlan Edited(SubjectRun from, SubjectRun into, Func<Tensor, Tensor, Tensor> values, Func<string, EditValue, Edit> edit)
    {
        using var scope = NewDisposeScope();
        using var mode = no_grad();
        return new RunPlan
        {
            Edits =
            [
                .. Moments.Of(from, At).Zip(Moments.Of(into, At), (a, b) => edit(At, EditValue.Of(values(a.Values.Widened(), b.Values.Widened()))) with
                {
                    Scope = b.Scope with { Heads = Heads, Neurons = Neurons },
                }),
            ],
        };
    }
}

/// <summary>Keys and values of some rows of the prompt, as a layer of an action expert reads them.</summary>
internal sealed record PrefixSite(string Place, string Words, string Stack, int Layer, Func<PromptRow, PromptRow, IEnumerable<long>> Rows)
    : Site(Place, Words, "rows", Layer)
{
    private static readonly Point[] Read = [Point.AttnPrefixK, Point.AttnPrefixV];

    public override IEnumerable<string> Needs => Read.Select(At);

    public override RunPlan PutIn(SubjectRun from, SubjectRun into, Generator? random = null)
    {
        using var scope = NewDisposeScope();
        using var mode = no_grad();
        var (theirs, own) = (from.Acted!.Layout.Rows, into.Acted!.Layout.Rows);
        return RunPlan.ForRows([.. own.Select((row, r) => new RunPlan { Edits = [.. Read.Select(point => Swapped(point, r, [.. Rows(row, theirs[r])]))] })]);

        Edit Swapped(Point point, int row, long[] places)
        {
            var chosen = tensor(places, device: from.Run[At(point)].device);
            var (a, b) = (Chosen(from), Chosen(into));
            return new Replace(At(point), EditValue.Of(Values(a, b, random)))
            {
                Scope = new EditScope { Positions = Positions.At([.. places.Select(p => (int)p)]) },
            };

            Tensor Chosen(SubjectRun run) => run.Run[At(point)].narrow(0, row, 1).index_select(1, chosen).Widened();
        }
    }

    private string At(Point point) => $"{Stack}.{Layer}.{point.Name}";
}

/// <summary>Where, and in which passes, a stack's values are exchanged.</summary>
internal static class Moments
{
    /// <summary>
    /// Of a policy, where it decides, in every pass that decides; of a text or a picture, every position, or the last one where the two texts differ in length.
    /// </summary>
    /// <param name="run">Whose places they are.</param>
    /// <param name="at">Address without step.</param>
    /// <param name="values">Where the numbers are; the run itself when null.</param>
    public static IEnumerable<(EditScope Scope, Tensor Values)> Of(SubjectRun run, string at, Run? values = null)
    {
        if (run.Acted is { } acted)
        {
            var layout = acted.Layout;
            return Enumerable.Range(0, layout.DecidingSteps).Select(step =>
                (new EditScope { Positions = layout.DecidingPositions, Steps = [step] }, layout.At(values ?? run.Run, at, step)));
        }

        var all = (values ?? run.Run)[at];
        return run.OnlyLast
            ? [(new EditScope { Positions = Positions.EndOfPrompt }, Last(run, all))]
            : [(EditScope.Everywhere, all.alias())];
    }

    /// <summary>The last token of each row (B,1,...).</summary>
    private static Tensor Last(SubjectRun run, Tensor all)
    {
        long[] columns = [.. run.Ids.Select(row => (long)Array.FindLastIndex(row, id => id >= 0))];
        return stack([.. columns.Select((column, row) => all[row].narrow(0, column, 1))]);
    }
}
