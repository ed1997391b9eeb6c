using System.Text.Json;
using Vitrine.Certification;
using Vitrine.Checkpoints;
using Vitrine.Inputs.Tokenizers;
using Vitrine.Tests.Transformers;
using Vitrine.Transformers;
using static TorchSharp.torch;

namespace Vitrine.Tests.Cli;

/// <summary><c>vitrine generate</c>, <c>run</c> and <c>tokens</c>.</summary>
public sealed class TextCommandTests : IDisposable
{
    private const string Text = "The robot moves up and down.";
    private readonly TemporaryFolder folder = new();

    /// <summary>Decoders of the fixtures that have a tokenizer.</summary>
    public static TheoryData<string> Decoders()
        => [.. TextFixtures.Decoders().Select(r => r.Data).Where(n => File.Exists(Path.Combine(Fixtures.Root, "models", n, "tokenizer.json")))];

    /// <summary>Classifiers whose goldens hold texts.</summary>
    public static TheoryData<string> Classifiers() => [.. Folders("models").Where(n => Has(n, "text/out.class_logits"))];

    /// <summary>Texts and ids.</summary>
    public static TheoryData<string> Tokenizers()
        => [.. Folders("tokenizers")
            .Where(n => File.Exists(
                Path.Combine(Fixtures.Root, "tokenizers", n, "tokenizer.json")) && File.Exists(Path.Combine(Fixtures.Root, "tokenizers", n, "golden.json")))];

    [Theory, MemberData(nameof(Tokenizers))]
    public async Task Tokens_are_those_of_the_reference(string name)
    {
        using var fixture = Fixture.Open(Fixtures.Of("tokenizers", name));
        var texts = fixture.Texts()
            .Where(t => t.TryGetProperty("ids_with_special", out var ids) && ids.ValueKind == JsonValueKind.Array && !IsPair(t) && t.GetProperty("text")
                .GetString() is { Length: > 0 }).Take(8).ToArray();
        texts.ShouldNotBeEmpty();

        // The goldens' library takes over the lengths that a file has saved; transformers does not, and agrees on every file that has none.
        var plain = Tokenizer.Open(fixture.Folder) is { SavedPadding: null, SavedTruncation: null };
        foreach (var (entry, reading) in texts.SelectMany(t => (plain ? (string[])["tokenizers", "transformers-5"] : ["tokenizers"]).Select(r => (t, r))))
        {
            var (exit, @out, error)
                = await CommandLine.RunAsync("tokens", fixture.Folder, "--json", "--tokenizer-as", reading, "--", entry.GetProperty("text").GetString()!);
            exit.ShouldBe(0, error);
            JsonDocument.Parse(@out).RootElement.GetProperty("tokens").EnumerateArray().Select(t => t.GetProperty("id").GetInt32())
                .ShouldBe(entry.GetProperty("ids_with_special").EnumerateArray().Select(i => i.GetInt32()), entry.GetProperty("text").GetString());
        }
    }

    [Fact]
    public async Task Whose_reading_of_a_tokenizer_counts_is_asked_alike_by_every_verb_that_takes_a_text()
    {
        using var folder = new Inputs.Tokenizers.TemporaryFolder(Fixtures.Of("models", "llama"));
        folder.Change("tokenizer_config.json", json => json["add_bos_token"] = false);
        string[] former = ["--tokenizer-as", "transformers-4"];
        var five = Ids(await JsonOf("run", folder.Path, "the red bowl", "--json"), "ids");
        five[0].ShouldBe(1);
        Ids(await JsonOf(["run", folder.Path, "the red bowl", "--json", .. former]), "ids").ShouldBe(five.Skip(1));
        Ids(await JsonOf(["generate", folder.Path, "the red bowl", "--json", "-n", "1", .. former]), "prompt_ids").ShouldBe(five.Skip(1));
        (await JsonOf("tokens", folder.Path, "the red bowl", "--json")).GetProperty("notes").EnumerateArray().ShouldHaveSingleItem().GetString()!
            .ShouldContain("add_bos_token is false");
        (await CommandLine.RunAsync("tokens", folder.Path, "the red bowl")).Out.ShouldContain("--tokenizer-as transformers-4");
        foreach (var verb in (string[][])[["tokens"], ["run"], ["generate"]])
        {
            var (exit, _, error) = await CommandLine.RunAsync([.. verb, folder.Path, "hi", "--tokenizer-as", "transformers"]);
            exit.ShouldBe(1);
            error.ShouldContain("expected transformers-5, transformers-4, tokenizers");
        }
    }

    [Theory, MemberData(nameof(Decoders))]
    public async Task Greedy_text_is_what_the_library_generates_also_under_edits(string name)
    {
        var path = Fixtures.Of("models", name);
        using var model = TextModel.Open(path);
        var batch = model.Encode(Text);
        var edit = Edit(model);
        var plain = await JsonOf("generate", path, Text, "--json", "-n", "8", "--ignore-end");
        var edited = await JsonOf("generate", path, Text, "--json", "-n", "8", "--ignore-end", "--edit", edit);
        Ids(plain, "prompt_ids").ShouldBe(batch.Ids[0]);
        using var expected = model.Generate(batch, 8);
        Ids(plain, "ids").ShouldBe(expected.Ids[0]);
        using var clamped = model.Generate(batch, 8, RunPlan.Load(edit));
        Ids(edited, "ids").ShouldBe(clamped.Ids[0]);
        Ids(edited, "ids").ShouldNotBe(Ids(plain, "ids"), "the edit clamps neurons far away from what they say");
    }

    [Fact]
    public async Task Greedy_ids_of_a_real_model_are_the_reference_s()
    {
        var path = SharedModels.Gguf();
        using var fixture = Fixture.Open(Fixtures.Of("models", "smollm2-gguf"));
        foreach (var @case in fixture.Meta.GetProperty("cases").EnumerateArray().Where(c => c.TryGetProperty("greedy_text", out _)))
        {
            var name = @case.GetProperty("case").GetString();
            var greedy = fixture.Ids($"{name}/out.greedy_ids");
            var found = await JsonOf("generate", path, @case.GetProperty("text").GetString()!, "--json", "-n", $"{greedy.Length}", "--ignore-end");
            Ids(found, "prompt_ids").ShouldBe(fixture.Ids($"{name}/in.input_ids"));
            Ids(found, "ids").ShouldBe(greedy);
            found.GetProperty("text").GetString().ShouldBe(@case.GetProperty("greedy_text").GetString());
        }
    }

    [Theory, MemberData(nameof(Classifiers))]
    public async Task A_classifier_s_file_holds_the_reference_s_ids_and_class_logits(string name)
    {
        using var fixture = Fixture.Open(Fixtures.Of("models", name));
        var (ids, mask) = (fixture.IdRows("text/in.input_ids"), fixture.Rows("text/in.attention_mask"));
        using var logits = fixture.Read("text/out.class_logits");
        foreach (var (row, entry) in fixture.Meta.GetProperty("text").EnumerateArray().Index().Where(e => !IsPair(e.Item)))
        {
            var (exit, @out, error) = await CommandLine.RunAsync(
                "run", fixture.Folder, entry.GetProperty("text").GetString()!, "--out", folder["run.safetensors"], "--json");
            exit.ShouldBe(0, error);
            JsonDocument.Parse(@out).RootElement.GetProperty("answers")[0].GetProperty("text").GetString().ShouldBe(entry.GetProperty("label").GetString());
            using var file = SafetensorsFile.Open(folder["run.safetensors"]);
            using var scope = NewDisposeScope();
            file.Read("in.input_ids").data<long>().ToArray().ShouldBe(ids[row].Where((_, i) => mask[row][i] == 1).Select(id => (long)id));
            file.Read("out.class_logits").flatten().ShouldBeClose(logits[row]);
        }
    }

    [Fact]
    public async Task The_captured_points_of_a_real_model_are_the_reference_s()
    {
        var path = SharedModels.Gguf();
        using var fixture = Fixture.Open(Fixtures.Of("models", "smollm2-gguf"));
        const string Case = "mixed";
        var text = fixture.Meta.GetProperty("cases").EnumerateArray().First(c => c.GetProperty("case").GetString() == Case).GetProperty("text").GetString()!;
        string[] points = [.. fixture.KeysOf(Case).Where(k => k.StartsWith("language.", StringComparison.Ordinal))];
        points.ShouldNotBeEmpty();
        var (exit, _, error) = await CommandLine.RunAsync(["run", path, text, "--out", folder["run.safetensors"], "--capture", .. points]);
        exit.ShouldBe(0, error);
        using var file = SafetensorsFile.Open(folder["run.safetensors"]);
        using var scope = NewDisposeScope();
        foreach (var point in points)
        {
            file.Read(point).ShouldBeClose(fixture.Read($"{Case}/{point}"), point);
        }

        file.Read("out.logits")[0, -1].ShouldBeClose(fixture.Read($"{Case}/out.logits_last").flatten());
    }

    [Theory, MemberData(nameof(Decoders))]
    public async Task The_file_holds_every_point_that_was_asked_for_under_the_edit(string name)
    {
        var path = Fixtures.Of("models", name);
        using var model = TextModel.Open(path);
        var edit = Edit(model);
        var (exit, @out, error) = await CommandLine.RunAsync(
            "run", path, Text, "--capture", "language.*.resid_post", "--edit", edit, "--out", folder["run.safetensors"], "--json");
        exit.ShouldBe(0, error);
        using var expected = model.Run(model.Encode(Text), RunPlan.Load(edit) with { Capture = ["language.*.resid_post"] });
        using var plain = model.Run(model.Encode(Text));
        using var file = SafetensorsFile.Open(folder["run.safetensors"]);
        using var scope = NewDisposeScope();
        file.Tensors.Keys.ShouldBe(["in.input_ids", "out.logits", .. expected.Activations.Keys.Select(k => k.ToString())], ignoreOrder: true);
        expected.Activations.Count.ShouldBe(model.Language.Shape.Layers);
        foreach (var (address, value) in expected.Activations)
        {
            file.Read(address.ToString()).ShouldHaveTheBitsOf(value, address.ToString());
        }

        file.Read("out.logits").ShouldHaveTheBitsOf(expected.Logits, "logits");
        (file.Read("out.logits") - plain.Logits).abs().max().item<float>().ShouldBeGreaterThan(1e-2f, "the edit acts");
        JsonDocument.Parse(@out).RootElement.GetProperty("captured").GetArrayLength().ShouldBe(expected.Activations.Count);
    }

    [Theory, MemberData(nameof(Decoders))]
    public async Task An_address_that_the_model_lacks_writes_nothing(string name)
    {
        var (exit, _, error) = await CommandLine.RunAsync(
            "run", Fixtures.Of("models", name), Text, "--capture", "language.*.resid_psot", "--out", folder["run.safetensors"]);
        exit.ShouldBe(1);
        error.ShouldContain("resid_psot");
        error.ShouldContain("the nearest");
        Directory.GetFileSystemEntries(folder.Path).ShouldBeEmpty();
    }

    [Theory, MemberData(nameof(Decoders))]
    public async Task Value_vectors_of_a_text_model_are_read_in_its_own_words(string name)
    {
        var path = Fixtures.Of("models", name);
        var (exit, @out, error) = await CommandLine.RunAsync("neurons", path, "--layer", "1", "--top", "5", "--json");
        exit.ShouldBe(0, error);
        using var model = TextModel.Open(path);
        var neurons = JsonDocument.Parse(@out).RootElement;
        neurons.GetArrayLength().ShouldBe(model.Language.Shape.Neurons);
        using var scope = NewDisposeScope();
        var vector = model.Language.ValueVectors(1)[0];
        var logits = model.Language.Unembedding().matmul(vector);
        var found = neurons[0].GetProperty("top_ids").EnumerateArray().Select(i => i.GetInt64()).ToArray();
        logits[found[0]].item<float>().ShouldBe(neurons[0].GetProperty("top_scores")[0].GetSingle(), 1e-4f);
        logits.index_select(0,
            tensor([.. Enumerable.Range(0, (int)logits.shape[0]).Where(i => model.Tokenizer.Token(i) is not null and not "<unk>")
                .Select(i => (long)i)])).max().item<float>()
            .ShouldBe(logits[found[0]].item<float>(), 1e-4f, "no word of the vocabulary is raised more");
    }

    [Fact]
    public async Task A_text_model_has_no_actions_to_search_for()
    {
        Assert.SkipUnless(Decoders().Any(), "no decoder of the fixtures has a tokenizer");
        var (exit, _, error) = await CommandLine.RunAsync("concepts", Fixtures.Of("models", Decoders().First().Data), "--action", "+");
        exit.ShouldBe(1);
        error.ShouldContain("no action tokens");
    }

    [Fact]
    public async Task An_image_encoder_has_no_words()
    {
        var (exit, _, error) = await CommandLine.RunAsync("neurons", Fixtures.Of("models", "vit"));
        exit.ShouldBe(1);
        error.ShouldContain("no vocabulary");
    }

    public void Dispose() => folder.Dispose();

    private static IEnumerable<string> Folders(string kind)
        => Directory.Exists(Path.Combine(Fixtures.Root, kind))
            ? Directory.GetDirectories(Path.Combine(Fixtures.Root, kind)).Select(f => Path.GetFileName(f)).Order(StringComparer.Ordinal)
            : [];

    /// <summary>The command reads one text at a time.</summary>
    private static bool IsPair(JsonElement entry) => entry.TryGetProperty("pair", out var pair) && pair.ValueKind == JsonValueKind.String;

    private static bool Has(string name, string key)
    {
        using var fixture = Fixture.Open(Path.Combine(Fixtures.Root, "models", name));
        return fixture.Has(key);
    }

    /// <summary>A clamp of a few neurons of the first layer, outside the folder that the command writes to.</summary>
    private string Edit(TextModel model)
    {
        var path = folder["plan.json"];
        var neurons = string.Join(", ", Enumerable.Range(0, Math.Min(6, model.Language.Shape.Neurons)).Select(i => $"[0, {i}]"));
        var values = string.Join(", ", Enumerable.Range(0, Math.Min(6, model.Language.Shape.Neurons)).Select(_ => "40"));
        File.WriteAllText(path, $$"""{"edits": [{"edit": "clamp", "neurons": {"stack": "language", "neurons": [{{neurons}}]}, "values": [{{values}}]}]}""");
        return path;
    }

    private static int[] Ids(JsonElement json, string name) => [.. json.GetProperty(name).EnumerateArray().Select(i => i.GetInt32())];

    private static async Task<JsonElement> JsonOf(params string[] args)
    {
        var (exit, @out, error) = await CommandLine.RunAsync(args);
        exit.ShouldBe(0, error);
        return JsonDocument.Parse(@out).RootElement;
    }
}
