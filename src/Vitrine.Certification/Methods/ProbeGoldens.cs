using System.Globalization;
using System.Text.RegularExpressions;
using Vitrine.Mechanisms.Geometry;
using Vitrine.Mechanisms.Probes;
using static TorchSharp.torch;

namespace Vitrine.Certification.Methods;

/// <summary>Linear probes, k-means and principal components (scikit-learn): fitted on the rows of <c>in.train</c>, scored on the others.</summary>
/// <remarks>Settings stand in meta.json's calls; how many components and scores there are, in the goldens' shapes.</remarks>
internal sealed partial class ProbeGoldens : INumberGoldens, IDisposable
{
    private static readonly string[] Two = ["0", "1"];

    private readonly Fixture fixture;
    private readonly Tensor x, train, test, target, testTarget;
    private readonly int[] y2, testY2, y3, testY3;
    private readonly string[] classes;
    private readonly Dictionary<string, LinearProbe> probes = [];
    private readonly Dictionary<string, Clusters> clusters = [];

    public ProbeGoldens(Fixture fixture)
    {
        this.fixture = fixture;
        var chosen = fixture.Integers("in.train");
        long[] inside = [.. chosen.Index().Where(c => c.Item != 0).Select(c => (long)c.Index)];
        long[] outside = [.. chosen.Index().Where(c => c.Item == 0).Select(c => (long)c.Index)];
        x = fixture.Read("in.x");
        using var targets = fixture.Read("in.target");
        (train, test) = (x.index_select(0, tensor(inside)), x.index_select(0, tensor(outside)));
        (target, testTarget) = (targets.index_select(0, tensor(inside)), targets.index_select(0, tensor(outside)));
        var (two, three) = (fixture.Integers("in.y2"), fixture.Integers("in.y3"));
        (y2, testY2) = ([.. inside.Select(i => (int)two[i])], [.. outside.Select(i => (int)two[i])]);
        (y3, testY3) = ([.. inside.Select(i => (int)three[i])], [.. outside.Select(i => (int)three[i])]);
        classes = [.. Enumerable.Range(0, (int)three.Max() + 1).Select(k => k.ToString(CultureInfo.InvariantCulture))];
    }

    /// <inheritdoc/>
    public bool IsEntryByEntry => false;

    /// <inheritdoc/>
    public bool IsInput(string key) => key is "in.x" or "in.train" or "in.y2" or "in.y3" or "in.target";

    /// <inheritdoc/>
    public double[]? Of(string key)
    {
        var dot = key.LastIndexOf('.');
        var (name, what) = dot < 0 ? (key, "") : (key[..dot], key[(dot + 1)..]);
        return name switch
        {
            "scaler" => Scaler.Of(train) is var scaler && what == "mean" ? [.. scaler.Mean] : what == "scale" ? [.. scaler.Scale] : null,
            "kmeans" => what == "silhouette" ? [Clusters.Silhouette(x, Clustered("converged").Assignments)] : null,
            "kmeans.one" or "kmeans.converged" => OfClusters(Clustered(name["kmeans.".Length..]), what),
            "pca.plain" or "pca.whiten" => OfComponents(PrincipalComponents.Of(x, (int)fixture.Shape($"{name}.components")[0]), name == "pca.whiten", what),
            "multinomial" => OfClasses(Probe(name, y3, classes), what, testY3, classes.Length),
            "mean_difference" or "lda" or "ridge_classifier" => OfClasses(Probe(name, y2, Two), what, testY2, 2),
            _ when name.StartsWith("logistic.", StringComparison.Ordinal) => Recipe(name) is not { } recipe ? null
                : recipe.Scaled && (what is "coef" or "intercept") ? OfScaled(Probe(name, y2, Two), what)
                : OfClasses(Probe(name, y2, Two), what, testY2, 2),
            _ when name == "ols" || name.StartsWith("ridge.", StringComparison.Ordinal) => Recipe(name) is null ? null : OfTargets(Targets(name), what),
            _ => null,
        };
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var tensor in new[] { x, train, test, target, testTarget })
        {
            tensor.Dispose();
        }
    }

    private static double[]? OfClusters(Clusters found, string what) => what switch
    {
        "centres" => [.. found.Centres.SelectMany(c => c)],
        "inertia" => [found.Inertia],
        "iterations" => [found.Rounds],
        "labels" => [.. found.Assignments.Select(a => (double)a)],
        _ => null,
    };

    private double[]? OfComponents(PrincipalComponents found, bool whitened, string what) => what switch
    {
        "components" => [.. found.Components.SelectMany(c => c)],
        "explained_variance" => [.. found.Variances],
        "ratio" => [.. found.Shares],
        "singular_values" => [.. found.SingularValues],
        "mean" => [.. found.Mean],
        "scores" => [.. found.Scores(x, whitened).Take((int)fixture.Shape($"pca.{(whitened ? "whiten" : "plain")}.scores")[0]).SelectMany(s => s)],
        _ => null,
    };

    /// <summary>Coefficients of what was scaled: w x + b = (w scale) (x - mean) / scale + (b + w mean).</summary>
    private double[] OfScaled(LinearProbe probe, string what)
    {
        var (scaler, w) = (Scaler.Of(train), probe.Coefficients[0]);
        return what == "coef" ? [.. w.Zip(scaler.Scale, (c, s) => c * s)] : [probe.Intercepts[0] + w.Zip(scaler.Mean, (c, m) => c * m).Sum()];
    }

    private double[]? OfClasses(LinearProbe probe, string what, int[] labels, int count)
    {
        var decisions = probe.Decide(test);
        return what switch
        {
            "coef" => [.. probe.Coefficients.SelectMany(r => r)],
            "direction" => [.. probe.Coefficients[0]],
            "intercept" => [.. probe.Intercepts],
            "decision" => [.. decisions.SelectMany(d => d)],
            "probability" => [.. probe.Probabilities(test).SelectMany(p => count == 2 ? p[1..] : p)],
            "accuracy" => [ProbeScores.Accuracy(decisions, labels).Rate!.Value],
            "auroc" => [ProbeScores.Auroc(decisions, labels, count)],
            "auroc_ovr_macro" => [ProbeScores.Auroc(probe.Probabilities(test), labels, count)],
            "log_loss" => [ProbeScores.LogLoss(probe.Probabilities(test), labels)],
            "f1_macro" => [ProbeScores.MacroF1(decisions, labels, count)],
            "confusion" => [.. ProbeScores.Confusion(decisions, labels, count).SelectMany(r => r).Select(c => (double)c)],
            _ => null,
        };
    }

    private double[]? OfTargets(LinearProbe probe, string what)
    {
        var predictions = probe.Decide(test);
        return what switch
        {
            "coef" => [.. probe.Coefficients.SelectMany(r => r)],
            "intercept" => [.. probe.Intercepts],
            "prediction" => [.. predictions.SelectMany(p => p)],
            "r2" => [ProbeScores.R2(predictions, [.. testTarget.to(float64).data<double>().ToArray().Chunk((int)testTarget.shape[1])])],
            _ => null,
        };
    }

    private LinearProbe Probe(string name, int[] labels, string[] names)
        => probes.TryGetValue(name, out var made) ? made : probes[name] = Recipe(name)!.Fit(train, labels, names);

    private LinearProbe Targets(string name) => probes.TryGetValue(name, out var made)
        ? made
        : probes[name] = Recipe(name)!.FitNumbers(train, target, [.. Enumerable.Range(0, (int)target.shape[1]).Select(k => $"{k}")]);

    /// <summary>The settings of a probe of the fixture; null where the name is not known.</summary>
    private ProbeRecipe? Recipe(string name) => name switch
    {
        "logistic.C1" => new(),
        "logistic.C01" => new() { C = Called("logistic.*", @"C01: (\d*\.?\d+)") },
        "logistic.no_intercept" => new() { Intercept = false },
        "logistic.balanced" => new() { Balanced = true },
        "logistic.scaled_C1" => new() { Scaled = true },
        "multinomial" => new() { C = Called("multinomial.*", @"C=(\d*\.?\d+)") },
        "mean_difference" => new() { Kind = ProbeKind.MassMean },
        "lda" => new() { Kind = ProbeKind.Discriminant },
        "ridge_classifier" => new() { Kind = ProbeKind.RidgeClassifier, Alpha = Called("ridge_classifier", @"alpha=(\d*\.?\d+)") },
        "ols" => new() { Kind = ProbeKind.LeastSquares },
        "ridge.no_intercept" => new() { Kind = ProbeKind.Ridge, Intercept = false },
        _ when Alpha().Match(name) is { Success: true } alpha => new()
        {
            Kind = ProbeKind.Ridge,
            Alpha = double.Parse(alpha.Groups[1].Value, CultureInfo.InvariantCulture),
        },
        _ => null,
    };

    private Clusters Clustered(string name)
    {
        if (!clusters.TryGetValue(name, out var made))
        {
            var call = Call("kmeans.*");
            var init = First().Match(call) is { Success: true } match
                ? match.Groups[1].Value.Split(',').Select(i => long.Parse(i, CultureInfo.InvariantCulture)).ToArray()
                : throw new VitrineException($"{fixture.Folder}: meta.json's call '{call}' does not say where k-means starts; expected init=in.x[[...]].");
            using var scope = NewDisposeScope();
            clusters[name] = made = Clusters.From(x, x.index_select(0, tensor(init)), name == "one" ? 1 : (int)Called("kmeans.*", @"max_iter=\d+ \| (\d+)"));
        }

        return made;
    }

    private string Call(string name) => fixture.Meta.GetProperty("calls").GetProperty(name).GetString()!;

    private double Called(string name, string pattern) => Regex.Match(Call(name), pattern) is { Success: true } match
        ? double.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture)
        : throw new VitrineException($"{fixture.Folder}: meta.json's call '{Call(name)}' does not say its settings; expected {pattern}.");

    [GeneratedRegex(@"^ridge\.alpha(\d*\.?\d+)$")]
    private static partial Regex Alpha();

    [GeneratedRegex(@"init=in\.x\[\[([\d, ]+)\]\]")]
    private static partial Regex First();
}
