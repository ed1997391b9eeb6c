using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using Vitrine.Checkpoints;
using Vitrine.Mechanisms.Geometry;
using Vitrine.Transformers.Edits;
using static TorchSharp.torch;

namespace Vitrine.Mechanisms.Probes;

/// <summary>How a probe was fitted.</summary>
public enum ProbeKind
{
    /// <summary>Logistic regression: binary, or by softmax over more classes.</summary>
    Logistic,

    /// <summary>Least squares on targets -1 and 1, with a penalty.</summary>
    RidgeClassifier,

    /// <summary>Linear discriminant analysis: class means in the metric of the covariance within classes.</summary>
    Discriminant,

    /// <summary>The difference of class means, or the nearest mean of several.</summary>
    MassMean,

    /// <summary>Least squares with a penalty.</summary>
    Ridge,

    /// <summary>Least squares.</summary>
    LeastSquares,
}

/// <summary>Mean and deviation of every coordinate, which a probe takes off and divides by.</summary>
/// <param name="Mean">[d].</param>
/// <param name="Scale">[d]: over n, not n - 1; 1 where a coordinate is constant.</param>
public sealed record Scaler(IReadOnlyList<double> Mean, IReadOnlyList<double> Scale)
{
    /// <summary>Measures examples.</summary>
    /// <param name="x">(n,d); stays the caller's.</param>
    /// <exception cref="VitrineException">There is none, or one is no number.</exception>
    public static Scaler Of(Tensor x)
    {
        using var scope = NewDisposeScope();
        var wide = Matrices.Wide(x, "scaler");
        var deviation = wide.std(0, unbiased: false);
        return new(wide.mean([0]).Row(), where(deviation > zeros_like(deviation), deviation, ones_like(deviation)).Row());
    }
}

/// <summary>A linear reading of activations: one number W x + b for each output. A value, saved as JSON and read again.</summary>
public sealed record LinearProbe
{
    private const string Format = "vitrine.probe/1";

    private static readonly JsonSerializerOptions Strict = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        AllowDuplicateProperties = false,
        RespectNullableAnnotations = true,
        RespectRequiredConstructorParameters = true,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        TypeInfoResolver = MechanismsJsonContext.Default,
    };

    private static JsonTypeInfo<ProbeForm> Contract => (JsonTypeInfo<ProbeForm>)Strict.GetTypeInfo(typeof(ProbeForm));

    /// <summary>How it was fitted.</summary>
    public required ProbeKind Kind { get; init; }

    /// <summary>Names of the classes, in the order of their numbers; of a probe of targets, their names.</summary>
    public required IReadOnlyList<string> Outputs { get; init; }

    /// <summary>[row][d]: one row for each output, or one for two classes, which is larger for the second.</summary>
    public required IReadOnlyList<IReadOnlyList<double>> Coefficients { get; init; }

    /// <summary>[row].</summary>
    public required IReadOnlyList<double> Intercepts { get; init; }

    /// <summary>The point that it reads, e.g. <c>language.5.resid_post</c>; null where nobody said.</summary>
    public string? Place { get; init; }

    /// <summary>The fingerprint of the model that it was fitted on; null where nobody said.</summary>
    public string? Fingerprint { get; init; }

    /// <summary>Width of what it reads.</summary>
    public int Width => Coefficients[0].Count;

    /// <summary>Whether it tells classes apart; else it predicts numbers.</summary>
    public bool IsClassifier => Kind is not (ProbeKind.Ridge or ProbeKind.LeastSquares);

    /// <summary>W x + b.</summary>
    /// <param name="x">(n,d); stays the caller's.</param>
    /// <returns>[example][row].</returns>
    /// <exception cref="VitrineException">The examples are of another width, or no numbers.</exception>
    public double[][] Decide(Tensor x)
    {
        using var scope = NewDisposeScope();
        var wide = Matrices.Wide(x, "probe", least: 0);
        return wide.shape[1] == Width
            ? (wide.matmul(Matrices.Of(Coefficients).t()) + tensor(Intercepts.ToArray())).Rows()
            : throw new VitrineException($"probe: reads activations of width {Width}{(Place is null ? "" : $" at {Place}")}; these are {wide.shape[1]} wide.");
    }

    /// <summary>The class of each example: the row that is largest, or of one row whether it lies above zero.</summary>
    /// <exception cref="VitrineException">It is no classifier, or the examples do not fit.</exception>
    public int[] Classify(Tensor x)
    {
        RequireClasses("classify");
        return [.. Decide(x).Select(ClassOf)];
    }

    /// <summary>Chance of each class, as a logistic probe says it.</summary>
    /// <returns>[example][class].</returns>
    /// <exception cref="VitrineException">It is no logistic probe, or the examples do not fit.</exception>
    public double[][] Probabilities(Tensor x)
        => Kind == ProbeKind.Logistic
            ? [.. Decide(x).Select(ProbabilitiesOf)]
            : throw new VitrineException($"probe: is fitted by {Kind}, which says no chances; a logistic one does.");

    /// <summary>What the probe reads along: a row of its coefficients, of length 1.</summary>
    /// <param name="output">Which row; 0 of two classes points from the first to the second.</param>
    /// <exception cref="VitrineException">There is no such row, or it is zero.</exception>
    public double[] Direction(int output = 0)
    {
        var row = output >= 0 && output < Coefficients.Count
            ? Coefficients[output]
            : throw new VitrineException($"probe: has no direction {output}; there are {Coefficients.Count}, counted from 0.");
        var length = Math.Sqrt(row.Sum(w => w * w));
        return length > 0
            ? [.. row.Select(w => w / length)]
            : throw new VitrineException($"probe: direction {output} is zero: the labels depend on nothing there.");
    }

    /// <summary>How far examples spread along the probe's direction: the deviation, a natural strength of <see cref="Added"/>.</summary>
    /// <param name="x">(n,d); stays the caller's.</param>
    /// <param name="output">Which row.</param>
    /// <exception cref="VitrineException">The examples do not fit, or there is no such direction.</exception>
    public double DeviationAlong(Tensor x, int output = 0)
    {
        double[] along = [.. (this with { Coefficients = [Direction(output)], Intercepts = [0] }).Decide(x).Select(d => d[0])];
        var mean = along.Average();
        return Math.Sqrt(along.Average(a => (a - mean) * (a - mean)));
    }

    /// <summary>An edit that adds the probe's direction.</summary>
    /// <param name="strength">How much of the unit vector.</param>
    /// <param name="output">Which row.</param>
    /// <param name="place">Where; <see cref="Place"/> when null.</param>
    /// <exception cref="VitrineException">Nobody said where, or there is no such direction.</exception>
    public Add Added(double strength, int output = 0, string? place = null)
        => new(RequiredPlace(place), EditValue.Of([.. Direction(output).Select(w => (float)w)]), strength);

    /// <summary>An edit that takes all that the probe reads along out of the activations.</summary>
    /// <param name="place">Where; <see cref="Place"/> when null.</param>
    /// <remarks>Rows of a softmax sum to zero, so that one of them says nothing new: the span has a dimension less.</remarks>
    /// <exception cref="VitrineException">Nobody said where, or a row is zero.</exception>
    public Project Erased(string? place = null)
    {
        var isSoftmax = Coefficients.Count > 1 && IsClassifier;
        double[][] all = [.. Enumerable.Range(0, Coefficients.Count - (isSoftmax ? 1 : 0)).Select(row => isSoftmax ? Less(row) : Direction(row))];
        return new(RequiredPlace(place), new EditValue([all.Length, Width], [.. all.SelectMany(r => r).Select(w => (float)w)])) { Out = true };

        double[] Less(int row) => (this with { Coefficients = [[.. Coefficients[row].Zip(Coefficients[^1], (a, b) => a - b)]] }).Direction();
    }

    /// <summary>As JSON.</summary>
    public string ToJson() => JsonSerializer.Serialize(
        new ProbeForm(Format, Kind, Outputs, Coefficients, Intercepts) { Place = Place, Fingerprint = Fingerprint }, Contract);

    /// <summary>Writes <see cref="ToJson"/> to a file.</summary>
    /// <exception cref="VitrineException">It cannot be written.</exception>
    public void Save(string path) => AtomicFile.WriteAllText(path, ToJson());

    /// <summary>Reads a file that <see cref="Save"/> wrote.</summary>
    /// <exception cref="VitrineException">It cannot be read, or is no probe.</exception>
    public static LinearProbe Open(string path)
    {
        try
        {
            return FromJson(File.ReadAllText(path), path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new VitrineException($"{path}: cannot be read ({e.Message}).", e);
        }
    }

    /// <summary>Reads what <see cref="ToJson"/> wrote.</summary>
    /// <param name="json">The text.</param>
    /// <param name="source">What to call it in errors.</param>
    /// <exception cref="VitrineException">It is no probe.</exception>
    public static LinearProbe FromJson(string json, string source = "probe")
    {
        try
        {
            var form = JsonSerializer.Deserialize(json, Contract) ?? throw new VitrineException($"{source}: is null; expected a probe.");
            if (form.Format != Format)
            {
                throw new VitrineException($"{source}: its format is '{form.Format}'; expected '{Format}'.");
            }

            var probe = new LinearProbe
            {
                Kind = form.Kind,
                Outputs = form.Outputs,
                Coefficients = form.Coefficients,
                Intercepts = form.Intercepts,
                Place = form.Place,
                Fingerprint = form.Fingerprint,
            };
            var rows = probe.IsClassifier && probe.Outputs.Count == 2 ? 1 : probe.Outputs.Count;
            return rows > 0 && form.Coefficients.Count == rows && form.Intercepts.Count == rows && form.Coefficients[0].Count > 0
                && form.Coefficients.All(r => r is not null && r.Count == probe.Width)
                ? probe
                : throw new VitrineException(
                    $"{source}: {form.Coefficients.Count} rows and {form.Intercepts.Count} intercepts for {form.Outputs.Count} outputs; "
                    + $"expected {rows} of one width.");
        }
        catch (JsonException e)
        {
            throw new VitrineException($"{source}: is no probe ({e.Message}).", e);
        }
    }

    /// <summary>The class that a decision names.</summary>
    internal static int ClassOf(IReadOnlyList<double> decision)
        => decision.Count == 1 ? decision[0] > 0 ? 1 : 0 : Enumerable.Range(0, decision.Count).MaxBy(i => decision[i]);

    /// <summary>Chances that a logistic decision stands for.</summary>
    internal static double[] ProbabilitiesOf(IReadOnlyList<double> decision)
    {
        double[] logits = decision.Count == 1 ? [0, decision[0]] : [.. decision];
        double[] exponentials = [.. logits.Select(z => Math.Exp(z - logits.Max()))];
        return [.. exponentials.Select(e => e / exponentials.Sum())];
    }

    private void RequireClasses(string what)
    {
        if (!IsClassifier)
        {
            throw new VitrineException($"{what}: the probe predicts numbers ({Kind}); expected one of classes.");
        }
    }

    private string RequiredPlace(string? place)
        => place ?? Place ?? throw new VitrineException("probe: nobody said which point it reads; name the place, e.g. language.5.resid_post.");
}

/// <summary>How a probe is spelled in JSON.</summary>
internal sealed record ProbeForm(
    string Format, [property: JsonConverter(typeof(JsonStringEnumConverter<ProbeKind>))] ProbeKind Kind, IReadOnlyList<string> Outputs,
    IReadOnlyList<IReadOnlyList<double>> Coefficients, IReadOnlyList<double> Intercepts)
{
    public string? Place { get; init; }

    public string? Fingerprint { get; init; }
}
