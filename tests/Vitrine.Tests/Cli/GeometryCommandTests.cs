using System.Globalization;
using System.Text.Json;

namespace Vitrine.Tests.Cli;

/// <summary><c>vitrine geometry</c>, and concepts in <c>vitrine probe</c>.</summary>
public sealed class GeometryCommandTests : IDisposable
{
    private const string Tabletop = "embedded:tabletop";

    private readonly TemporaryFolder folder = new();

    private string Texts
    {
        get
        {
            string[] things = ["block", "ball", "cup", "ring", "box", "disc", "cone", "wedge"];
            File.WriteAllLines(folder["t.tsv"],
                ["label\ttext", .. new[] { "red", "blue", "green" }.SelectMany(c => things.Select(t => $"{c}\tpush the {t} that is {c}"))]);
            return folder["t.tsv"];
        }
    }

    [Fact]
    public async Task Geometry_measures_layers_of_texts_and_the_axes_of_their_labels()
    {
        string[] asked = ["geometry", Fixtures.Of("models", "gpt2"), "--texts", Texts, "--clusters", "3", "--shuffles", "9", "--page", folder["g.html"]];
        var (table, json) = await BothAsync(asked);
        var layers = json.GetProperty("layers").EnumerateArray().ToArray();
        layers.Length.ShouldBe(3);
        table.ShouldContain(layers[1].GetProperty("participation_ratio").GetDouble().ToString("0.0", CultureInfo.InvariantCulture));
        table.ShouldContain(Three(layers[1].GetProperty("clusters").GetProperty("silhouette")));
        var similarity = json.GetProperty("similarity");
        similarity.GetProperty("cka")[1][1].GetDouble().ShouldBe(1, 1e-9);
        table.ShouldContain(Three(similarity.GetProperty("matches")[0].GetProperty("unbiased")));
        var entangled = json.GetProperty("entanglement")[1];
        entangled.GetProperty("found").GetProperty("names").EnumerateArray().Select(n => n.GetString()).ShouldBe(["blue", "green", "red"]);
        table.ShouldContain(Three(entangled.GetProperty("found").GetProperty("mean")));
        table.ShouldContain(Three(entangled.GetProperty("shuffled_labels").GetProperty("mean")));
        var page = await File.ReadAllTextAsync(folder["g.html"], TestContext.Current.CancellationToken);
        page.ShouldContain("How far concepts share an axis");
        page.ShouldContain("Silhouette of k-means by layer");
    }

    [Fact]
    public async Task Geometry_compares_two_points_and_two_models_of_a_kind()
    {
        string[] here = ["geometry", Tabletop, "-n", "24", "--shuffles", "3"];
        var (table, same) = await BothAsync([.. here, "--with", Tabletop, "--concept", "red=red,crimson,scarlet,ruby", "blue=blue,azure,navy,cobalt"]);
        var cka = same.GetProperty("similarity").GetProperty("cka");
        Enumerable.Range(0, 6).ShouldAllBe(i => Math.Abs(cka[i][i].GetDouble() - 1) < 1e-9);
        same.GetProperty("similarity").GetProperty("matches")[3].GetProperty("disparity").GetDouble().ShouldBe(0, 1e-9);
        same.GetProperty("entanglement").GetArrayLength().ShouldBe(6);
        table.ShouldContain("red, blue");
        var (_, points) = await BothAsync([.. here, "--with-point", "mlp.neurons"]);
        points.GetProperty("similarity").GetProperty("columns")[2].GetString().ShouldBe("language.2.mlp.neurons");
        points.GetProperty("similarity").GetProperty("matches")[0].GetProperty("disparity").ValueKind.ShouldBe(JsonValueKind.Null);
        points.GetProperty("entanglement").GetArrayLength().ShouldBe(0);
    }

    [Fact]
    public async Task Geometry_draws_as_many_tokens_as_are_asked_for()
    {
        var (table, json) = await BothAsync(
            "geometry", Fixtures.Of("models", "gpt2"), "--texts", Texts, "--at", "token", "--examples", "40", "--shuffles", "2", "--point", "mlp.out");
        json.GetProperty("examples").GetInt32().ShouldBe(40);
        table.ShouldContain("40 examples of them");
    }

    [Fact]
    public async Task Geometry_reads_pictures()
    {
        var names = Directory.GetFiles(Fixtures.Of("images", "clip-processor"), "*.png").Take(2).ToArray();
        foreach (var (i, name) in names.Concat(names).Index())
        {
            Directory.CreateDirectory(Path.Combine(folder["pictures"], $"kind {i % 2}"));
            File.Copy(name, Path.Combine(folder["pictures"], $"kind {i % 2}", $"{i}.png"));
        }

        var (table, json) = await BothAsync("geometry", Fixtures.Of("models", "vit"), "--pictures", folder["pictures"], "--shuffles", "2");
        json.GetProperty("entanglement").GetArrayLength().ShouldBe(0);                                     // two labels are one direction
        table.ShouldContain("4 pictures at the mean over tokens of resid_post");
    }

    [Fact]
    public async Task Probe_says_whether_a_metric_rises_along_a_class()
    {
        string[] asked = ["probe", Fixtures.Of("models", "gpt2"), "--texts", Texts, "--folds", "2", "--shuffles", "2", "--tcav", "logit_difference:#3/#7"];
        var (table, json) = await BothAsync([.. asked, "--page", folder["p.html"]]);
        var rows = json.GetProperty("sensitivity").GetProperty("rows").EnumerateArray().ToArray();
        rows.Length.ShouldBe(9);
        rows.ShouldAllBe(r => r.GetProperty("found").GetProperty("shares").GetArrayLength() == 20);
        table.ShouldContain("8 examples against as many others, 20 draws");
        var page = await File.ReadAllTextAsync(folder["p.html"], TestContext.Current.CancellationToken);
        page.ShouldContain("Whether logit_difference:#3/#7 would rise along it");
        await File.WriteAllLinesAsync(folder["on.txt"], ["the red one", "", "a cup"], TestContext.Current.CancellationToken);
        var (on, _) = await BothAsync([.. asked, "--tcav-on", folder["on.txt"]]);
        on.ShouldContain("share of 2 inputs");
        var (mean, some) = await BothAsync([.. asked, "--at", "mean", "--point", "mlp.neurons", "--tcav-inputs", "3"]);
        mean.ShouldContain("share of 3 inputs");
        some.GetProperty("sensitivity").GetProperty("inputs").GetInt32().ShouldBe(3);
    }

    [Fact]
    public async Task Probe_says_whether_an_action_rises_along_a_word()
    {
        var (table, json) = await BothAsync(
            "probe", Tabletop, "--word", "lift,grab,grasp,take", "-n", "40", "--folds", "2", "--shuffles", "2", "--tcav", "dz", "--tcav-inputs", "8");
        json.GetProperty("sensitivity").GetProperty("rows").EnumerateArray().Select(r => r.GetProperty("concept").GetString()).Distinct().ShouldBe(["said"]);
        table.ShouldContain("share of 8 inputs whose dz would rise");
    }

    [Theory]
    [InlineData("is a text model; name what it reads with --texts", "geometry", "models/llama")]
    [InlineData("--concept: names a; expected two or more", "geometry", "models/llama", "--texts", "TEXTS", "--concept", "a=red")]
    [InlineData("--concept purple: 0 of 24 examples have purple", "geometry", "models/llama", "--texts", "TEXTS", "--concept", "purple", "red")]
    [InlineData("--concept is '=red'; expected NAME=WORD,WORD", "geometry", "models/llama", "--texts", "TEXTS", "--concept", "=red", "red")]
    [InlineData("split the 24 examples alike", "geometry", "models/llama", "--texts", "TEXTS", "--concept", "warm=red", "cold=blue,green")]
    [InlineData("is a text model; expected two of a kind", "geometry", "models/llama", "--texts", "TEXTS", "--with", "models/vit")]
    [InlineData("no point 'nothing'", "geometry", "models/llama", "--texts", "TEXTS", "--with-point", "nothing")]
    [InlineData("--examples is 2; expected 4 to 1000", "geometry", "models/llama", "--texts", "TEXTS", "--examples", "2")]
    [InlineData("--shuffles is 0; expected 1 to 1000", "geometry", "models/llama", "--texts", "TEXTS", "--shuffles", "0")]
    [InlineData("24 examples, 13 clusters", "geometry", "models/llama", "--texts", "TEXTS", "--clusters", "13")]
    [InlineData("is the same in all 24 examples; ask at another position", "geometry", "models/gpt2", "--texts", "TEXTS", "--at", "first")]
    [InlineData("TEXTS/x.html", "geometry", "models/llama", "--texts", "TEXTS", "--page", "TEXTS/x.html")]
    [InlineData("a policy is probed where it decides", "geometry", "embedded:tabletop", "--at", "last")]
    [InlineData("2 examples", "geometry", "embedded:tabletop", "-n", "2")]
    [InlineData("--tcav-on: goes with --tcav", "probe", "models/gpt2", "--texts", "TEXTS", "--tcav-on", "TEXTS")]
    [InlineData("metric 'speed'", "probe", "models/gpt2", "--texts", "TEXTS", "--tcav", "speed")]
    [InlineData("--tcav kl: a divergence from the model's own answer", "probe", "models/gpt2", "--texts", "TEXTS", "--tcav", "kl")]
    [InlineData("--tcav-inputs is 0", "probe", "models/gpt2", "--texts", "TEXTS", "--tcav", "loss", "--tcav-inputs", "0")]
    [InlineData("cannot be read", "probe", "models/gpt2", "--texts", "TEXTS", "--tcav", "loss", "--tcav-on", "none.txt")]
    [InlineData("numbers are probed", "probe", "embedded:tabletop", "--target", "speed", "-n", "6", "--tcav", "dz")]
    [InlineData("whose metric is derived in the situations", "probe", "embedded:tabletop", "--word", "touch", "-n", "6", "--tcav", "dz", "--tcav-on", "x")]
    [InlineData("has no derivative at the first token in any layer", "probe", "models/gpt2", "--texts", "MIXED", "--folds", "2", "--shuffles", "2",
        "--at", "first", "--tcav", "logit:#3@0", "--point", "attn.q")]
    public async Task Bad_input_is_refused_in_one_line(string expected, string verb, string model, params string[] asked)
    {
        await File.WriteAllLinesAsync(folder["mixed.tsv"], ["label\ttext", .. Enumerable.Range(0, 8).Select(i => i % 2 == 0 ? $"a\tred {i}" : $"b\tblue {i}")],
            TestContext.Current.CancellationToken);
        var (exit, _, error) = await CommandLine.RunAsync(
            [verb, Of(model), .. asked.Select(Of)]);
        exit.ShouldBe(1, error);
        error.Trim().Split('\n')[^1].ShouldContain(expected.Contains("TEXTS", StringComparison.Ordinal) ? Of(expected) : expected);

        string Of(string name) => name.StartsWith("models/", StringComparison.Ordinal) ? Fixtures.Of(name)
            : name.Replace("TEXTS", Texts, StringComparison.Ordinal).Replace("MIXED", folder["mixed.tsv"], StringComparison.Ordinal);
    }

    public void Dispose() => folder.Dispose();

    private static string Three(JsonElement number) => number.GetDouble().ToString("0.000", CultureInfo.InvariantCulture);

    private static async Task<(string Table, JsonElement Json)> BothAsync(params string[] asked)
    {
        var (exit, table, error) = await CommandLine.RunAsync(asked);
        exit.ShouldBe(0, error);
        var (again, json, jsonError) = await CommandLine.RunAsync([.. asked, "--json"]);
        again.ShouldBe(0, jsonError);
        return (table, JsonDocument.Parse(json).RootElement);
    }
}
