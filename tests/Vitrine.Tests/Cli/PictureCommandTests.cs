using System.Text.Json;
using Vitrine.Inputs.Pictures;
using Vitrine.Tests.Views;

namespace Vitrine.Tests.Cli;

/// <summary><c>vitrine image</c> and <c>vitrine classify</c>.</summary>
public sealed class PictureCommandTests : IDisposable
{
    private const string Tabletop = "embedded:tabletop";
    private readonly TemporaryFolder folder = new();

    public static TheoryData<string> Encoders() => Mechanisms.Pictures.Encoder.Names();

    [Theory, MemberData(nameof(Encoders))]
    public async Task An_encoder_shows_what_it_does_with_a_picture(string name)
    {
        var (exit, @out, error) = await CommandLine.RunAsync("image", Fixtures.Of("models", name), Picture(), "--json", "-n", "3");
        exit.ShouldBe(0, error);
        var reading = JsonDocument.Parse(@out).RootElement;
        reading.GetProperty("neurons").GetArrayLength().ShouldBe(3);
        var tokens = reading.GetProperty("tokens");
        var patches = tokens.GetProperty("rows").GetInt32() * tokens.GetProperty("columns").GetInt32();
        reading.GetProperty("rollout")[0].GetProperty("map").GetProperty("values").GetArrayLength().ShouldBe(patches);
    }

    [Theory, InlineData("dino", "class"), InlineData("siglip", "mean of patches")]
    public async Task A_policy_s_towers_are_shown_one_by_one(string tower, string query)
    {
        var (exit, @out, error) = await CommandLine.RunAsync("image", Tabletop, Picture(), "--tower", tower, "--json");
        exit.ShouldBe(0, error);
        JsonDocument.Parse(@out).RootElement.GetProperty("query").GetString().ShouldBe(query);
    }

    [Fact]
    public async Task The_folder_holds_page_data_and_maps()
    {
        var (exit, @out, error) = await CommandLine.RunAsync("image", Tabletop, Picture(), "--layer", "1", "--neuron", "0:3", "--out", folder["shown"]);
        exit.ShouldBe(0, error);
        @out.ShouldContain("median norm");
        @out.ShouldContain("register 0");
        RenderedPage.Parse(File.ReadAllText(Path.Combine(folder["shown"], "page.html"))).All("section").ShouldNotBeEmpty();
        using var data = JsonDocument.Parse(File.ReadAllText(Path.Combine(folder["shown"], "data.json")));
        data.RootElement.GetProperty("attention").EnumerateArray().Select(h => h.GetProperty("layer").GetInt32()).Distinct().ShouldBe([1]);
        var maps = Directory.GetFiles(Path.Combine(folder["shown"], "maps")).Select(Path.GetFileName).ToArray();
        maps.ShouldContain("attention-01-00.png");
        maps.ShouldContain("neuron-00-3.png");
        maps.ShouldAllBe(name => name!.EndsWith(".png"));
    }

    [Fact]
    public async Task A_classifier_names_what_it_sees_and_what_says_so()
    {
        var (exit, @out, error) = await CommandLine.RunAsync("classify", Classifier(), Picture(), "--json", "-n", "2", "--random", "3");
        exit.ShouldBe(0, error);
        var evidence = JsonDocument.Parse(@out).RootElement;
        var names = JsonDocument.Parse(File.ReadAllText(Path.Combine(Classifier(), "config.json"))).RootElement.GetProperty("id2label").EnumerateObject()
            .Select(l => l.Value.GetString()).ToArray();
        evidence.GetProperty("classes").EnumerateArray().Select(c => c.GetProperty("name").GetString()).ShouldBe(names, ignoreOrder: true);
        evidence.GetProperty("heads").GetArrayLength().ShouldBe(2);
        evidence.GetProperty("not_direct").ValueKind.ShouldBe(JsonValueKind.Null);
        Math.Abs(evidence.GetProperty("direct").GetProperty("remainder").GetDouble()).ShouldBeLessThan(1e-4);
    }

    [Fact]
    public async Task A_class_is_asked_about_by_name()
    {
        var last = JsonDocument.Parse(File.ReadAllText(Path.Combine(Classifier(), "config.json"))).RootElement.GetProperty("id2label").EnumerateObject()
            .Last().Value.GetString()!;
        var (exit, @out, error) = await CommandLine.RunAsync("classify", Classifier(), Picture(), "--class", last.ToUpperInvariant(), "--against", "0",
            "--fill", "zero", "--reach", "1", "--out", folder["shown"]);
        exit.ShouldBe(0, error);
        @out.ShouldContain($"logit of {last} minus logit of ");
        RenderedPage.Parse(File.ReadAllText(Path.Combine(folder["shown"], "page.html"))).Value.ShouldContain($"logit of {last} minus logit of ");
    }

    [Fact]
    public async Task An_unknown_class_is_told_the_nearest()
        => (await RefusedAsync("classify", Classifier(), Picture(), "--class", "Zebar")).ShouldContain("the nearest is");

    [Fact]
    public async Task An_encoder_without_a_class_head_cannot_classify()
        => (await RefusedAsync("classify", Tabletop, Picture())).ShouldContain("has no class head");

    [Theory]
    [InlineData("known are dino, siglip", "--tower", "dinosaur")]
    [InlineData("patch:0,0 to patch:", "--query", "patch:99,0")]
    [InlineData("layers, counted from 0", "--layer", "77")]
    [InlineData("heads in a layer, counted from 0", "--head", "77")]
    [InlineData("neurons in a layer, counted from 0", "--neuron", "0:99999")]
    [InlineData("expected LAYER:INDEX", "--neuron", "twelve")]
    [InlineData("expected a norm of more than 0", "--cut-off", "-3")]
    [InlineData("expected 1 to 16", "--scale", "0")]
    [InlineData("expected at least 1", "-n", "0")]
    public async Task What_is_not_there_is_told_what_is(string told, string option, string value)
    {
        var line = await RefusedAsync("image", Tabletop, Picture(), option, value);
        line.ShouldContain(told);
    }

    [Fact]
    public async Task A_picture_that_is_none_is_refused()
    {
        File.WriteAllText(folder["picture.png"], "not a picture");
        (await RefusedAsync("image", Tabletop, folder["picture.png"])).ShouldContain("picture.png");
    }

    [Fact]
    public async Task A_folder_that_is_no_model_is_named()
        => (await RefusedAsync("image", folder.Path, Picture())).ShouldContain("config.json");

    [Fact]
    public async Task An_output_that_cannot_be_written_is_named()
    {
        File.WriteAllText(folder["file"], "in the way");
        var target = Path.Combine(folder["file"], "below");
        (await RefusedAsync("image", Tabletop, Picture(), "--out", target)).ShouldContain(target);
    }

    public void Dispose() => folder.Dispose();

    private static string Classifier() => Fixtures.Of("models", "vit-classifier");

    private string Picture()
    {
        File.WriteAllBytes(folder["scene.png"], PictureFile.EncodePng(new Picture(40, 30, [.. Enumerable.Range(0, 3600).Select(i => (byte)(i * i / 7))])));
        return folder["scene.png"];
    }

    private Task<string> RefusedAsync(params string[] args) => folder.RefusedAsync(args);
}
