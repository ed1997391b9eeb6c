using TorchSharp;
using static TorchSharp.torch;

namespace Vitrine.Mechanisms.InputAttribution;

/// <summary>Which parts of an input are taken away, scored and shown together: tokens, patches, windows, groups.</summary>
/// <remarks>Owned by the caller: dispose it when no method needs it any more.</remarks>
public sealed class InputFeatures : IDisposable
{
    private readonly Tensor masks;

    /// <param name="masks">(F,...) of bool: the numbers of one input that each feature holds; broadcasts to it. Copied.</param>
    /// <param name="names">One a feature; numbers when null.</param>
    public InputFeatures(Tensor masks, IReadOnlyList<string>? names = null)
    {
        ArgumentNullException.ThrowIfNull(masks);
        if (masks.dtype != ScalarType.Bool || masks.dim() < 2 || masks.shape[0] == 0 || (names is not null && names.Count != masks.shape[0]))
        {
            throw new VitrineException(
                $"features: masks [{string.Join(", ", masks.shape)}] of {masks.dtype} for {names?.Count} names; expected bool, one a feature.");
        }

        this.masks = masks.clone().DetachFromDisposeScope();
        Names = names ?? [.. Enumerable.Range(0, (int)masks.shape[0]).Select(i => i.ToString(System.Globalization.CultureInfo.InvariantCulture))];
    }

    /// <summary>One a feature.</summary>
    public IReadOnlyList<string> Names { get; }

    /// <summary>How many.</summary>
    public int Count => Names.Count;

    /// <summary>Every number of an input by itself.</summary>
    /// <param name="inputs">(B,...).</param>
    public static InputFeatures Each(Tensor inputs)
    {
        ArgumentNullException.ThrowIfNull(inputs);
        using var scope = NewDisposeScope();
        var size = inputs.shape[1..].Aggregate(1L, (a, b) => a * b);
        return new InputFeatures(eye(size, dtype: ScalarType.Bool).reshape([size, .. inputs.shape[1..]]));
    }

    /// <summary>Positions of a sequence, all their numbers together.</summary>
    /// <param name="positions">Which are features, in order.</param>
    /// <param name="length">Of the sequence.</param>
    /// <param name="names">One a position that is named.</param>
    public static InputFeatures OfPositions(IReadOnlyList<int> positions, int length, IReadOnlyList<string>? names = null)
    {
        ArgumentNullException.ThrowIfNull(positions);
        using var scope = NewDisposeScope();
        var at = tensor(positions.Select(p => (long)p).ToArray()).unsqueeze(1);
        return new InputFeatures(at.eq(arange(length)).unsqueeze(2), names);
    }

    /// <summary>Groups of numbers.</summary>
    /// <param name="groups">Of whole numbers, broadcasting to one input; each number from 0 on is a group.</param>
    public static InputFeatures OfGroups(Tensor groups)
    {
        ArgumentNullException.ThrowIfNull(groups);
        using var scope = NewDisposeScope();
        var ids = groups.to(int64);
        var count = ids.max().item<long>() + 1;
        return new InputFeatures(arange(count).reshape([count, .. Enumerable.Repeat(1L, (int)ids.dim())]).eq(ids));
    }

    /// <summary>
    /// Windows that slide over a picture (Zeiler and Fergus 2014); the last of a row or column is cut off at the edge.
    /// </summary>
    /// <param name="shape">Of one picture, (C,H,W).</param>
    /// <param name="window">Size of a window along each axis.</param>
    /// <param name="stride">From one to the next along each axis.</param>
    /// <param name="names">One a window, row by row; numbers when null.</param>
    /// <exception cref="VitrineException">A size is not positive, or larger than the picture.</exception>
    public static InputFeatures OfWindows(
        IReadOnlyList<long> shape, IReadOnlyList<long> window, IReadOnlyList<long> stride, IReadOnlyList<string>? names = null)
    {
        ArgumentNullException.ThrowIfNull(shape);
        ArgumentNullException.ThrowIfNull(window);
        ArgumentNullException.ThrowIfNull(stride);
        if (window.Count != shape.Count || stride.Count != shape.Count
            || Enumerable.Range(0, shape.Count).Any(i => window[i] < 1 || window[i] > shape[i] || stride[i] < 1 || stride[i] > window[i]))
        {
            throw new VitrineException(
                $"occlusion: windows [{string.Join(", ", window)}] at steps of [{string.Join(", ", stride)}] over [{string.Join(", ", shape)}]; "
                + "expected windows no larger than the input, and steps no longer than windows.");
        }

        using var scope = NewDisposeScope();
        long[] counts = [.. Enumerable.Range(0, shape.Count).Select(i => ((shape[i] - window[i] + stride[i] - 1) / stride[i]) + 1)];
        var total = counts.Aggregate(1L, (a, b) => a * b);
        var masks = zeros([total, .. shape], ScalarType.Bool);
        for (var w = 0L; w < total; w++)
        {
            using var inner = NewDisposeScope();
            var (part, rest) = (masks[w], w);
            for (var axis = shape.Count - 1; axis >= 0; axis--)
            {
                var first = rest % counts[axis] * stride[axis];
                (part, rest) = (part.narrow(axis, first, Math.Min(window[axis], shape[axis] - first)), rest / counts[axis]);
            }

            part.fill_(true);
        }

        return new InputFeatures(masks, names);
    }

    /// <summary>Features that are taken away together, as one: windows over patches, say.</summary>
    /// <param name="sets">Of this one's features.</param>
    /// <returns>Owned by the caller.</returns>
    public InputFeatures Together(IReadOnlyList<IReadOnlyList<int>> sets)
    {
        ArgumentNullException.ThrowIfNull(sets);
        using var scope = NewDisposeScope();
        return new InputFeatures(stack([.. sets.Select(set => masks.index_select(0, tensor(set.Select(f => (long)f).ToArray())).any(0, false))]));
    }

    /// <summary>Scores of numbers, summed over each feature.</summary>
    /// <param name="scores">(B,...).</param>
    /// <returns>(B,F); owned by the caller's dispose scope.</returns>
    public Tensor Sums(Tensor scores)
    {
        ArgumentNullException.ThrowIfNull(scores);
        using var scope = NewDisposeScope();
        var (flat, shape) = (Flat(scores), masks.shape[1..]);
        for (var axis = 0; axis < shape.Length; axis++)
        {
            flat = shape[axis] == 1 ? flat.sum(axis + 1, keepdim: true) : flat;
        }

        return flat.flatten(1).matmul(masks.flatten(1).t().to(flat.dtype, flat.device)).MoveToOuterDisposeScope();
    }

    /// <summary>Scores of features, given to the numbers that they hold; a number of several features takes their mean, one of none 0.</summary>
    /// <param name="scores">(B,F).</param>
    /// <param name="like">(B,...): what the scores are spread over.</param>
    /// <returns>(B,...); owned by the caller's dispose scope.</returns>
    public Tensor Spread(Tensor scores, Tensor like)
    {
        ArgumentNullException.ThrowIfNull(scores);
        ArgumentNullException.ThrowIfNull(like);
        using var scope = NewDisposeScope();
        var flat = masks.flatten(1).to(scores.dtype, scores.device);                                        // (F, E)
        Scalar one = 1;
        var each = scores.matmul(flat) / flat.sum([0]).clamp_min(one);
        GC.KeepAlive(one);
        return each.reshape([scores.shape[0], .. masks.shape[1..]]).expand(like.shape).clone().MoveToOuterDisposeScope();
    }

    /// <summary>Inputs in which chosen features are taken away.</summary>
    /// <param name="inputs">(N,...).</param>
    /// <param name="baseline">(N,...): what stands there instead.</param>
    /// <param name="off">[n][feature]: whether it is taken away.</param>
    /// <returns>(N,...); owned by the caller's dispose scope.</returns>
    public Tensor Without(Tensor inputs, Tensor baseline, IReadOnlyList<bool[]> off)
    {
        ArgumentNullException.ThrowIfNull(inputs);
        ArgumentNullException.ThrowIfNull(baseline);
        ArgumentNullException.ThrowIfNull(off);
        using var scope = NewDisposeScope();
        var chosen = tensor(off.SelectMany(o => o).ToArray(), [off.Count, Count]).to(float32);
        Scalar half = .5;
        var covered = chosen.matmul(masks.flatten(1).to(float32)).gt(half).reshape([off.Count, .. masks.shape[1..]]).to(inputs.device);
        GC.KeepAlive(half);
        return where(covered, baseline, inputs).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public void Dispose() => masks.Dispose();

    /// <remarks>A mask of fewer axes broadcasts to the last ones of an input.</remarks>
    private Tensor Flat(Tensor scores) => masks.dim() == scores.dim()
        ? scores
        : throw new VitrineException(
            $"features: of [{string.Join(", ", masks.shape[1..])}]; the scores of a row are [{string.Join(", ", scores.shape[1..])}].");
}
