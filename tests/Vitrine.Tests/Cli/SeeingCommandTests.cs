using System.Text.Json;
using Vitrine.Tests.Transformers;

namespace Vitrine.Tests.Cli;

/// <summary>Verbs with pictures on models that read pictures and texts.</summary>
public sealed class SeeingCommandTests : IDisposable
{
    private static readonly string[] Named = ["smolvlm", "paligemma", "llava", "qwen2.5-vl", "qwen3-vl"];
    private readonly TemporaryFolder folder = new();

    public static TheoryData<string> Models() => [.. Named];

    [Theory, MemberData(nameof(Models))]
    public async Task Run_reads_pictures_keeps_what_is_asked_and_says_what_comes_next(string name)
    {
        using var model = SeeingFolder.Of(name);
        var (exit, @out, error) = await CommandLine.RunAsync(
            "run", model.Path, Prompt(name), "--image", Picture("image0.png", name), "--capture", "projector.out", "vision.0.resid_post", "--json", "-n", "2",
            "--out", folder["kept.safetensors"]);
        exit.ShouldBe(0, error);
        var said = JsonDocument.Parse(@out).RootElement;
        said.GetProperty("answers").GetArrayLength().ShouldBe(2);
        said.GetProperty("captured").EnumerateArray().Select(c => c.GetProperty("address").GetString()).ShouldBe(["vision.0.resid_post", "projector.out"],
            ignoreOrder: true);
        File.Exists(folder["kept.safetensors"]).ShouldBeTrue();
    }

    [Theory, MemberData(nameof(Models))]
    public async Task Generate_goes_on_from_pictures_also_through_a_chat_template(string name)
    {
        using var model = SeeingFolder.Of(name);
        var (exit, @out, error) = await CommandLine.RunAsync(
            "generate", model.Path, Prompt(name), "--image", Picture("image0.png", name), "-n", "3", "--ignore-end", "--json");
        exit.ShouldBe(0, error);
        JsonDocument.Parse(@out).RootElement.GetProperty("ids").GetArrayLength().ShouldBe(3);
        if (name == "paligemma")
        {
            return; // It has no conversations.
        }

        File.WriteAllText(model["chat_template.jinja"], "{% for m in messages %}{% for c in m['content'] %}{% if c['type'] == 'image' %}"
            + Placeholder(name) + "{% else %}{{ c['text'] }}{% endif %}{% endfor %}{% endfor %}");
        (exit, @out, error) = await CommandLine.RunAsync(
            "generate", model.Path, "what?", "--chat", "--image", Picture("image0.png", name), Picture("image1.png", name), "-n", "2", "--ignore-end",
            "--json");
        exit.ShouldBe(0, error);
        JsonDocument.Parse(@out).RootElement.GetProperty("prompt").GetString().ShouldBe($"{Placeholder(name)}{Placeholder(name)}what?");
    }

    [Theory, MemberData(nameof(Models))]
    public async Task Image_shows_what_the_tower_does_with_a_picture(string name)
    {
        using var model = SeeingFolder.Of(name);
        var (exit, @out, error) = await CommandLine.RunAsync("image", model.Path, Picture("image0.png", name), "--json", "-n", "3");
        exit.ShouldBe(0, error);
        var reading = JsonDocument.Parse(@out).RootElement;
        var tokens = reading.GetProperty("tokens");
        var patches = tokens.GetProperty("rows").GetInt32() * tokens.GetProperty("columns").GetInt32();
        reading.GetProperty("neurons").GetArrayLength().ShouldBe(3);
        var attention = reading.GetProperty("attention")[0];
        attention.GetProperty("map").GetProperty("values").GetArrayLength().ShouldBe(patches);
        (await CommandLine.RunAsync("image", model.Path, Picture("image0.png", name), "--tower", "dino")).Error.ShouldContain("known are vision");
    }

    [Theory, MemberData(nameof(Models))]
    public async Task Neurons_and_concepts_say_where_on_the_pictures_they_fire(string name)
    {
        using var model = SeeingFolder.Of(name);
        string[] pictures = ["--image", Picture("image0.png", name), Picture("image1.png", name)];
        var (exit, @out, error) = await CommandLine.RunAsync(["neurons", model.Path, .. pictures, "-n", "4", "--top", "5", "--json"]);
        exit.ShouldBe(0, error);
        var neurons = JsonDocument.Parse(@out).RootElement.EnumerateArray().ToArray();
        neurons.Length.ShouldBe(4);
        neurons.Select(n => n.GetProperty("share").GetDouble()).ShouldBeInOrder(SortDirection.Descending);
        neurons.ShouldAllBe(n => n.GetProperty("top").GetArrayLength() == 5);
        (exit, @out, error) = await CommandLine.RunAsync(["concepts", model.Path, "a", .. pictures, "-n", "3", "--json"]);
        exit.ShouldBe(0, error);
        JsonDocument.Parse(@out).RootElement.EnumerateArray()
            .ShouldAllBe(n => n.GetProperty("on_pictures").GetProperty("at").GetProperty("picture").GetInt32() < 2);
        (exit, @out, error) = await CommandLine.RunAsync(["neurons", model.Path, .. pictures, "-n", "2", "--layer", "1"]);
        exit.ShouldBe(0, error);
        @out.ShouldContain("most active at");
        @out.ShouldContain("picture ");
    }

    [Fact]
    public async Task A_wrong_number_of_pictures_is_refused_in_one_line_with_both_counts()
    {
        using var model = SeeingFolder.Of("llava");
        var picture = Picture("image0.png", "llava");
        (await folder.RefusedAsync("run", model.Path, "what is <image>?")).ShouldBe(
            "prompt: has 1 placeholders '<image>' for 0 pictures; expected one for each picture.");
        (await folder.RefusedAsync("run", model.Path, "what?", "--image", picture)).ShouldBe(
            "prompt: has 0 placeholders '<image>' for 1 pictures; expected one for each picture.");
        (await folder.RefusedAsync("generate", model.Path, "<image>", "--image", picture, "--image", picture)).ShouldBe(
            "prompt: has 1 placeholders '<image>' for 2 pictures; expected one for each picture.");
        (await folder.RefusedAsync("run", Fixtures.Of("models", "llama"), "a", "--image", picture)).ShouldContain("1 pictures");
        (await folder.RefusedAsync("neurons", "embedded:tabletop", "--image", picture)).ShouldContain("1 pictures for a openvla model");
        (await folder.RefusedAsync("neurons", model.Path, "--prompt", "x")).ShouldContain("--image");
    }

    [Fact]
    public async Task Inspect_names_tower_projector_and_decoder_and_how_pictures_are_prepared()
    {
        using var model = SeeingFolder.Of("paligemma");
        var (exit, @out, error) = await CommandLine.RunAsync("inspect", model.Path);
        exit.ShouldBe(0, error);
        @out.ShouldContain("projector");
        @out.ShouldContain("causal behind a prefix");
        @out.ShouldContain("picture: resize to 21 x 21");
    }

    public void Dispose() => folder.Dispose();

    private static string Placeholder(string name) => name.StartsWith("qwen", StringComparison.Ordinal) ? "<|image_pad|>" : "<image>";

    private static string Prompt(string name) => name == "paligemma" ? "caption" : $"see {Placeholder(name)} now";

    /// <summary>A picture of the fixture; some call theirs by the case.</summary>
    private static string Picture(string file, string name)
        => Directory.GetFiles(Fixtures.Of("models", name), "*.png").Order(StringComparer.Ordinal)
            .FirstOrDefault(f => Path.GetFileName(f).EndsWith(file, StringComparison.Ordinal))
            ?? Directory.GetFiles(Fixtures.Of("models", name), "*.png").Order(StringComparer.Ordinal).First();
}
