using Vitrine.Checkpoints;
using Vitrine.Mechanisms.ValueVectors;
using Vitrine.Tests.Checkpoints;
using Vitrine.Tests.Cli;
using Vitrine.Transformers;
using static TorchSharp.torch;

namespace Vitrine.Tests.Mechanisms;

public sealed class StackValueVectorTests
{
    public static TheoryData<string> Names() => OpenedModel.Names();

    /// <summary>Models that a GGUF file can hold.</summary>
    public static TheoryData<string> Convertible() => [.. GgufModelTests.Convertible().Where(r => r.Data.Length > 0).Select(r => Path.GetFileName(r.Data)!)];

    [Theory, MemberData(nameof(Names))]
    public void Every_stack_s_raw_vectors_are_those_of_its_file(string name)
    {
        using var model = OpenedModel.Open(name);
        using var checkpoint = Checkpoint.Open(Fixtures.Of("models", name));
        foreach (var stack in OpenedModel.StacksOf(model))
        {
            using var mapped = StackValueVectors.Open(Fixtures.Of("models", name), stack.Shape.Name, OpenedModel.Options(name), raw: true);
            (mapped.Layers, mapped.Neurons, mapped.Width, mapped.Vocabulary, mapped.Stack)
                .ShouldBe((stack.Shape.Layers, stack.Shape.Neurons, stack.Shape.Width, stack.Shape.Vocabulary, stack.Shape.Name));
            for (var layer = 0; layer < mapped.Layers; layer++)
            {
                using var scope = NewDisposeScope();
                var (found, expected) = (mapped.Vectors(layer), OpenedModel.ValueVectors(checkpoint, stack.Shape.Name, layer));
                found.shape.ShouldBe([stack.Shape.Neurons, stack.Shape.Width]);
                found.ShouldHaveTheBitsOf(expected, $"{name} {stack.Shape.Name} {layer}, the file");
                found.ShouldHaveTheBitsOf(stack.RawValueVectors(layer), $"{name} {stack.Shape.Name} {layer}, the stack");
            }

            Should.Throw<VitrineException>(() => mapped.Vectors(mapped.Layers)).Message.ShouldContain($"{mapped.Layers} layers");
        }
    }

    [Theory, MemberData(nameof(Names))]
    public void Some_neurons_of_a_layer_are_those_of_all(string name)
    {
        foreach (var storage in new[] { WeightStorage.Widened, WeightStorage.AsStored })
        {
            using var model = OpenedModel.Open(name, OpenedModel.Options(name) with { Storage = storage });
            foreach (var stack in OpenedModel.StacksOf(model))
            {
                using var scope = NewDisposeScope();
                int[] some = [stack.Shape.Neurons - 1, 0, 2];
                var (at, last) = (tensor([.. some.Select(n => (long)n)]), stack.Shape.Layers - 1);
                stack.NeuronKeys(last, some).ShouldHaveTheBitsOf(stack.NeuronKeys(last).index_select(0, at), $"{name} {stack.Shape.Name}, keys");
                stack.RawValueVectors(last, some).ShouldHaveTheBitsOf(stack.RawValueVectors(last).index_select(0, at), $"{name} {stack.Shape.Name}, raw");
                if (stack.BehindNeurons != "gate")
                {
                    // A norm's centring adds up in another order where rows lie otherwise.
                    var (found, whole) = (stack.ValueVectors(last, some), stack.ValueVectors(last).index_select(0, at));
                    (found - whole).abs().max().item<float>().ShouldBeLessThan(1e-6f * Math.Max(1, whole.abs().max().item<float>()), name);
                }

                Should.Throw<VitrineException>(() => stack.NeuronKeys(0, [stack.Shape.Neurons])).Message.ShouldContain($"neuron {stack.Shape.Neurons}");
            }
        }
    }

    [Theory, MemberData(nameof(Names))]
    public void A_model_compared_with_itself_has_not_changed(string name)
    {
        using var model = OpenedModel.Open(name);
        foreach (var stack in OpenedModel.StacksOf(model))
        {
            var raw = stack.BehindNeurons == "gate";
            using var same = StackValueVectors.Open(Fixtures.Of("models", name), stack.Shape.Name, OpenedModel.Options(name), raw: raw);
            using var source = new StackValueVectors(model, stack.Shape.Name) { IsRaw = raw };
            var diff = NeuronDiff.OfVectors(source, same, cancellation: TestContext.Current.CancellationToken);
            diff.Neurons.Count.ShouldBe(stack.Shape.Layers * stack.Shape.Neurons);
            diff.Neurons.ShouldAllBe(n => Math.Abs(n.Cosine - 1) < 1e-5 && n.Change == 0 && n.TunedActions == null);
            diff.MostChanged(3).ShouldBeEmpty();
            diff.Layers.ShouldAllBe(l => l.CosineOfRandomPairs < 0.9 && l.NewWriters == null);
            diff.Tokens.ShouldBeEmpty();
            (diff.BaseFingerprint, diff.TunedFingerprint).ShouldBe((model.Fingerprint, model.Fingerprint));
        }
    }

    [Theory, MemberData(nameof(Names))]
    public void The_one_neuron_that_was_changed_is_found(string name)
    {
        using var model = OpenedModel.Open(name);
        foreach (var stack in OpenedModel.StacksOf(model))
        {
            using var folder = new TemporaryFolder();
            var changed = new Neuron(stack.Shape.Layers - 1, 3);
            var copy = OpenedModel.CopyWithOneNeuronChanged(name, folder.Path, stack.Shape.Name, changed);
            var raw = stack.BehindNeurons == "gate";
            using var source = new StackValueVectors(model, stack.Shape.Name) { IsRaw = raw };
            using var tuned = StackValueVectors.Open(copy, stack.Shape.Name, OpenedModel.Options(name), raw: raw);
            Found(NeuronDiff.OfVectors(source, tuned, cancellation: TestContext.Current.CancellationToken), changed);
        }
    }

    [Theory, MemberData(nameof(Convertible))]
    public void A_gguf_file_is_compared_as_the_model_that_it_was_made_from(string name)
    {
        using var folder = new TemporaryFolder();
        Directory.CreateDirectory(folder["changed"]);
        var changed = new Neuron(1, 3);
        OpenedModel.CopyWithOneNeuronChanged(name, folder["changed"], "language", changed);
        foreach (var (from, to) in new[] { (Fixtures.Of("models", name), "same.gguf"), (folder["changed"], "changed.gguf") })
        {
            using var checkpoint = Checkpoint.Open(from);
            File.WriteAllBytes(folder[to], GgufModelTests.Convert(from, checkpoint));
        }

        using var source = StackValueVectors.Open(Fixtures.Of("models", name));
        using var same = StackValueVectors.Open(folder["same.gguf"]);
        using var other = StackValueVectors.Open(folder["changed.gguf"]);
        NeuronDiff.OfVectors(source, same, cancellation: TestContext.Current.CancellationToken).Neurons.ShouldAllBe(n => n.Change == 0);
        Found(NeuronDiff.OfVectors(same, other, cancellation: TestContext.Current.CancellationToken), changed);
        var words = NeuronDiff.Of(same, other, isAction: null, cancellation: TestContext.Current.CancellationToken);
        Found(words, changed);
        words.Tokens.Count.ShouldBe(source.Vocabulary);
        words.Tokens.ShouldContain(t => t.Z != 0);
        words.Layers.ShouldAllBe(l => l.BaseActions == null && l.ShuffledActions == null);
    }

    [Fact]
    public void A_quantised_gguf_file_of_a_real_model_is_compared_with_itself()
    {
        using var source = StackValueVectors.Open(SharedModels.Gguf());
        (source.Layers, source.Neurons, source.Width, source.Vocabulary).ShouldBe((30, 1536, 576, 49_152));
        NeuronDiff.OfVectors(
            source, source, cancellation: TestContext.Current.CancellationToken).Neurons.ShouldAllBe(n => n.Change == 0 && Math.Abs(n.Cosine - 1) < 1e-5);
    }

    [Fact]
    public void A_policy_s_tower_is_compared_with_the_encoder_that_it_was_made_of()
    {
        const string Prefix = "vision_backbone.featurizer.";
        using var policy = OpenedModel.Open("openvla");
        using var tower = new StackValueVectors(policy, "dino");
        using var folder = new TemporaryFolder();
        using (var checkpoint = Checkpoint.Open(Fixtures.Of("models", "openvla")))
        using (NewDisposeScope())
        {
            var own = checkpoint.Names.Where(n => n.StartsWith(Prefix, StringComparison.Ordinal));
            var renamed = own.ToDictionary(n => n[Prefix.Length..].Replace("scale_factor", "gamma", StringComparison.Ordinal), checkpoint.Read);
            SafetensorsFile.Save(folder["model.safetensors"], renamed);
        }

        File.WriteAllText(folder["config.json"], TimmConfig(policy));
        using var encoder = StackValueVectors.Open(folder.Path);
        encoder.Layers.ShouldBeGreaterThan(tower.Layers, "the policy leaves the last blocks out");
        var diff = NeuronDiff.OfVectors(encoder, tower, cancellation: TestContext.Current.CancellationToken);
        diff.Layers.Count.ShouldBe(tower.Layers);
        diff.Neurons.ShouldAllBe(n => n.Change == 0);
    }

    [Fact]
    public void The_default_is_the_stack_that_reads_words_or_the_tower_that_sees()
    {
        using var policy = OpenedModel.Open("openvla");
        using var clip = OpenedModel.Open("clip");
        using var bert = OpenedModel.Open("bert-classifier");
        new StackValueVectors(policy).Stack.ShouldBe("language");
        new StackValueVectors(clip).Stack.ShouldBe("vision");
        new StackValueVectors(clip, "text").Stack.ShouldBe("text");
        new StackValueVectors(bert).Stack.ShouldBe(bert.Decoders[0].Shape.Name);
        var message = Should.Throw<VitrineException>(() => new StackValueVectors(policy, "expert")).Message;
        message.ShouldContain("no stack 'expert'");
        message.ShouldContain("dino, siglip, language");
    }

    [Fact]
    public void A_tower_has_no_words_and_says_so()
    {
        using var tower = StackValueVectors.Open(Fixtures.Of("models", "dinov2"));
        tower.Vocabulary.ShouldBe(0);
        Should.Throw<VitrineException>(tower.Unembedding).Message.ShouldContain("no vocabulary");
        Should.Throw<VitrineException>(() => NeuronDiff.Of(tower, tower, isAction: null)).Message.ShouldContain("0 tokens");
    }

    private static void Found(NeuronDiff diff, Neuron changed)
    {
        var found = diff.MostChanged(2).ShouldHaveSingleItem();
        found.Neuron.ShouldBe(changed);
        found.Cosine.ShouldBe(-1, 1e-5);
        found.Change.ShouldBe(2.5, 2e-2, "a vector w became -1.5 w, in bfloat16 where the file has that");
    }

    private static string TimmConfig(Model policy)
    {
        var (tower, spec) = (policy.Towers.First(t => t.Shape.Name == "dino"), policy.Towers.First(t => t.Shape.Name == "dino").Spec);
        using var checkpoint = Checkpoint.Open(Fixtures.Of("models", "openvla"));
        var depth = checkpoint.Names.Where(n => n.StartsWith("vision_backbone.featurizer.blocks.", StringComparison.Ordinal))
            .Count(n => n.EndsWith(".mlp.fc2.weight", StringComparison.Ordinal));
        var around = tower.Around;
        return FormattableString.Invariant(
            $$"""
            {"architecture": "vit_large_patch14_reg4_dinov2", "num_classes": 0, "model_args": {
             "img_size": {{around.PatchSize * tower.Grid}}, "patch_size": {{around.PatchSize}}, "embed_dim": {{spec.Width}}, "depth": {{depth}},
             "num_heads": {{spec.Attention.Heads}}, "mlp_ratio": {{(double)spec.Mlp.Neurons / spec.Width}}, "num_classes": 0, "class_token": true,
             "reg_tokens": {{around.Registers}}, "no_embed_class": true, "init_values": 1e-5, "global_pool": "token"} }
            """);
    }
}
