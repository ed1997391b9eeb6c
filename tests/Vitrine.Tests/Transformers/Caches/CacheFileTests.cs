using Vitrine.Checkpoints;
using Vitrine.Transformers;
using Vitrine.Transformers.Caches;
using static TorchSharp.torch;

namespace Vitrine.Tests.Transformers.Caches;

public sealed class CacheFileTests : IDisposable
{
    private readonly string path = Path.Combine(Path.GetTempPath(), $"vitrine-cache-{Guid.NewGuid():N}.safetensors");

    public static TheoryData<string> Decoders() => TextFixtures.Decoders();

    public void Dispose() => File.Delete(path);

    [Theory, MemberData(nameof(Decoders))]
    public void A_cache_that_was_saved_and_loaded_says_the_same(string name)
    {
        using var model = TextFixtures.Open(name);
        var prompt = TextFixtures.Prompt(name);
        using var whole = ActivationCache.Of(model, TokenBatch.Of([prompt, prompt[..4]]));
        using var cache = whole.AtPosition(-1);
        foreach (var saved in new[] { whole, cache })
        {
            saved.Save(path);
            using var loaded = ActivationCache.Load(model, path);
            loaded.Ids.ShouldBe(saved.Ids);
            loaded.Positions.ShouldBe(saved.Positions);
            loaded.Activations.Keys.ShouldBe(saved.Activations.Keys, ignoreOrder: true);
            foreach (var (address, value) in saved.Activations)
            {
                loaded[address.ToString()].ShouldHaveTheBitsOf(value, address.ToString());
            }

            using var scope = NewDisposeScope();
            loaded.Full().Values.ShouldBeClose(saved.Full().Values);
            loaded.LogitAttribution(loaded.Decompose(), [3], [5]).ShouldBeClose(saved.LogitAttribution(saved.Decompose(), [3], [5]));
        }
    }

    [Fact]
    public void Another_models_cache_and_files_that_are_none_are_refused()
    {
        using var model = TextFixtures.Any();
        using var cache = ActivationCache.Of(model, TokenBatch.Of(3, 4));
        cache.Save(path);
        foreach (var row in Decoders())
        {
            using var other = TextFixtures.Open(row.Data);
            if (other.Fingerprint != model.Fingerprint)
            {
                Should.Throw<VitrineException>(() => ActivationCache.Load(other, path)).Message.ShouldContain("another model's");
            }
        }

        Write(new() { ["format"] = "vitrine.activations/1", ["fingerprint"] = model.Fingerprint }, ("in.input_ids", ones(1, 2, int64)),
            ("in.positions", ones(1, 3, int64)));
        Should.Throw<VitrineException>(() => ActivationCache.Load(model, path)).Message.ShouldContain("differ in shape");
        Write(new() { ["format"] = "vitrine.activations/1", ["fingerprint"] = model.Fingerprint },
            ("in.input_ids", tensor([3, 1L << 31], [1, 2])), ("in.positions", ones(1, 2, int64)));
        Should.Throw<VitrineException>(() => ActivationCache.Load(model, path)).Message.ShouldContain("'in.input_ids': 2147483648 is no token id");
        Write(new() { ["format"] = "vitrine.activations/1", ["fingerprint"] = model.Fingerprint }, ("in.input_ids", ones(1, 2, int64)),
            ("in.positions", ones(1, 2, int64)), ("nonsense", ones(1, 2)));
        Should.Throw<VitrineException>(() => ActivationCache.Load(model, path)).Message.ShouldContain("nonsense");
        Write([], ("in.input_ids", ones(1, 2, int64)));
        Should.Throw<VitrineException>(() => ActivationCache.Load(model, path)).Message.ShouldContain("format");
        Should.Throw<VitrineException>(() => ActivationCache.Load(model, path + ".missing")).Message.ShouldContain("missing");
    }

    private void Write(Dictionary<string, string> metadata, params (string Name, Tensor Value)[] tensors)
    {
        using var writer = SafetensorsWriter.Create(path, [.. tensors.Select(t => TensorPlan.Of(t.Name, t.Value))], metadata);
        foreach (var (name, value) in tensors)
        {
            writer.Write(name, value);
        }

        writer.Finish();
    }
}
