using System.Text.Json;
using System.Text.Json.Serialization;
using Vitrine.Transformers;
using static TorchSharp.torch;

namespace Vitrine.Mechanisms.Metrics;

/// <summary>A number read off a run, row by row: named, saved as JSON, and differentiable.</summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "metric")]
[JsonDerivedType(typeof(LogitMetric), "logit")]
[JsonDerivedType(typeof(LogitDifferenceMetric), "logit_difference")]
[JsonDerivedType(typeof(ProbabilityMetric), "probability")]
[JsonDerivedType(typeof(LossMetric), "loss")]
[JsonDerivedType(typeof(ActionValueMetric), "action_value")]
[JsonDerivedType(typeof(MotionMetric), "motion")]
[JsonDerivedType(typeof(DivergenceMetric), "divergence")]
public abstract record Metric
{
    /// <summary>For tables, with its unit where it has one.</summary>
    [JsonIgnore]
    public abstract string Name { get; }

    /// <summary>The one place of an answer that it reads, as its <c>Position</c> says; null where it reads more.</summary>
    [JsonIgnore]
    internal virtual int? Reads => null;

    /// <summary>The metric of each row.</summary>
    /// <param name="run">Derivatives pass where its plan asks for gradients.</param>
    /// <returns>(B), owned by the caller's dispose scope.</returns>
    /// <exception cref="VitrineException">The run has no such number; what it has is named.</exception>
    public abstract Tensor Of(SubjectRun run);

    /// <summary>The metric of each row, as numbers.</summary>
    /// <exception cref="NonFiniteException">It is no number in a row.</exception>
    public IReadOnlyList<double> Values(SubjectRun run)
    {
        ArgumentNullException.ThrowIfNull(run);
        using var scope = NewDisposeScope();
        using var mode = no_grad();
        var values = Of(run).detach().to(float64).cpu().data<double>().ToArray();
        return !run.Subject.Model.AllowsNonFinite && Array.FindIndex(values, v => !double.IsFinite(v)) is >= 0 and var row
            ? throw new NonFiniteException(
                $"metric '{Name}': is {(double.IsNaN(values[row]) ? "NaN" : "infinite")} in row {row}; expected a finite number.", row: row)
            : values;
    }

    /// <summary>As JSON.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, MetricJsonContext.Default.Metric);

    /// <summary>Reads what <see cref="ToJson"/> wrote.</summary>
    /// <param name="json">The text.</param>
    /// <param name="source">What to call it in errors, e.g. the file's name.</param>
    /// <exception cref="VitrineException">It is no metric.</exception>
    public static Metric FromJson(string json, string source = "metric")
    {
        try
        {
            return JsonSerializer.Deserialize(json, MetricJsonContext.Default.Metric) ?? throw new VitrineException($"{source}: is null; expected a metric.");
        }
        catch (Exception e) when (e is JsonException or NotSupportedException)
        {
            throw new VitrineException($"{source}: is no metric ({e.Message})", e);
        }
    }

    /// <summary>Column of a text's position in the scores of each row.</summary>
    /// <param name="run">Whose.</param>
    /// <param name="scores">(B,P,N).</param>
    /// <param name="position">In the row's own text or action; negative from its end.</param>
    internal static long[] Columns(SubjectRun run, Tensor scores, int position)
    {
        var places = (int)scores.shape[1];
        return [.. Enumerable.Range(0, run.Subject.Rows).Select(Column)];

        long Column(int row)
        {
            int[] own = run.Ids.Count == 0 || places == 1
                ? [.. Enumerable.Range(0, places)]
                : [.. run.Ids[row].Index().Where(t => t.Item >= 0).Select(t => t.Index - run.FirstColumn)];
            var at = position < 0 ? own.Length + position : position;
            return at >= 0 && at < own.Length && own[at] >= 0 && own[at] < places
                ? own[at]
                : throw new VitrineException($"metric: position {position} of row {row}; it has {own.Length} positions, of which {places} were computed.");
        }
    }

    /// <summary>Scores at a position of each row (B,N), in float32 or wider.</summary>
    internal static Tensor ScoresAt(SubjectRun run, int position)
    {
        if (run.ReadOf is { } read)
        {
            return Transformers.Engine.Precision.Widened(run.Subject.Stack.Spoken(read()));
        }

        var scores = run.Scores();
        var rows = tensor(Enumerable.Range(0, run.Subject.Rows).Select(r => (long)r).ToArray(), device: scores.device);
        var columns = tensor(Columns(run, scores, position), device: scores.device);
        return Transformers.Engine.Precision.Widened(scores.index(TensorIndex.Tensor(rows), TensorIndex.Tensor(columns)));
    }

    /// <summary>The scores of one choice of each row at a position (B); where the run can, only rows of the unembedding that are asked for are read.</summary>
    internal static Tensor ScoreOf(SubjectRun run, int position, IReadOnlyList<int> choices)
    {
        if (run.ReadOf is not { } read)
        {
            return Chosen(run, ScoresAt(run, position), choices);
        }

        var ids = Ids(run, choices);
        RequireAnswers(ids, run.Subject.Stack.HeadAsRun()!.Outputs);
        int[] asked = [.. ids.Distinct()];
        var scores = Transformers.Engine.Precision.Widened(run.Subject.Stack.Spoken(read(), asked));
        var places = tensor(ids.Select(id => (long)Array.IndexOf(asked, id)).ToArray(), device: scores.device);
        return scores.gather(1, places.unsqueeze(1)).squeeze(1);
    }

    /// <summary>One choice of each row (B).</summary>
    internal static Tensor Chosen(SubjectRun run, Tensor scores, IReadOnlyList<int> choices)
    {
        var ids = Ids(run, choices);
        RequireAnswers(ids, scores.shape[1]);
        return scores.gather(1, tensor(ids.Select(i => (long)i).ToArray(), device: scores.device).unsqueeze(1)).squeeze(1);
    }

    /// <exception cref="VitrineException">One is no answer of the model.</exception>
    private static void RequireAnswers(IEnumerable<int> ids, long count)
    {
        foreach (var id in ids)
        {
            if (id < 0 || id >= count)
            {
                throw new VitrineException($"metric: there is no answer {id}; the model has {count}, counted from 0.");
            }
        }
    }

    private static int[] Ids(SubjectRun run, IReadOnlyList<int> choices)
        => [.. run.Subject.Origins.Select(origin => choices.Count == 1 ? choices[0]
            : origin < choices.Count ? choices[origin]
            : throw new VitrineException($"metric: names {choices.Count} answers; row {origin} has none. Give one for all rows, or one a row."))];
}
