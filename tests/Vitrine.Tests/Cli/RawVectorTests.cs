using System.Text.Json;
using Vitrine.Checkpoints;
using Vitrine.Tests.Mechanisms;
using Vitrine.Tests.Transformers;
using static TorchSharp.torch;

namespace Vitrine.Tests.Cli;

/// <summary>The verbs about value vectors read behind what stands between neuron and residual stream; <c>--raw</c> leaves it out and says so.</summary>
public sealed class RawVectorTests : IDisposable
{
    private const string Gain = "model.layers.3.post_feedforward_layernorm.weight";
    private readonly ChangedModel gemma = WithTokenizer(_ => { });
    private readonly TemporaryFolder folder = new();

    [Fact]
    public async Task Neurons_of_gemma_2_are_read_behind_the_norm()
    {
        (await First("--layer", "3")).ShouldBe([190, 97, 88]);
        (await First("--layer", "3", "--raw")).ShouldBe([166, 239, 215]);
        var (_, @out, _) = await CommandLine.RunAsync("neurons", gemma.Folder, "--layer", "3", "-n", "2");
        @out.ShouldContain("behind the norm");
        (_, @out, _) = await CommandLine.RunAsync("neurons", gemma.Folder, "--layer", "3", "-n", "2", "--raw");
        @out.ShouldContain("vectors: raw");
        (_, @out, _) = await CommandLine.RunAsync("neurons", Fixtures.Of("models", "gpt2"), "--layer", "1", "-n", "2");
        @out.ShouldNotContain("vectors:");
    }

    [Fact]
    public async Task A_folder_of_readings_says_which_vectors_it_holds_and_takes_no_others()
    {
        var (exit, _, error) = await CommandLine.RunAsync("neurons", gemma.Folder, "--layer", "3", "--out", folder["kept"]);
        exit.ShouldBe(0, error);
        JsonDocument.Parse(await File.ReadAllTextAsync(folder["kept/projection.json"], TestContext.Current.CancellationToken)).RootElement
            .GetProperty("vectors").GetString().ShouldBe("behind the norm");
        (exit, _, error) = await CommandLine.RunAsync("neurons", gemma.Folder, "--layer", "2", "--out", folder["kept"], "--raw");
        exit.ShouldBe(1);
        error.ShouldContain("vectors");
        (exit, _, error) = await CommandLine.RunAsync("neurons", Fixtures.Of("models", "gpt2"), "--layer", "1", "--out", folder["plain"]);
        exit.ShouldBe(0, error);
        JsonDocument.Parse(await File.ReadAllTextAsync(folder["plain/projection.json"], TestContext.Current.CancellationToken)).RootElement
            .TryGetProperty("vectors", out _).ShouldBeFalse("folders of models without such a norm go on as they were");
    }

    /// <remarks>Tuning changed the gain of one coordinate from 1 + g to 1 + g + 3 and no column: what is written changed by 3 |w_ij| / |g * w_i|.</remarks>
    [Fact]
    public async Task A_diff_sees_that_the_norm_was_tuned_and_raw_vectors_do_not()
    {
        using var tuned = WithTokenizer(tensors =>
        {
            var gain = tensors[Gain].clone();
            gain[5] = gain[5] + 3;
            tensors[Gain] = gain;
        });
        using var checkpoint = Checkpoint.Open(gemma.Folder);
        using var scope = NewDisposeScope();
        var w = OpenedModel.ValueVectors(checkpoint, "language", 3).to(float64);
        var written = w * (checkpoint.Read(Gain).to(float64) + 1);
        double[] expected = [.. (w.select(1, 5).abs() * 3 / written.norm(1)).data<double>()];
        foreach (var neuron in await Changes(tuned.Folder))
        {
            var (layer, index) = (neuron.GetProperty("neuron").GetProperty("layer").GetInt32(), neuron.GetProperty("neuron").GetProperty("index").GetInt32());
            neuron.GetProperty("change").GetDouble().ShouldBe(layer == 3 ? expected[index] : 0, 1e-4 * (1 + expected[index]), $"{layer}:{index}");
        }

        (await Changes(tuned.Folder, "--raw")).ShouldAllBe(n => n.GetProperty("change").GetDouble() == 0);
    }

    /// <remarks>Score of a word: its logit in deviations of the neuron's own logits from their mean, logits E (g * w).</remarks>
    [Theory, InlineData(false), InlineData(true)]
    public async Task Concepts_are_searched_among_what_is_written(bool raw)
    {
        string[] args = ["concepts", gemma.Folder, "the", "-n", "5", "--json", .. raw ? ["--raw"] : Array.Empty<string>()];
        var (exit, @out, error) = await CommandLine.RunAsync(args);
        exit.ShouldBe(0, error);
        using var model = Vitrine.Transformers.TextModel.Open(gemma.Folder);
        using var checkpoint = Checkpoint.Open(gemma.Folder);
        using var scope = NewDisposeScope();
        var tokens = Vitrine.Mechanisms.ValueVectors.TokenReader.Of(model);
        var valid = tensor([.. tokens.Valid.Select(t => (long)t)]);
        var word = tokens.Valid.ToList().IndexOf(tokens.Id("the")!.Value);
        foreach (var found in JsonDocument.Parse(@out).RootElement.EnumerateArray())
        {
            var (layer, index) = (found.GetProperty("layer").GetInt32(), found.GetProperty("index").GetInt32());
            var w = OpenedModel.ValueVectors(checkpoint, "language", layer)[index].to(float64);
            var g = checkpoint.Read($"model.layers.{layer}.post_feedforward_layernorm.weight").to(float64) + 1;
            var logits = checkpoint.Read("model.embed_tokens.weight").to(float64).index_select(0, valid).mv(raw ? w : w * g);
            var expected = ((logits[word] - logits.mean()) / logits.std(unbiased: false)).item<double>();
            found.GetProperty("score").GetDouble().ShouldBe(expected, 1e-3, $"{layer}:{index}");
        }
    }

    public void Dispose()
    {
        gemma.Dispose();
        folder.Dispose();
    }

    private async Task<int[]> First(params string[] options)
    {
        var (exit, @out, error) = await CommandLine.RunAsync(["neurons", gemma.Folder, "--json", .. options]);
        exit.ShouldBe(0, error);
        JsonElement[] neurons = [.. JsonDocument.Parse(@out).RootElement.EnumerateArray()];
        return [.. new[] { 2, 4, 5 }.Select(i => neurons[i].GetProperty("top_ids")[0].GetInt32())];
    }

    private async Task<JsonElement[]> Changes(string tuned, params string[] options)
    {
        var (exit, @out, error) = await CommandLine.RunAsync(["neurons", "diff", gemma.Folder, tuned, "--json", .. options]);
        exit.ShouldBe(0, error);
        return [.. JsonDocument.Parse(@out).RootElement.GetProperty("neurons").EnumerateArray()];
    }

    /// <summary>The small Gemma 2 with a tokenizer of as many ids.</summary>
    private static ChangedModel WithTokenizer(Action<Dictionary<string, Tensor>> change)
    {
        var model = ChangedModel.Of("gemma2", change);
        foreach (var file in new[] { "tokenizer.json", "tokenizer_config.json" })
        {
            File.Copy(Fixtures.Of("models", "gpt2", file), model[file], overwrite: true);
        }

        return model;
    }
}
