using Vitrine.Certification;
using Vitrine.Transformers;
using Vitrine.Transformers.Caches;
using Vitrine.Transformers.Points;
using Vitrine.Transformers.Weights;
using static TorchSharp.torch;

namespace Vitrine.Tests.Transformers.Caches;

/// <summary>The algebra holds in every decoder, whatever its norms and biases; its numbers against the field's are in the certificates.</summary>
public sealed class ActivationCacheTests
{
    public static TheoryData<string> Decoders() => TextFixtures.Decoders();

    [Theory, MemberData(nameof(Decoders))]
    public void Parts_sum_to_the_residual_at_every_layer(string name)
    {
        using var model = TextFixtures.Open(name);
        using var cache = Cache(model, name);
        for (int? layer = 0; layer <= model.Language.Shape.Layers; layer++)
        {
            using var scope = NewDisposeScope();
            var residual = cache.Accumulated(layer, mid: false).Values[^1];
            if (layer > 0)
            {
                cache.Heads(layer, remainder: true).Sum().ShouldBeClose(residual, $"heads before {layer}");
            }

            cache.Decompose(layer).Sum().ShouldBeClose(residual, $"components before {layer}");
            cache.Full(layer).Sum().ShouldBeClose(residual, $"everything before {layer}");
            cache.Full(layer, neurons: true).Sum().ShouldBeClose(residual, $"neurons before {layer}");
        }
    }

    [Theory, MemberData(nameof(Decoders))]
    public void Attributions_with_the_gain_sum_to_the_logit_difference(string name)
    {
        using var model = TextFixtures.Open(name);
        using var cache = Cache(model, name);
        using var scope = NewDisposeScope();
        var stack = model.Language;
        var parts = cache.LogitAttribution(cache.Full(), [5], [9], gain: true).sum(0L);
        // what belongs to no part: the bias of the last norm and of the head
        var normed = cache.Renormed(cache.Accumulated()).Values[^1];
        var direction = stack.Head!.Weight[5] - stack.Head.Weight[9];
        var shift = (stack.LastNorm!.Bias is { } bias ? bias.dot(direction) : zeros(1)) + (stack.Head.Bias is { } b ? b[5] - b[9] : zeros(1));
        var capless = normed.matmul(direction) + (stack.Head.Bias is { } c ? c[5] - c[9] : zeros(1));
        (parts + shift).ShouldBeClose(capless);
        if (stack.LogitCap is null)
        {
            using var run = model.Run(Batch(name));
            (run.Logits.select(-1, 5) - run.Logits.select(-1, 9)).ShouldBeClose(capless);
        }
    }

    [Theory, MemberData(nameof(Decoders))]
    public void A_cut_cache_gives_the_cut_of_the_whole(string name)
    {
        using var model = TextFixtures.Open(name);
        var prompt = TextFixtures.Prompt(name);
        foreach (var padLeft in new[] { false, true })
        {
            using var scope = NewDisposeScope();
            var batch = TokenBatch.Of([prompt, prompt[..5]], padLeft);
            using var whole = ActivationCache.Of(model, batch, RunPlan.Capturing("language.1.attn.pattern"));
            using var last = whole.AtPosition(-1);
            using var row = whole.AtRow(1);
            for (var r = 0; r < 2; r++)
            {
                var column = Array.IndexOf([.. batch.Positions[r]], batch.Lengths[r] - 1);
                last.Heads().Values.select(1, r).squeeze(1).ShouldBeClose(whole.Heads().Values.select(1, r).select(1, column));
                last["language.1.attn.pattern"][r].squeeze(1).ShouldHaveTheBitsOf(whole["language.1.attn.pattern"][r].select(1, column), "queries are cut");
                last.Ids[r].ShouldBe([batch.Ids[r][column]]);
            }

            row.Decompose().Values.ShouldHaveTheBitsOf(whole.Decompose().Values.narrow(1, 1, 1), "one row");
            Should.Throw<VitrineException>(() => whole.AtPosition(6)).Message.ShouldContain("row 1, which has 5 tokens");
            Should.Throw<VitrineException>(() => whole.AtRow(2)).Message.ShouldContain("row 2");
        }
    }

    [Theory, MemberData(nameof(Decoders))]
    public void Stacking_a_point_is_its_layers_one_upon_the_other(string name)
    {
        using var model = TextFixtures.Open(name);
        using var cache = Cache(model, name);
        using var stacked = cache.Stacked(Point.AttnZ);
        for (var layer = 0; layer < model.Language.Shape.Layers; layer++)
        {
            stacked[layer].ShouldHaveTheBitsOf(cache[$"language.{layer}.attn.z"], $"layer {layer}");
        }
    }

    [Fact]
    public void A_wrong_layer_label_or_token_is_refused_by_name()
    {
        using var model = TextFixtures.Any();
        using var cache = Cache(model, TextFixtures.First());
        using var parts = cache.Decompose();
        Should.Throw<VitrineException>(() => parts["0_attn_ou"]).Message.ShouldContain("0_attn_out");
        Should.Throw<VitrineException>(() => cache.Decompose(99)).Message.ShouldContain("layer 99");
        Should.Throw<VitrineException>(() => cache.Neurons(model.Language.Shape.Layers)).Message.ShouldContain("layers, counted from 0");
        Should.Throw<VitrineException>(() => cache.LogitAttribution(parts, [model.Language.Shape.Vocabulary])).Message.ShouldContain("vocabulary");
        Should.Throw<VitrineException>(() => cache.LogitAttribution(parts, [1, 2])).Message.ShouldContain("2 tokens for 1 rows");
        Should.Throw<VitrineException>(() => cache["language.0.attn.q"]).Message.ShouldContain("was not captured");
    }

    /// <summary>Accumulated residuals through the last norm, frozen and anew, and through the head: the direct parts of the logit lens.</summary>
    [Theory, InlineData("raw"), InlineData("processed")]
    public void The_residual_read_through_norm_and_head_is_the_fields_lens(string form)
    {
        using var fixture = Fixture.Open(Fixtures.Of("methods", "logit-lens"));
        foreach (var named in fixture.Meta.GetProperty("models").EnumerateObject())
        {
            using var scope = NewDisposeScope();
            var (name, at) = (named.Name, $"{named.Name}/{form}/lens.");
            using var raw = TextModel.Open(Fixtures.Of([.. named.Value.GetString()!.Split('/')]));
            using var model = form == "raw" ? null : raw.Processed(Folding.All(raw.Language), keep: true);
            using var cache = ActivationCache.Of(model ?? raw, TokenBatch.Of(fixture.IdRows($"{name}/in.ids")));
            var accumulated = cache.Accumulated();
            accumulated.Labels.ShouldBe(fixture.Meta.GetProperty("labels").GetProperty($"{name}/lens").EnumerateArray().Select(l => l.GetString()!));
            if (fixture.Has($"{at}resid"))
            {
                accumulated.Values.ShouldBeClose(fixture.Read($"{at}resid"));
            }

            var logits = cache.Unembedded(cache.Renormed(accumulated)).Values;
            var expected = fixture.Read($"{at}logits");
            logits.narrow(2, logits.shape[2] - expected.shape[2], expected.shape[2]).ShouldBeClose(expected);
            using var last = cache.AtPosition(-1);
            var frozen = last.Normed(last.Accumulated());
            frozen.Values.squeeze(2).ShouldBeClose(fixture.Read($"{at}frozen_resid_last"));
            last.Unembedded(frozen).Values.squeeze(2).ShouldBeClose(fixture.Read($"{at}frozen_logits_last"));
        }
    }

    private static TokenBatch Batch(string name) => TokenBatch.Of(TextFixtures.Prompt(name)[..6]);

    private static ActivationCache Cache(TextModel model, string name) => ActivationCache.Of(model, Batch(name));
}
