using Vitrine.Checkpoints;
using Vitrine.Mechanisms.InputAttribution;
using Vitrine.Mechanisms.Metrics;
using Vitrine.Policies;
using Vitrine.Tests.Cli;
using Vitrine.Worlds.Tabletop;
using static TorchSharp.torch;

namespace Vitrine.Tests.Mechanisms.InputAttribution;

/// <summary>The sanity check of Adebayo et al. 2018: what is said of a trained model must not be said of the same model with shuffled weights.</summary>
public sealed class RandomisedWeightsTests
{
    private static readonly string[] Methods =
        ["saliency", "input-x-gradient", "integrated-gradients", "deeplift", "lrp", "grad-cam", "ablation", "rollout"];

    [Fact]
    public void Scores_of_shuffled_weights_are_others()
    {
        using var folder = new TemporaryFolder();
        var trained = Policy.Catalog.Locate("embedded:tabletop").Folder;
        Shuffle(trained, folder["shuffled"]);
        Observation[] observations = [.. TabletopStates.ForCalibration(3, 1)];
        var (before, after) = (Scores(trained, observations), Scores(folder["shuffled"], observations));
        var alike = Methods.ToDictionary(
            m => m, m => Enumerable.Range(0, observations.Length).Average(i => RankCorrelation(before[i][m], after[i][m])));
        TestContext.Current.SendDiagnosticMessage(string.Join("; ", alike.Select(a => FormattableString.Invariant($"{a.Key} {a.Value:0.00}"))));
        foreach (var method in (string[])["integrated-gradients", "ablation", "deeplift", "lrp", "input-x-gradient"])
        {
            Math.Abs(alike[method]).ShouldBeLessThan(.5, method);
        }
    }

    private static Dictionary<string, IReadOnlyList<double>>[] Scores(string folder, IReadOnlyList<Observation> observations)
    {
        using var policy = Policy.Open(folder);
        return [.. observations.Select(seen =>
        {
            var options = new InputAttributionOptions { Methods = Methods, RandomOrders = 1, RandomSets = 1, Steps = 16 };
            var found = new InputAttributionReader(Subject.Of(policy, [seen]), MotionMetric.Speed, options).Read();
            return found.Methods.ToDictionary(m => m.Method, m => m.Scores);
        })];
    }

    /// <summary>Every matrix of the language model's blocks, its numbers in another order.</summary>
    private static void Shuffle(string from, string to)
    {
        Directory.CreateDirectory(to);
        foreach (var file in Directory.GetFiles(from).Where(f => !f.EndsWith(".safetensors", StringComparison.Ordinal)))
        {
            File.Copy(file, Path.Combine(to, Path.GetFileName(file)));
        }

        using var scope = NewDisposeScope();
        using var generator = new Generator(1);
        using var weights = SafetensorsFile.Open(Path.Combine(from, "model.safetensors"));
        SafetensorsFile.Save(Path.Combine(to, "model.safetensors"), weights.Tensors.Keys.ToDictionary(name => name, name =>
        {
            var tensor = weights.Read(name);
            return tensor.dim() == 2 && name.Contains("layers.", StringComparison.Ordinal)
                ? tensor.flatten().index_select(0, randperm(tensor.numel(), generator: generator)).reshape(tensor.shape)
                : tensor;
        }));
    }

    private static double RankCorrelation(IReadOnlyList<double> a, IReadOnlyList<double> b)
    {
        var (x, y) = (Ranks(a), Ranks(b));
        var (mx, my) = (x.Average(), y.Average());
        return x.Zip(y, (p, q) => (p - mx) * (q - my)).Sum() / Math.Sqrt(x.Sum(p => (p - mx) * (p - mx)) * y.Sum(q => (q - my) * (q - my)));
    }

    private static double[] Ranks(IReadOnlyList<double> values)
    {
        var ranks = new double[values.Count];
        foreach (var (rank, (index, _)) in values.Index().OrderBy(v => v.Item).Index())
        {
            ranks[index] = rank;
        }

        return ranks;
    }
}
