using Vitrine.Mechanisms.Probes;
using Vitrine.Transformers;
using static TorchSharp.torch;

namespace Vitrine.Tests.Mechanisms.Probes;

/// <summary>Closed forms of probes; their goldens are held by NumbersCertificationTests.</summary>
public sealed class LinearProbeTests : IDisposable
{
    private static readonly string[] Two = ["no", "yes"], Three = ["a", "b", "c"];

    private readonly IDisposable scope = NewDisposeScope();

    [Theory]
    [InlineData(ProbeKind.Logistic)]
    [InlineData(ProbeKind.RidgeClassifier)]
    [InlineData(ProbeKind.Discriminant)]
    [InlineData(ProbeKind.MassMean)]
    public void A_probe_of_a_hand_made_set_finds_the_direction(ProbeKind kind)
    {
        var (x, labels, direction) = Separable(200, 12, seed: 1);
        var probe = new ProbeRecipe { Kind = kind }.Fit(x, labels, Two);
        probe.Classify(x).ShouldBe(labels);
        probe.Direction().Zip(direction, (a, b) => a * b).Sum().ShouldBeGreaterThan(.97);
    }

    [Fact]
    public void A_logistic_probe_is_where_its_gradient_is_zero()
    {
        var (x, labels, _) = Separable(60, 5, seed: 2);
        var probe = new ProbeRecipe { C = .7 }.Fit(x, labels, Two);
        var residual = tensor(probe.Probabilities(x).Select((p, i) => p[1] - labels[i]).ToArray());
        residual.sum().item<double>().ShouldBe(0, 1e-8);                                                   // the intercept is not penalised
        var gradient = (residual.unsqueeze(0).matmul(x) * .7).squeeze(0) + tensor(probe.Coefficients[0].ToArray());
        gradient.abs().max().item<double>().ShouldBe(0, 1e-7);
    }

    [Fact]
    public void Rotating_the_examples_rotates_the_probe_and_changes_no_decision()
    {
        var (x, labels, _) = Separable(80, 6, seed: 3);
        using var generator = new Generator(5, CPU);
        var rotation = linalg.qr(randn([6, 6], float64, generator: generator)).Q;
        var (plain, turned) = (new ProbeRecipe().Fit(x, labels, Two), new ProbeRecipe().Fit(x.matmul(rotation), labels, Two));
        turned.Decide(x.matmul(rotation)).Zip(plain.Decide(x)).ShouldAllBe(d => Math.Abs(d.First[0] - d.Second[0]) < 1e-6);
    }

    [Fact]
    public void More_coordinates_than_examples_are_fitted_exactly()
    {
        using var generator = new Generator(6, CPU);
        var x = randn([20, 300], float64, generator: generator);
        var y = randn([20, 2], float64, generator: generator);
        var ridge = new ProbeRecipe { Kind = ProbeKind.Ridge, Alpha = 2 }.FitNumbers(x, y, ["p", "q"]);
        var centred = x - x.mean([0]);
        var kernel = centred.matmul(centred.t()) + (eye(20, dtype: float64) * 2);
        var dual = centred.t().matmul(linalg.solve(kernel, y - y.mean([0]))).t();
        tensor(ridge.Coefficients.SelectMany(c => c).ToArray(), [2, 300]).sub(dual).abs().max().item<double>().ShouldBe(0, 1e-10);
        new ProbeRecipe { Kind = ProbeKind.LeastSquares }.FitNumbers(x, y, ["p", "q"]).Decide(x).SelectMany(d => d)
            .Zip(y.data<double>().ToArray()).ShouldAllBe(p => Math.Abs(p.First - p.Second) < 1e-8);
    }

    [Fact]
    public void A_stronger_penalty_shortens_the_probe_and_scaling_forgets_units()
    {
        var (x, labels, _) = Separable(60, 5, seed: 4);
        double Length(ProbeRecipe recipe, Tensor of) => recipe.Fit(of, labels, Two).Coefficients[0].Sum(w => w * w);
        Length(new() { C = .01 }, x).ShouldBeLessThan(Length(new() { C = 1 }, x));
        var stretched = x * tensor(new double[] { 1, 1000, 1, .001, 1 });
        var scaled = new ProbeRecipe { Scaled = true };
        scaled.Fit(stretched, labels, Two).Decide(stretched)
            .Zip(scaled.Fit(x, labels, Two).Decide(x)).ShouldAllBe(d => Math.Abs(d.First[0] - d.Second[0]) < 1e-6);
    }

    [Fact]
    public void A_saved_probe_is_the_same_probe()
    {
        var (x, labels, _) = Separable(60, 5, seed: 4);
        int[] three = [.. labels.Select((l, i) => i % 5 == 0 ? 2 : l)];
        var probe = new ProbeRecipe().Fit(x, three, Three) with { Place = "language.1.resid_post", Fingerprint = "abc" };
        var path = Path.GetTempFileName();
        try
        {
            probe.Save(path);
            var read = LinearProbe.Open(path);
            read.ToJson().ShouldBe(probe.ToJson());
            read.Decide(x).SelectMany(d => d).ShouldBe(probe.Decide(x).SelectMany(d => d));
            (read.Place, read.Fingerprint, read.Kind).ShouldBe((probe.Place, probe.Fingerprint, probe.Kind));
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Fact]
    public void An_edit_of_the_probe_moves_what_it_reads_and_erasing_makes_it_blind()
    {
        using var model = TextModel.Open(Fixtures.Of("models", "llama"));
        var place = $"{model.Language.Shape.Name}.0.resid_post";
        using var generator = new Generator(9, CPU);
        var width = model.Language.Shape.Width;
        int[] labels = [.. Enumerable.Range(0, 30).Select(i => i % 3)];
        var probe = new ProbeRecipe().Fit(randn([30, width], float64, generator: generator), labels, Three) with { Place = place };
        double[][] Read(RunPlan plan)
        {
            using var run = model.Run("the red block", plan.Then(RunPlan.Capturing(place)));
            return probe.Decide(run[place][0]);
        }

        var (plain, added, erased) = (Read(RunPlan.Empty), Read(RunPlan.Editing(probe.Added(4, output: 1))), Read(RunPlan.Editing(probe.Erased())));
        var length = Math.Sqrt(probe.Coefficients[1].Sum(w => w * w));
        added.Zip(plain).ShouldAllBe(d => Math.Abs(d.First[1] - d.Second[1] - (4 * length)) < 1e-3);
        var first = erased[0];
        erased.ShouldAllBe(d => Math.Abs(d[0] - d[1] - (first[0] - first[1])) < 1e-3 && Math.Abs(d[1] - d[2] - (first[1] - first[2])) < 1e-3);
        plain.Select(d => d[0] - d[1]).Max().ShouldBeGreaterThan(plain.Select(d => d[0] - d[1]).Min() + 1e-2);
    }

    public static TheoryData<string, Action> Refusals()
    {
        var x = ones(4, 2);
        return new()
        {
            { "probe: 3 labels of 2 classes for 4 examples", () => new ProbeRecipe().Fit(rand(4, 2), [0, 1, 0], Two) },
            { "probe: label 2 (from 0) is 5; expected 0 to 1.", () => new ProbeRecipe().Fit(rand(4, 2), [0, 1, 5, 0], Two) },
            { "probe: class 'yes' has no example to fit on.", () => new ProbeRecipe().Fit(rand(4, 2), [0, 0, 0, 0], Two) },
            { "probe: C is -1", () => new ProbeRecipe { C = -1 }.Fit(rand(4, 2), [0, 1, 0, 1], Two) },
            { "probe: Ridge predicts numbers", () => new ProbeRecipe { Kind = ProbeKind.Ridge }.Fit(rand(4, 2), [0, 1, 0, 1], Two) },
            { "probe: Logistic tells classes apart", () => new ProbeRecipe().FitNumbers(rand(4, 2), rand(4, 1), ["y"]) },
            { "probe: targets are [4, 1]; expected [4, 2].", () => new ProbeRecipe { Kind = ProbeKind.Ridge }.FitNumbers(rand(4, 2), rand(4, 1), ["y", "z"]) },
            { "probe: the examples are [4]", () => new ProbeRecipe().Fit(rand(4), [0, 1, 0, 1], Two) },
            { "probe: reads activations of width 2", () => new ProbeRecipe().Fit(rand(4, 2), [0, 1, 0, 1], Two).Decide(rand(4, 3)) },
            { "probe: has no direction 1", () => new ProbeRecipe().Fit(rand(4, 2), [0, 1, 0, 1], Two).Direction(1) },
            { "probe: nobody said which point it reads", () => new ProbeRecipe().Fit(rand(4, 2), [0, 1, 0, 1], Two).Erased() },
            {
                "probe: is fitted by MassMean, which says no chances",
                () => new ProbeRecipe { Kind = ProbeKind.MassMean }.Fit(rand(4, 2), [0, 1, 0, 1], Two).Probabilities(x)
            },
            { "nowhere.json: cannot be read", () => LinearProbe.Open("nowhere.json") },
            { "probe: is no probe", () => LinearProbe.FromJson("{}") },
            { "probe: its format is 'other/1'", () => LinearProbe.FromJson(Spelled("other/1", "[[1]]")) },
            { "probe: 2 rows and 1 intercepts for 2 outputs", () => LinearProbe.FromJson(Spelled("vitrine.probe/1", "[[1],[2]]")) },
        };
    }

    [Theory, MemberData(nameof(Refusals), DisableDiscoveryEnumeration = true)]
    public void Bad_input_is_refused_in_one_line(string begins, Action act)
    {
        var message = Should.Throw<VitrineException>(act).Message;
        message.ShouldStartWith(begins);
        message.ShouldNotContain("\n");
    }

    public void Dispose() => scope.Dispose();

    private static string Spelled(string format, string coefficients)
        => $$"""{"format":"{{format}}","kind":"Logistic","outputs":["a","b"],"coefficients":{{coefficients}},"intercepts":[0]}""";

    private static (Tensor X, int[] Labels, double[] Direction) Separable(int count, int width, ulong seed)
    {
        using var generator = new Generator(seed, CPU);
        var direction = randn([width], float64, generator: generator);
        direction /= direction.norm();
        int[] labels = [.. Enumerable.Range(0, count).Select(i => i % 2)];
        var x = randn([count, width], float64, generator: generator);
        x = x - (x.matmul(direction).unsqueeze(1) * direction * .8);                                       // little along the direction but the label
        return (x + (tensor(labels.Select(l => l == 1 ? 3.0 : -3.0).ToArray()).unsqueeze(1) * direction) + .5, labels, direction.data<double>().ToArray());
    }
}
