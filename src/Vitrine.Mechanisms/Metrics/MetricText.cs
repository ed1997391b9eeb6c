using System.Globalization;
using Vitrine.Inputs.Tokenizers;
using Vitrine.Policies;
using Vitrine.Transformers;

namespace Vitrine.Mechanisms.Metrics;

/// <summary>Metrics as a user writes them.</summary>
/// <remarks>
/// <c>logit:Paris</c>, <c>logit_difference:Paris/London</c>, <c>probability:Paris</c>, <c>log_probability:Paris</c>, each with <c>@POSITION</c> behind it or
/// not; <c>loss</c>; <c>kl</c>, from what the subject answers by itself; of policies <c>speed</c>, <c>height</c> (that is <c>dz</c>) and each dimension of the
/// action, <c>dz@3</c> in row 3 of the chunk. An answer is a word of one token, the name of a class, or <c>#ID</c>.
/// </remarks>
public static class MetricText
{
    private const string Height = "height", Upwards = "dz";

    private static readonly string[] Alone = ["loss", "kl", "speed", Height],
        Kinds = ["logit", "logit_difference", "probability", "log_probability", .. Alone];

    /// <summary>Reads one.</summary>
    /// <param name="text">What the user wrote.</param>
    /// <param name="subject">Of whom it is asked; a divergence runs it once.</param>
    /// <exception cref="VitrineException">It means nothing, or the model has no such answer; what there is, is named.</exception>
    public static Metric Parse(string text, Subject subject)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(text);
        ArgumentNullException.ThrowIfNull(subject);
        var (kind, rest) = Split(text, ':');
        var (body, at) = rest is null ? Split(kind, '@') : SplitLast(rest, '@');
        if (rest is null)
        {
            kind = body;
        }

        int? position = at is null ? null
            : int.TryParse(at, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) ? number
            : throw new VitrineException($"metric '{text}': '{at}' is no position.");
        return (kind, rest) switch
        {
            ("logit", not null) => new LogitMetric([Answer(body, subject)]) { Position = position ?? -1 },
            ("logit_difference", not null) => Difference(text, body, subject) with { Position = position ?? -1 },
            ("probability", not null) => new ProbabilityMetric([Answer(body, subject)]) { Position = position ?? -1 },
            ("log_probability", not null) => new ProbabilityMetric([Answer(body, subject)], Log: true) { Position = position ?? -1 },
            ("loss", null) when position is null => new LossMetric(),
            ("kl", null) => Divergence(subject, position ?? -1),
            (Height, null) when subject.Model is Policy policy && policy.ActionNames.Contains(Upwards) => Row(new ActionValueMetric(Upwards), position),
            ("speed", null) => Row(ActionMetric(MotionMetric.Speed, subject), position),
            (_, null) when subject.Model is Policy policy && policy.ActionNames.Contains(kind) => Row(new ActionValueMetric(kind), position),
            _ => throw Unknown(text, kind, subject),
        };
    }

    /// <summary>The id of an answer: a word of one token, the name of a class, or <c>#ID</c>.</summary>
    /// <exception cref="VitrineException">There is no such answer.</exception>
    public static int Answer(string name, Subject subject)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        ArgumentNullException.ThrowIfNull(subject);
        if (name[0] == '#' && int.TryParse(name.AsSpan(1), NumberStyles.None, CultureInfo.InvariantCulture, out var id))
        {
            return id;
        }

        var labels = subject.Model switch { TextModel text => text.Labels, VisionModel vision => vision.Labels, _ => null };
        if (labels is not null)
        {
            return Enumerable.Range(0, labels.Names.Count).FirstOrDefault(i => labels.Names[i] == name, -1) is >= 0 and var found
                ? found
                : throw new VitrineException($"metric: there is no class '{name}'; the nearest is '{Nearest.Of(name, labels.Names)}'.");
        }

        var tokenizer = subject.Model switch
        {
            TextModel text => text.Tokenizer,
            Policy policy => policy.Tokenizer,
            _ => throw new VitrineException($"metric: {subject.Model.Name} has neither words nor classes to name '{name}' by."),
        };
        return SingleToken(tokenizer, $" {name}") ?? SingleToken(tokenizer, name)
            ?? throw new VitrineException($"metric: '{name}' is no single token of this vocabulary; name one that is, or an id (#123).");
    }

    private static int? SingleToken(Tokenizer tokenizer, string text)
        => tokenizer.Encode(text, addSpecialTokens: false) is [var only] ? only : null;

    private static LogitDifferenceMetric Difference(string text, string body, Subject subject)
        => body.Split('/') is [{ Length: > 0 } one, { Length: > 0 } other]
            ? new LogitDifferenceMetric([Answer(one, subject)], [Answer(other, subject)])
            : throw new VitrineException($"metric '{text}': expected two answers, e.g. logit_difference:Paris/London.");

    private static DivergenceMetric Divergence(Subject subject, int position)
    {
        using var run = subject.Run();
        return DivergenceMetric.From(run, position);
    }

    private static Metric ActionMetric(MotionMetric metric, Subject subject)
        => subject.Model is Policy policy && metric.Dimensions.FirstOrDefault(d => !policy.ActionNames.Contains(d)) is null
            ? metric
            : throw new VitrineException($"metric 'speed': is the length of dx, dy, dz of an action; {subject.Model.Name} gives none.");

    private static Metric Row(Metric metric, int? row) => (metric, row) switch
    {
        (_, null) => metric,
        (ActionValueMetric value, { } first) => value with { First = first, Count = 1 },
        (MotionMetric motion, { } first) => motion with { First = first, Count = 1 },
        _ => metric,
    };

    private static VitrineException Unknown(string text, string kind, Subject subject)
    {
        string[] known = [.. Kinds, .. subject.Model is Policy policy ? policy.ActionNames : []];
        return known.Contains(kind)
            ? new VitrineException($"metric '{text}': expected {(Alone.Contains(kind) ? $"'{kind}' alone" : $"an answer, e.g. {kind}:Paris")}.")
            : new VitrineException($"metric '{text}': is unknown; known are {string.Join(", ", known)}; the nearest is '{Nearest.Of(kind, known)}'.");
    }

    private static (string, string?) Split(string text, char at)
        => text.IndexOf(at, StringComparison.Ordinal) is >= 0 and var i ? (text[..i], text[(i + 1)..]) : (text, null);

    private static (string, string?) SplitLast(string text, char at)
        => text.LastIndexOf(at) is > 0 and var i ? (text[..i], text[(i + 1)..]) : (text, null);
}
