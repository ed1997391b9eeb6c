using System.Text.Json;
using Vitrine.Policies;
using Vitrine.Tests.Cli;
using Vitrine.Tests.Policies;
using Vitrine.Transformers;

namespace Vitrine.Tests.Folders;

/// <summary>inspect names every file of a folder: read, or not and why.</summary>
public sealed class ModelFolderTests
{
    [Theory]
    [InlineData("README.md", "says something to people")]
    [InlineData("LICENSE", "says something to people")]
    [InlineData(".gitattributes", "of the tools that fetched the folder")]
    [InlineData("overview.png", "a picture")]
    [InlineData("modeling_custom.py", "code is never executed")]
    [InlineData("optimizer.pt", "left by a training")]
    [InlineData("trainer_state.json", "left by a training")]
    [InlineData("training_args.bin", "left by a training")]
    [InlineData("rng_state_0.pth", "left by a training")]
    [InlineData("pytorch_model.bin", "model.safetensors is read in its place, as transformers does")]
    [InlineData("tf_model.h5", "weights of another format")]
    [InlineData("model.Q4_K_M.gguf", "weights of another format")]
    [InlineData("consolidated.00.pth", "weights of another format")]
    [InlineData("model-00001-of-00002.safetensors", "the model's weights are read from other files")]
    [InlineData("adapter_model.safetensors", "no adapter_config.json names it")]
    [InlineData("preprocessor_config.json", "this kind of model has no use for it")]
    [InlineData("dataset_statistics.json", "this kind of model has no use for it")]
    [InlineData("vocab.json", "is read in its place")]
    [InlineData("modules.json", "sentence-transformers")]
    [InlineData("quantize_config.json", "config.json says how weights are quantised")]
    [InlineData("settings.json", "not known; it is not read")]
    public async Task What_is_not_read_is_told_with_its_reason(string name, string why)
    {
        using var copy = ModelCopy.Of("llama");
        var before = copy.Logits(copy.Prompt());
        File.WriteAllText(copy[name], "{}");
        var files = await FilesOf(copy.Path);
        var file = files.Single(f => f.Name == name);
        file.IsRead.ShouldBeFalse();
        file.Why.ShouldContain(why);
        copy.Logits(copy.Prompt()).ShouldBe(before);
        (await CommandLine.RunAsync("inspect", copy.Path)).Out.ShouldContain($"({file.Why})");
    }

    [Fact]
    public async Task Every_file_of_every_fixture_is_named_and_what_the_model_needs_is_read()
    {
        foreach (var folder in Directory.GetDirectories(Path.Combine(Fixtures.Root, "models")).Where(f => File.Exists(Path.Combine(f, "config.json")))
            .Where(f => PolicyExample.SaysItsSizes(Path.GetFileName(f))))
        {
            var files = await FilesOf(folder);
            files.Select(f => f.Name.TrimEnd('/')).ShouldBe(Directory.GetFileSystemEntries(folder).Select(f => Path.GetFileName(f)!), ignoreOrder: true);
            files.Where(f => f.IsRead).Select(f => f.Name).ShouldContain("config.json");
            files.Where(f => f.IsRead).ShouldContain(f => f.Name.EndsWith(".safetensors", StringComparison.Ordinal));
            files.Single(f => f.Name == "meta.json").IsRead.ShouldBeFalse();
            files.Single(f => f.Name == "golden.safetensors").IsRead.ShouldBeFalse();
        }
    }

    [Fact]
    public async Task What_the_policy_that_comes_along_reads_is_told()
    {
        var read = (await FilesOf("embedded:tabletop")).Where(f => f.IsRead).Select(f => f.Name).ToArray();
        foreach (var name in new[] { "config.json", "model.safetensors", "preprocessor_config.json", "dataset_statistics.json", "generation_config.json" })
        {
            read.ShouldContain(name);
        }
    }

    /// <remarks>Its chunk comes out of one pass, so that no rule of a generation can act.</remarks>
    [Fact]
    public void A_policy_that_generates_no_tokens_does_not_claim_to_read_how()
    {
        var (folder, options) = (Fixtures.Of("models", "openvla-oft"), PolicyExample.Options("openvla-oft"));
        using var policy = Policy.Open(folder, options);
        var file = ModelFolder.Describe(Policy.Catalog.Find(folder), policy, options).Single(f => f.Name == "generation_config.json");
        file.IsRead.ShouldBeFalse();
        file.Why.ShouldContain("generates no tokens by it");
    }

    /// <summary>Weights are read by their headers alone: their data may be missing altogether.</summary>
    [Fact]
    public async Task Inspecting_reads_no_weight()
    {
        using var copy = ModelCopy.Of("llama");
        using (var file = File.OpenHandle(copy["model.safetensors"], FileMode.Open, FileAccess.ReadWrite))
        {
            var header = new byte[8];
            RandomAccess.Read(file, header, 0);
            var begin = 8 + BitConverter.ToInt64(header);
            var nothing = new byte[RandomAccess.GetLength(file) - begin];
            Array.Fill(nothing, (byte)0xff); // NaN in every format
            RandomAccess.Write(file, nothing, begin);
        }

        var (exit, @out, error) = await CommandLine.RunAsync("inspect", copy.Path, "--json");
        exit.ShouldBe(0, error);
        JsonDocument.Parse(@out).RootElement.GetProperty("fingerprint").ValueKind.ShouldBe(JsonValueKind.Null);
        (await CommandLine.RunAsync("inspect", copy.Path, "--fingerprint")).Out.ShouldContain("fingerprint");
    }

    private static async Task<(string Name, bool IsRead, string Why)[]> FilesOf(string model)
    {
        var (exit, @out, error) = await CommandLine.RunAsync("inspect", model, "--json");
        exit.ShouldBe(0, error);
        return
        [
            .. JsonDocument.Parse(@out).RootElement.GetProperty("files").EnumerateArray()
                .Select(f => (f.GetProperty("name").GetString()!, f.GetProperty("is_read").GetBoolean(), f.GetProperty("why").GetString()!)),
        ];
    }
}
