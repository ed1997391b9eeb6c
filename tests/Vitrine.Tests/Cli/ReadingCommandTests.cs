using System.Text.Json;
using Vitrine.Tests.Mechanisms.Heads;

namespace Vitrine.Tests.Cli;

/// <summary><c>vitrine lens</c> and <c>vitrine heads</c>.</summary>
public sealed class ReadingCommandTests : IDisposable
{
    private const string Tabletop = "embedded:tabletop", Flow = "embedded:tabletop-flow";
    private readonly TemporaryFolder folder = new();

    private static string Llama => Fixtures.Of("models", "llama");

    private static string Vit => Fixtures.Of("models", "vit-classifier");

    private static string Photo => Fixtures.Of("images", "vit-processor", "photo_90x120.png");

    [Fact]
    public async Task Lens_reads_a_text_state_by_state()
    {
        var (table, json) = await BothAsync("lens", Llama, "--prompt", "The robot moves up.", "-n", "3");
        table.ShouldContain("embedding");
        table.ShouldContain("entropy");
        var places = json.GetProperty("places");
        places.GetArrayLength().ShouldBeGreaterThan(2);
        var last = places[places.GetArrayLength() - 1].GetProperty("cells");
        var end = last[last.GetArrayLength() - 1];
        end.GetProperty("divergence").GetDouble().ShouldBe(0, 1e-4);
        end.GetProperty("top").GetArrayLength().ShouldBe(3);
        table.ShouldContain(end.GetProperty("entropy").GetDouble().ToString("0.00", System.Globalization.CultureInfo.InvariantCulture));
        var (parts, asked) = await BothAsync("lens", Llama, "--prompt", "The robot moves up.", "--per-head", "--answer", "#7");
        parts.ShouldContain("L0H");
        asked.GetProperty("places")[0].GetProperty("target").GetInt32().ShouldBe(7);
        asked.GetProperty("norm").GetString().ShouldBe("frozen");
        (await BothAsync("lens", Llama, "--prompt", "The robot moves up.", "--mid", "--norm", "none", "--position", "1")).Table.ShouldContain("0, attention");
    }

    [Theory]
    [InlineData(Tabletop, "dz")]
    [InlineData(Flow, "speed")]
    public async Task Lens_reads_a_policy_and_takes_a_metric_apart(string policy, string metric)
    {
        var page = folder["lens.html"];
        var (table, json) = await BothAsync("lens", policy, "--metric", metric, "-n", "4", "--page", page);
        foreach (var column in new[] { "dx", "behind", "stopped behind it", "attention says", "neuron" })
        {
            table.ShouldContain(column);
        }

        var direct = json.GetProperty("metric").GetProperty("direct")[0];
        var layers = direct.GetProperty("layers").EnumerateArray().Sum(l => l.GetProperty("attention").GetDouble() + l.GetProperty("feed_forward").GetDouble());
        (direct.GetProperty("constant").GetDouble() + direct.GetProperty("embedding").GetDouble() + layers + direct.GetProperty("remainder").GetDouble())
            .ShouldBe(direct.GetProperty("measure").GetDouble(), 1e-6);
        var behind = json.GetProperty("metric").GetProperty("behind");
        behind[behind.GetArrayLength() - 1][0].GetDouble().ShouldBe(direct.GetProperty("measure").GetDouble(), 1e-4);
        var html = File.ReadAllText(page);
        html.ShouldStartWith("<!DOCTYPE html>");
        html.ShouldContain("taken apart");
        html.ShouldContain("default-src &#39;none&#39;");
        html.ShouldNotContain("<script");
    }

    [Fact]
    public async Task Lens_reads_a_class_of_a_picture()
    {
        var (table, json) = await BothAsync("lens", Vit, "--image", Photo);
        table.ShouldContain("deciding place");
        json.GetProperty("places")[0].GetProperty("cells").GetArrayLength().ShouldBeGreaterThan(2);
        (await folder.RefusedAsync("lens", Vit)).ShouldContain("--image FILE");
        (await folder.RefusedAsync("lens", Vit, "--image", Photo, "--per-head")).ShouldContain("no linear head");
        (await folder.RefusedAsync("lens", Fixtures.Of("models", "dinov2"), "--image", Photo)).ShouldContain("answers neither");
    }

    [Fact]
    public async Task Lens_trains_fits_and_reads_through_what_it_wrote()
    {
        var texts = folder["texts.txt"];
        File.WriteAllLines(texts, ["The robot moves up and down.", "Touch the red cube.", "The robot moves quickly to the left."]);
        var tuned = folder["tuned"];
        var (exit, table, error) = await CommandLine.RunAsync("lens", Llama, "--train-tuned", tuned, "--texts", texts, "--steps", "6", "--rate", "0.01");
        exit.ShouldBe(0, error);
        table.ShouldContain("6 steps over 3 texts");
        var (_, read) = await BothAsync("lens", Llama, "--tuned", tuned, "--prompt", "The robot moves");
        read.GetProperty("lens").GetString().ShouldBe("tuned lens");
        var jacobian = folder["jacobian.safetensors"];
        (exit, table, error) = await CommandLine.RunAsync("lens", Llama, "--fit-jacobian", jacobian, "--texts", texts, "--length", "5");
        exit.ShouldBe(0, error);
        table.ShouldContain("of 3 texts");
        var (_, fitted) = await BothAsync("lens", Llama, "--jacobian", jacobian, "--prompt", "The robot moves");
        fitted.GetProperty("lens").GetString().ShouldBe("Jacobian lens");
        (await folder.RefusedAsync("lens", Llama, "--train-tuned", tuned)).ShouldContain("--texts FILE");
        (await folder.RefusedAsync("lens", Llama, "--tuned", tuned, "--jacobian", jacobian, "--prompt", "x")).ShouldContain("expected one lens");
        (await folder.RefusedAsync("lens", Fixtures.Of("models", "gpt2"), "--jacobian", jacobian, "--prompt", "x")).ShouldContain("other weights");
    }

    [Fact]
    public async Task Lens_puts_a_residual_into_another_text()
    {
        var (table, json) = await BothAsync("lens", Llama, "--prompt", "The robot moves", "--patchscope", "Touch the red cube.", "--into", "0");
        table.ShouldContain("unpatched");
        json.GetProperty("readings").GetArrayLength().ShouldBeGreaterThan(1);
        json.GetProperty("readings").EnumerateArray().Max(r => r.GetProperty("divergence").GetDouble()).ShouldBeGreaterThan(0);
        (await folder.RefusedAsync("lens", Llama, "--prompt", "x", "--patchscope", "y", "--into", "99")).ShouldContain("no block 99");
    }

    [Fact]
    public async Task Heads_finds_a_hand_set_induction_head()
    {
        using var induction = new InductionModel();
        var (table, json) = await BothAsync("heads", induction.Model.Name, "--length", "11", "-n", "2");
        table.ShouldContain("induction: behind it");
        var kinds = json.GetProperty("kinds").EnumerateArray().ToDictionary(k => k.GetProperty("kind").GetString()!, k => k.GetProperty("heads"));
        Best(kinds["induction"]).ShouldBe((1, 0));
        Best(kinds["previous_token"]).ShouldBe((0, 0));
        var (composed, pairs) = await BothAsync("heads", induction.Model.Name, "--composition", "-n", "1");
        composed.ShouldContain("Key composition");
        pairs.GetProperty("chance").GetDouble().ShouldBeGreaterThan(0);

        static (int, int) Best(JsonElement heads)
        {
            var best = heads.EnumerateArray().MaxBy(h => h.GetProperty("score").GetDouble());
            return (best.GetProperty("layer").GetInt32(), best.GetProperty("head").GetInt32());
        }
    }

    [Fact]
    public async Task Heads_reads_circuits_in_words()
    {
        var (table, json) = await BothAsync("heads", Tabletop, "--qk", "2.0", "-n", "5", "--words", "red,cube,quickly");
        table.ShouldContain("looks at");
        json.GetProperty("pairs").GetArrayLength().ShouldBe(5);
        json.GetProperty("singular_values").GetArrayLength().ShouldBe(32);
        var (_, moved) = await BothAsync("heads", Llama, "--ov", "0.0", "-n", "3");
        moved.GetProperty("copying_score").GetDouble().ShouldBeInRange(-1, 1);
        (await folder.RefusedAsync("heads", Llama, "--ov", "99.0")).ShouldContain("heads, both counted from 0");
        (await folder.RefusedAsync("heads", Llama, "--ov", "x")).ShouldContain("expected LAYER.HEAD");
        (await folder.RefusedAsync("heads", Llama, "--ov", "0.0", "--composition")).ShouldContain("expected one of them");
        (await folder.RefusedAsync("heads", Vit)).ShouldContain("vitrine image");
    }

    [Fact]
    public async Task Heads_of_a_policy_look_at_things_beside_two_controls()
    {
        var (table, json) = await BothAsync("heads", Tabletop, "--states", "6", "-n", "2");
        table.ShouldContain("named object");
        table.ShouldContain("looks everywhere");
        json.GetProperty("situations").GetInt32().ShouldBe(6);
        json.GetProperty("looks").EnumerateArray().ShouldAllBe(l => l.GetProperty("uniform").GetDouble() > 0);
    }

    [Theory, InlineData(80), InlineData(120)]
    public async Task Tables_fit_the_terminal(int width)
    {
        string[][] all =
        [
            ["lens", Tabletop], ["lens", Flow, "--metric", "dz"], ["lens", Llama, "--prompt", "The robot moves up."], ["heads", Tabletop, "--states", "2"],
        ];
        foreach (var asked in all)
        {
            var (exit, @out, error) = await CommandLine.RunAsync(width, asked);
            exit.ShouldBe(0, error);
            @out.Split('\n').Where(l => l.StartsWith("──", StringComparison.Ordinal)).ShouldAllBe(l => l.TrimEnd().Length <= width);
        }
    }

    public void Dispose() => folder.Dispose();

    private static async Task<(string Table, JsonElement Json)> BothAsync(params string[] asked)
    {
        var (exit, table, error) = await CommandLine.RunAsync(asked);
        exit.ShouldBe(0, error);
        table.ShouldNotBeEmpty();
        var (again, json, jsonError) = await CommandLine.RunAsync([.. asked, "--json"]);
        again.ShouldBe(0, jsonError);
        return (table, JsonDocument.Parse(json).RootElement);
    }
}
