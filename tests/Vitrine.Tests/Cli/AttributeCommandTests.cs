using System.Text.Json;
using System.Text.Json.Nodes;
using Vitrine.Tests.Views;

namespace Vitrine.Tests.Cli;

/// <summary><c>vitrine attribute</c>: texts, pictures and policies, and what it refuses.</summary>
public sealed class AttributeCommandTests : IDisposable
{
    private const string Tabletop = "embedded:tabletop", Flow = "embedded:tabletop-flow", Quick = "quickly touch the plum wedge";
    private readonly TemporaryFolder folder = new();

    private static string Scene => Path.Combine(Fixtures.Repository, "examples", "scene.png");

    [Fact]
    public async Task A_text_s_next_token_rests_on_its_words()
    {
        var model = Fixtures.Of("models", TextCommandTests.Decoders().First().Data);
        string[] asked = ["attribute", model, "--prompt", "The robot moves up.", "--method", "integrated-gradients,deeplift,value-zeroing", "--random", "3"];
        var json = await JsonAsync(asked);
        json.GetProperty("metric").GetString()!.ShouldStartWith("logit:");
        var methods = json.GetProperty("methods").EnumerateArray().ToArray();
        methods.Select(m => m.GetProperty("method").GetString()).ShouldBe(["integrated-gradients", "deeplift", "value-zeroing"]);
        methods.ShouldAllBe(m => m.GetProperty("scores").GetArrayLength() == json.GetProperty("inputs").GetArrayLength());
        methods[2].GetProperty("left").ValueKind.ShouldBe(JsonValueKind.Null);
        foreach (var width in (int[])[80, 120])
        {
            var (exit, table, error) = await CommandLine.RunAsync(width, asked);
            exit.ShouldBe(0, error);
            var rows = table.Split('\n').Where(line => line.StartsWith("  ", StringComparison.Ordinal));
            rows.Max(line => line.TrimEnd().Length).ShouldBeLessThanOrEqualTo(width);
            table.ShouldContain(Vitrine.Cli.Output.Signed(methods[0].GetProperty("scores")[1].GetDouble()));
        }
    }

    [Theory]
    [InlineData(Tabletop, "integrated-gradients")]
    [InlineData(Flow, "ablation")]
    public async Task The_adverb_is_what_an_action_s_speed_rests_on(string policy, string method)
    {
        string[] state = policy == Flow ? ["--state", "0.5,0.2,0.8,1"] : [];
        var json = await JsonAsync(["attribute", policy, Scene, Quick, .. state, "--metric", "speed", "--method", method]);
        var inputs = json.GetProperty("inputs").EnumerateArray().ToArray();
        inputs.Select(i => i.GetProperty("kind").GetString()).Distinct().ShouldContain("patch");
        inputs.Select(i => i.GetProperty("kind").GetString()).Distinct().Count().ShouldBe(policy == Flow ? 3 : 2);
        var scored = json.GetProperty("methods")[0];
        var strongest = inputs.Zip(scored.GetProperty("scores").EnumerateArray()).MaxBy(s => s.Second.GetDouble()).First;
        strongest.GetProperty("name").GetString()!.ShouldContain("quickly");
    }

    [Theory]
    [InlineData(Tabletop, "shapley,ablation")]
    [InlineData(Flow, "ablation")]
    public async Task An_attribution_goes_on_from_its_file(string policy, string method)
    {
        var file = folder["away.json"];
        string[] state = policy == Flow ? ["--state", "0.5,0.2,0.8,1"] : [];
        string[] asked = ["attribute", policy, Scene, Quick, .. state, "--metric", "speed", "--method", method, "--samples", "1", "--random", "1", "--json"];
        var (exit, whole, error) = await CommandLine.RunAsync([.. asked, "--resume", file]);
        exit.ShouldBe(0, error);
        (await CommandLine.RunAsync(asked)).Out.ShouldBe(whole);

        // Half of it is forgotten and comes again; then what is kept says by another number that it is taken from the file.
        var kept = JsonNode.Parse(await File.ReadAllTextAsync(file, TestContext.Current.CancellationToken))!;
        var known = kept["known"]!.AsObject();
        foreach (var set in known.Select(k => k.Key).Skip(known.Count / 2).ToArray())
        {
            known.Remove(set);
        }

        await File.WriteAllTextAsync(file, kept.ToJsonString(), TestContext.Current.CancellationToken);
        var again = await JsonAsync([.. asked[..^1], "--resume", file]);
        var (one, other) = (Scores(JsonDocument.Parse(whole).RootElement), Scores(again));
        one.Zip(other).ShouldAllBe(s => Math.Abs(s.First - s.Second) < 1e-4);
        kept["known"]![known.First(k => !k.Key.Contains('0', StringComparison.Ordinal)).Key] = 1000.0;     // everything away
        await File.WriteAllTextAsync(file, kept.ToJsonString(), TestContext.Current.CancellationToken);
        (await JsonAsync([.. asked[..^1], "--resume", file])).GetProperty("baseline").GetDouble().ShouldBe(1000);
        string[] otherMetric = [.. asked.Select(a => a == "speed" ? "dz" : a), "--resume", file];
        var (refused, _, said) = await CommandLine.RunAsync(otherMetric);
        refused.ShouldBe(1);
        said.Trim().Split('\n')[^1].ShouldContain("is of an attribution with other metric");

        static double[] Scores(JsonElement json)
            => [.. json.GetProperty("methods").EnumerateArray().SelectMany(m => m.GetProperty("scores").EnumerateArray().Select(v => v.GetDouble()))];
    }

    [Fact]
    public async Task A_picture_s_class_rests_on_its_patches_and_the_page_shows_them()
    {
        var model = Fixtures.Of("models", "vit-classifier");
        var page = folder["page.html"];
        var json = await JsonAsync(
            ["attribute", model, "--image", Scene, "--method", "saliency,grad-cam,occlusion,rollout,lrp,gradient-shap", "--random", "3", "--page", page]);
        json.GetProperty("inputs").EnumerateArray().ShouldAllBe(i => i.GetProperty("kind").GetString() == "patch");
        foreach (var method in json.GetProperty("methods").EnumerateArray())
        {
            method.GetProperty("scores").EnumerateArray().Any(s => s.GetDouble() != 0).ShouldBeTrue(method.GetProperty("method").GetString());
            method.GetProperty("infidelity").GetDouble().ShouldBeInRange(0, 1);
        }

        var shown = RenderedPage.Parse(await File.ReadAllTextAsync(page, TestContext.Current.CancellationToken));
        shown.All("section").Count().ShouldBe(6 + 2);
        shown.All("svg").Count(s => s.Is("picture")).ShouldBe(6);
        var names = JsonDocument.Parse(await File.ReadAllTextAsync(Path.Combine(model, "config.json"), TestContext.Current.CancellationToken)).RootElement
            .GetProperty("id2label").EnumerateObject().Select(l => l.Value.GetString()!).ToArray();
        var other = await JsonAsync(["attribute", model, "--image", Scene, "--class", names[0], "--method", "saliency", "--random", "3"]);
        other.GetProperty("metric").GetString().ShouldBe($"logit:{names[0]}");
    }

    [Fact]
    public async Task What_a_model_cannot_have_is_refused_in_one_line()
    {
        var text = Fixtures.Of("models", TextCommandTests.Decoders().First().Data);
        var vit = Fixtures.Of("models", "vit-classifier");
        string[] said = ["--prompt", "The robot moves up.", "--method"];
        (await folder.RefusedAsync(["attribute", text, .. said, "grad-cam"])).ShouldContain("grad-cam needs a picture");
        (await folder.RefusedAsync(["attribute", text, .. said, "occlusion"])).ShouldContain("occlusion needs a picture");
        (await folder.RefusedAsync(["attribute", text, .. said, "guided-backprop"])).ShouldContain("rules of ReLUs");
        (await folder.RefusedAsync(["attribute", text, .. said, "saliencey"])).ShouldContain("the nearest is 'saliency'");
        (await folder.RefusedAsync("attribute", text, "--image", Scene)).ShouldContain("--prompt");
        (await folder.RefusedAsync("attribute", vit, "--prompt", "a")).ShouldContain("--image FILE");
        (await folder.RefusedAsync("attribute", Tabletop, "--prompt", "a")).ShouldContain("is a policy");
        (await folder.RefusedAsync("attribute", Tabletop, Scene)).ShouldContain("give both");
        (await folder.RefusedAsync("attribute", Fixtures.Of("models", "dinov2"), "--image", Scene)).ShouldContain("no class head");
        string[] flow = ["attribute", Flow, Scene, Quick, "--state", "0.5,0.2,0.8,1", "--method"];
        (await folder.RefusedAsync([.. flow, "deeplift"])).ShouldContain("goes through one stack");
        (await folder.RefusedAsync([.. flow, "rollout"])).ShouldContain("goes through one stack");
        (await folder.RefusedAsync("attribute", Tabletop, Scene, Quick, "--metric", "loss")).ShouldContain("loss");
        (await folder.RefusedAsync("attribute", Tabletop, Scene, Quick, "--class", "cat")).ShouldContain("--class");
        (await folder.RefusedAsync("attribute", Tabletop, Scene, Quick, "--steps", "0")).ShouldContain("--steps is 0");
    }

    public void Dispose() => folder.Dispose();

    private static async Task<JsonElement> JsonAsync(string[] asked)
    {
        var (exit, @out, error) = await CommandLine.RunAsync([.. asked, "--json"]);
        exit.ShouldBe(0, error);
        return JsonDocument.Parse(@out).RootElement;
    }
}
