using Vitrine.Checkpoints;
using Vitrine.Tests.Checkpoints;

namespace Vitrine.Tests.Cli;

/// <summary>What tells of a file or of the program does not wait for libtorch. The system's loader says what it opened (glibc, <c>LD_DEBUG</c>).</summary>
public sealed class WithoutLibtorchTests : IDisposable
{
    private const string Library = "libtorch";
    private readonly TemporaryFolder folder = new();

    [Fact]
    public async Task The_version() => (await LoadedAsync("--version")).ShouldNotContain(Library);

    [Fact]
    public async Task Help() => (await LoadedAsync("--help")).ShouldNotContain(Library);

    [Theory]
    [InlineData("llama")]
    [InlineData("llama-sharded-bf16")]
    [InlineData("llama-classifier")]
    [InlineData("gemma2")]
    [InlineData("qwen3")]
    [InlineData("gpt2")]
    [InlineData("neox")]
    [InlineData("bert-classifier")]
    [InlineData("distilbert-classifier")]
    public async Task Inspecting_safetensors(string name) => (await LoadedAsync("inspect", Fixtures.Of("models", name))).ShouldNotContain(Library);

    [Theory]
    [InlineData("llama")]
    [InlineData("gemma2")]
    [InlineData("gpt2")]
    public async Task Inspecting_GGUF(string name)
    {
        var source = Fixtures.Of("models", name);
        using var checkpoint = Checkpoint.Open(source);
        await File.WriteAllBytesAsync(folder["model.gguf"], GgufModelTests.Convert(source, checkpoint), TestContext.Current.CancellationToken);
        (await LoadedAsync("inspect", folder["model.gguf"])).ShouldNotContain(Library);
    }

    [Fact]
    public async Task Inspecting_GGUF_with_a_vocabulary() => (await LoadedAsync("inspect", SharedModels.Gguf())).ShouldNotContain(Library);

    /// <summary>Else the others would prove nothing.</summary>
    [Fact]
    public async Task Running_loads_it() => (await LoadedAsync("run", Fixtures.Of("models", "llama"), "hello")).ShouldContain(Library);

    public void Dispose() => folder.Dispose();

    private async Task<string> LoadedAsync(params string[] args)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "LD_DEBUG is glibc's");
        var (exit, _, error) = await CommandProcess.RunAsync(
            new Dictionary<string, string> { ["LD_DEBUG"] = "files", ["LD_DEBUG_OUTPUT"] = folder["loaded"] }, args);
        exit.ShouldBe(0, error);
        var loaded = string.Concat(Directory.GetFiles(folder.Path, "loaded.*").Select(File.ReadAllText));
        loaded.ShouldContain("libcoreclr");
        return loaded;
    }
}
