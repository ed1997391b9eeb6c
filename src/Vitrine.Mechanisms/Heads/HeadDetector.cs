using Vitrine.Transformers;
using Vitrine.Transformers.Engine;
using Vitrine.Transformers.Points;
using static TorchSharp.torch;

namespace Vitrine.Mechanisms.Heads;

/// <summary>Where a head of a known kind would look.</summary>
public enum HeadKind
{
    /// <summary>At the token before.</summary>
    PreviousToken,

    /// <summary>At earlier places of the same token.</summary>
    DuplicateToken,

    /// <summary>At the token behind an earlier place of the same token (Olsson et al. 2022).</summary>
    Induction,
}

/// <summary>How a pattern is held against where a head of a kind would look.</summary>
public enum HeadMeasure
{
    /// <summary>The share of the attention that falls there.</summary>
    Share,

    /// <summary>1 - mean |pattern - ideal| x tokens.</summary>
    Difference,
}

/// <summary>A head beside a kind.</summary>
/// <param name="Layer">From 0.</param>
/// <param name="Head">From 0.</param>
/// <param name="Score">1 where all attention falls where the kind looks.</param>
/// <param name="Uniform">The same of a head that looks everywhere alike.</param>
/// <param name="Shuffled">
/// The same of this head, held against the kind on a shuffled text: the mean over shuffles; null for a kind that is about places, not tokens.
/// </param>
public sealed record HeadScore(int Layer, int Head, double Score, double Uniform, double? Shuffled);

/// <summary>Finds heads that look at the token before, at earlier places of the same token, or behind them.</summary>
/// <remarks>
/// Numbers and names are those of TransformerLens' head_detector. On repeated random tokens no meaning helps: what is found there is the mechanism.
/// </remarks>
public static class HeadDetector
{
    /// <summary>Where a head of a kind would look from each position: (T,T) of 0 and 1, owned by the caller.</summary>
    /// <param name="kind">Which.</param>
    /// <param name="ids">The text.</param>
    public static Tensor Ideal(HeadKind kind, IReadOnlyList<int> ids)
    {
        ArgumentNullException.ThrowIfNull(ids);
        var count = ids.Count;
        var ideal = new float[count * count];
        for (var query = 0; query < count; query++)
        {
            for (var key = 0; key <= query; key++)
            {
                ideal[(query * count) + key] = kind switch
                {
                    HeadKind.PreviousToken => key == query - 1,
                    HeadKind.DuplicateToken => key < query && ids[key] == ids[query],
                    _ => key > 0 && key - 1 < query && ids[key - 1] == ids[query],
                }
                    ? 1 : 0;
            }
        }

        return tensor(ideal, [count, count]);
    }

    /// <summary>A pattern held against an ideal.</summary>
    /// <param name="pattern">(T,T).</param>
    /// <param name="ideal">(T,T).</param>
    /// <param name="measure">How.</param>
    /// <param name="withoutFirst">Whether attention to the first token is left out.</param>
    /// <param name="withoutSelf">Whether attention to the asking token itself is left out.</param>
    public static double Score(Tensor pattern, Tensor ideal, HeadMeasure measure = HeadMeasure.Share, bool withoutFirst = false, bool withoutSelf = false)
    {
        ArgumentNullException.ThrowIfNull(pattern);
        ArgumentNullException.ThrowIfNull(ideal);
        using var scope = NewDisposeScope();
        using var mode = no_grad();
        var kept = ones_like(ideal);
        kept = withoutSelf ? kept - eye(ideal.shape[0], dtype: ideal.dtype, device: ideal.device) : kept;
        if (withoutFirst)
        {
            kept = kept.clone();
            kept.narrow(1, 0, 1).zero_();
        }

        var wide = pattern.to(float64);
        if (measure == HeadMeasure.Difference)
        {
            return 1 - (((wide - ideal).abs() * kept).mean().item<double>() * ideal.shape[0]);
        }

        var seen = wide * kept;
        var all = seen.sum().item<double>();
        return all > 0 ? (seen * ideal).sum().item<double>() / all : 0;
    }

    /// <summary>Random tokens, said twice or more, behind the first token of texts where there is one.</summary>
    /// <param name="vocabulary">Ids below this are drawn, each at most once.</param>
    /// <param name="length">Of the part that is repeated.</param>
    /// <param name="seed">Decides them.</param>
    /// <param name="repeats">How often it is said.</param>
    /// <param name="first">Id of the token in front; null for none.</param>
    public static IReadOnlyList<int> RepeatedTokens(int vocabulary, int length, int seed, int repeats = 2, int? first = null)
    {
        if (length < 1 || repeats < 2 || length > vocabulary)
        {
            throw new VitrineException($"repeated tokens: {length} tokens of a vocabulary of {vocabulary}, {repeats} times; expected at least 1 token, twice.");
        }

        var ids = Enumerable.Range(0, vocabulary).ToArray();
        var random = new Random(seed);
        random.Shuffle(ids);
        return [.. first is { } id ? [id] : Array.Empty<int>(), .. Enumerable.Repeat(ids[..length], repeats).SelectMany(part => part)];
    }

    /// <summary>Every head beside a kind.</summary>
    /// <param name="model">A decoder.</param>
    /// <param name="ids">One text, without padding; see <see cref="RepeatedTokens"/>.</param>
    /// <param name="kind">Which kind.</param>
    /// <param name="measure">How.</param>
    /// <param name="withoutFirst">Whether attention to the first token is left out: where heads rest that find nothing.</param>
    /// <param name="withoutSelf">Whether attention to the asking token itself is left out.</param>
    /// <param name="shuffles">Shuffled texts of the control.</param>
    /// <param name="seed">Of the shuffles.</param>
    /// <param name="cancellation">Stops between layers.</param>
    /// <exception cref="VitrineException">The model is no decoder, or the text has fewer than two tokens.</exception>
    public static IReadOnlyList<HeadScore> Of(
        TextModel model, IReadOnlyList<int> ids, HeadKind kind, HeadMeasure measure = HeadMeasure.Share, bool withoutFirst = false, bool withoutSelf = false,
        int shuffles = 8, int seed = 0, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(ids);
        var shape = model.Language.Shape;
        if (ids.Count < 2 || model.Language.Spec.Attention.Mask != AttentionMask.Causal)
        {
            throw new VitrineException($"heads: a text of {ids.Count} tokens in a model whose attention is {model.Language.Spec.Attention.Mask}; expected two "
                + "tokens or more in a decoder whose tokens see what stands before them.");
        }

        using var scope = NewDisposeScope();
        using var mode = no_grad();
        using var run = model.Run(TokenBatch.Of([ids]), RunPlan.Capturing($"{shape.Name}.*.{Point.AttnPattern}"));
        var ideal = Ideal(kind, ids);
        var random = new Random(seed);
        Tensor[] controls = [.. Enumerable.Range(0, kind == HeadKind.PreviousToken ? 0 : shuffles).Select(_ => Ideal(kind, Shuffled(ids, random)))];
        var count = ids.Count;
        var even = ones([count, count], float64).tril() / arange(1, count + 1, dtype: float64).unsqueeze(1);
        var uniform = Score(even, ideal, measure, withoutFirst, withoutSelf);
        var scores = new List<HeadScore>();
        for (var layer = 0; layer < shape.Layers; layer++)
        {
            cancellation.ThrowIfCancellationRequested();
            var pattern = run[new Address(shape.Name, layer, Point.AttnPattern).ToString()][0].cpu();
            for (var head = 0; head < shape.Heads; head++)
            {
                using var inner = NewDisposeScope();
                var own = pattern[head];
                scores.Add(new HeadScore(
                    layer, head, Score(own, ideal, measure, withoutFirst, withoutSelf), uniform,
                    controls.Length == 0 ? null : controls.Average(c => Score(own, c, measure, withoutFirst, withoutSelf))));
            }
        }

        return scores;
    }

    private static int[] Shuffled(IReadOnlyList<int> ids, Random random)
    {
        int[] shuffled = [.. ids];
        random.Shuffle(shuffled.AsSpan(1));
        return shuffled;
    }
}
