using Vitrine.Transformers.Engine;
using Vitrine.Transformers.Points;
using static TorchSharp.torch;

namespace Vitrine.Transformers.Edits;

/// <summary>The part of a point's tensor that a scope names, as a mask that broadcasts; each axis is checked against the stack once.</summary>
public sealed class Region
{
    private static readonly TorchSharp.Scalar One = 1, Nothing = 0;

    private readonly EditScope scope;
    private readonly PointAxes axes;
    private readonly Tensor? fixedAxes;
    private readonly Address place;

    internal Region(EditScope scope, EditSite site)
    {
        (this.scope, place) = (scope, site.Address);
        axes = site.Address.Point.Axes;
        var (heads, last) = (site.Address.Point.HeadsIn(site.Shape), site.Width);
        if (scope.Heads is { Count: > 0 } && heads == 0)
        {
            throw new VitrineException($"edit at '{site.Address}': the point has no heads; choose one such as attn.z.");
        }

        if (scope.Neurons is { Count: > 0 } && last == 0)
        {
            throw new VitrineException($"edit at '{site.Address}': its last axis is the keys; name them with a knock-out.");
        }

        site.Require(scope.Heads, heads, "head");
        site.Require(scope.Neurons, last, "coordinate");
        site.RequireRows(scope.Rows);
        site.Require(scope.Pictures, int.MaxValue, "picture");
        site.Require(scope.Steps, int.MaxValue, "step");
        site.Require(scope.Positions, ofOthers: MayBeOfOthers(place.Point));
        fixedAxes = And(
            scope.Heads is { } h ? Chosen(h, heads).reshape(-1, 1).reshape(axes == PointAxes.Attention ? [heads, 1, 1] : [heads, 1]) : null,
            scope.Neurons is { } n ? Chosen(n, last) : null) is { } mask ? site.Own(mask) : null;
    }

    /// <summary>The new values inside the region, the old ones outside.</summary>
    /// <param name="x">The tensor at the point.</param>
    /// <param name="pass">The pass in which it was computed.</param>
    /// <param name="changed">Of the same shape.</param>
    public Tensor Write(Tensor x, Pass pass, Tensor changed)
    {
        ArgumentNullException.ThrowIfNull(x);
        ArgumentNullException.ThrowIfNull(pass);
        return Mask(pass, x.dim(), PositionsOf(x)) is { } mask ? OnAnyDevice.Where(mask, changed, x) : changed;
    }

    /// <summary>
    /// A value as it is laid into the tensor: one whose position axis is as long as the named positions is put where they stand, in their order; any other
    /// stays as it is.
    /// </summary>
    /// <exception cref="VitrineException">A row has another number of named positions.</exception>
    internal Tensor Placed(Tensor value, Tensor x, Pass pass)
    {
        if (scope.Positions is not { } positions || axes == PointAxes.Attention || value.dim() != x.dim() || value.shape[1] == 1
            || value.shape[1] == x.shape[1])
        {
            return value;
        }

        var named = Named(positions, pass);                                                                // (B, T)
        if (named.device_type != TorchSharp.DeviceType.META && Counts().ne(tensor(value.shape[1], device: pass.Device)).any().item<bool>())
        {
            throw new VitrineException($"edit at '{place}': a value of {value.shape[1]} positions; a row names another number of them.");
        }

        using TorchSharp.Scalar last = value.shape[1] - 1;
        long[] flat = [pass.Rows, pass.Length, .. Enumerable.Repeat(1L, x.shape.Length - 2)];
        var order = named.to(ScalarType.Int64).cumsum(1).sub(One).clamp(Nothing, last).reshape(flat);
        return value.expand([pass.Rows, value.shape[1], .. x.shape[2..]]).gather(1, order.expand([pass.Rows, pass.Length, .. x.shape[2..]]));

        // How many positions each row of the region names; other rows keep their own.
        Tensor Counts()
        {
            var all = named.sum([1], type: ScalarType.Int64);
            return scope.Rows is null || Chosen(pass) is not { } rows || rows.shape[1] != 1 ? all : all.masked_select(rows.squeeze(1));
        }
    }

    /// <summary>A mask cut down to the region.</summary>
    internal Tensor Within(Pass pass, Tensor mask) => And(mask, Mask(pass, axes == PointAxes.Stream ? 3 : 4, pass.Length))!;

    private long PositionsOf(Tensor x) => x.dim() < 3 ? 0 : x.shape[axes == PointAxes.Attention ? 2 : 1];

    private Tensor? Mask(Pass pass, long dims, long length)
    {
        if (scope.Positions is not null && length != pass.Length)
        {
            throw new VitrineException($"edit at '{place}': the point has one vector a row and no positions.");
        }

        var rows = scope.Rows is null && scope.Pictures is null ? null : Placed(Chosen(pass), dims);
        var positions = scope.Positions is { } p
            ? Placed(Named(p, pass), dims)
            : null;
        return And(And(rows, positions), fixedAxes);
    }

    /// <remarks>
    /// What is read of another stack has that stack's tokens, be it keys and values as they come or the projections of them; what is read of the own stack, at
    /// the same address of another layer, does not.
    /// </remarks>
    private static bool MayBeOfOthers(Point point)
        => point == Point.AttnPrefixK || point == Point.AttnPrefixV || point == Point.AttnK || point == Point.AttnV || point == Point.AttnKRot
            || point == Point.AttnKNorm || point == Point.CrossIn || point == Point.CrossInK || point == Point.CrossK || point == Point.CrossV;

    private Tensor Named(Positions positions, Pass pass)
    {
        var stack = pass.KindsOf ?? place.Stack;
        var known = pass.Run.Rows.Kinds.NamesIn(stack);
        return positions.Kinds?.FirstOrDefault(k => !known.Contains(k)) is { } kind
            ? throw new VitrineException($"edit at '{place}': its tokens are those of '{stack}', which have no kind '{kind}'; the kinds are {Known(known)}.")
            : pass.QueryMask(positions, place.Stack);
    }

    private static string Known(IReadOnlyCollection<string> kinds) => kinds.Count == 0 ? "none" : string.Join(", ", kinds);

    /// <remarks>The towers of pictures and texts may run different numbers of rows.</remarks>
    private Tensor Chosen(Pass pass)
    {
        try
        {
            return pass.Chosen(scope.Rows, scope.Pictures);
        }
        catch (VitrineException e)
        {
            throw new VitrineException($"edit at '{place}': {e.Message}", e);
        }
    }

    /// <summary>A mask over rows and positions (B,T), or over rows alone (B,1), where the point's tensor has these axes.</summary>
    private Tensor Placed(Tensor mask, long dims)
    {
        var (rows, positions) = (mask.shape[0], mask.shape[1]);
        return mask.reshape(axes == PointAxes.Attention ? [rows, 1, positions, 1] : dims == 2 ? [rows, 1] : axes == PointAxes.Heads
            ? [rows, positions, 1, 1]
            : [rows, positions, 1]);
    }

    private static Tensor Chosen(IEnumerable<int> indices, int size)
    {
        var chosen = new bool[size];
        foreach (var index in indices)
        {
            chosen[index] = true;
        }

        return tensor(chosen);
    }

    private static Tensor? And(Tensor? a, Tensor? b) => (a, b) switch
    {
        (null, _) => b,
        (_, null) => a,
        _ => a.bitwise_and(b),
    };
}
