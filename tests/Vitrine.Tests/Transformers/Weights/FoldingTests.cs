using Vitrine.Transformers;
using Vitrine.Transformers.Edits;
using Vitrine.Transformers.Weights;
using static TorchSharp.torch;

namespace Vitrine.Tests.Transformers.Weights;

public sealed class FoldingTests
{
    public static TheoryData<string> Decoders() => TextFixtures.Decoders();

    [Theory, MemberData(nameof(Decoders))]
    public void Each_rewriting_alone_and_all_together_leave_the_answers_as_they_are(string name)
    {
        using var model = TextFixtures.Open(name);
        var all = Folding.All(model.Language);
        var batch = TokenBatch.Of([TextFixtures.Prompt(name), TextFixtures.Prompt(name)[..4]]);
        using var raw = model.Run(batch);
        using var expected = raw.Logits.log_softmax(-1);
        var valid = tensor([.. batch.Positions.SelectMany(r => r).Select(p => p >= 0)], [2, batch.Ids[0].Count, 1]);
        foreach (var folding in (Folding[])[new() { Norms = true }, new() { CentreWriting = all.CentreWriting },
            new() { CentreUnembedding = all.CentreUnembedding }, new() { ValueBiases = true }, all])
        {
            using var scope = NewDisposeScope();
            using var processed = model.Processed(folding);
            using var run = processed.Run(batch);
            (run.Logits.log_softmax(-1) * valid).ShouldBeClose(expected * valid, folding.ToString());
            using var kept = model.Processed(folding, keep: true);
            using var once = kept.Run(batch);
            using var twice = kept.Run(batch);
            once.Logits.ShouldHaveTheBitsOf(run.Logits, "kept layers are the same layers");
            twice.Logits.ShouldHaveTheBitsOf(run.Logits, "and stay so");
        }

        using var after = model.Run(batch);
        after.Logits.ShouldHaveTheBitsOf(raw.Logits, "the model itself is untouched");
    }

    [Theory, MemberData(nameof(Decoders))]
    public void A_processed_model_generates_and_is_edited_like_the_raw_one(string name)
    {
        using var model = TextFixtures.Open(name);
        using var processed = model.Processed(Folding.All(model.Language));
        var plan = RunPlan.Editing(new Clamp(new NeuronSet([new Neuron(1, 2)]), 2));
        var token = TestContext.Current.CancellationToken;
        using var raw = model.Generate(TokenBatch.Of(TextFixtures.Prompt(name)), 4, plan, token);
        using var run = processed.Generate(TokenBatch.Of(TextFixtures.Prompt(name)), 4, plan, token);
        run.Ids[0].ShouldBe(raw.Ids[0]);
    }

    [Theory, MemberData(nameof(Decoders))]
    public void Folded_weights_are_what_their_names_promise(string name)
    {
        using var model = TextFixtures.Open(name);
        var folding = Folding.All(model.Language);
        using var processed = model.Processed(folding);
        using var scope = NewDisposeScope();
        for (var layer = 0; layer < model.Language.Shape.Layers; layer++)
        {
            var named = NamedWeights.OfLayer(processed, layer);
            named.Where(n => n.Key.EndsWith("b_V", StringComparison.Ordinal)).Single().Value.abs().max().item<float>().ShouldBe(0);
            if (folding.CentreWriting)
            {
                Zero(named["attn.W_O"].mean([-1]));
                Zero(named["mlp.W_out"].mean([-1]));
                Zero(named["mlp.b_out"].mean());
                Zero(named["attn.b_O"].mean());
            }
        }

        var outside = NamedWeights.OutsideLayers(processed);
        if (folding.CentreUnembedding)
        {
            Zero(outside["unembed.W_U"].mean([-1]));
        }

        if (folding.CentreWriting)
        {
            Zero(outside["embed.W_E"].mean([-1]));
        }

        static void Zero(Tensor x) => x.abs().max().item<float>().ShouldBeLessThan(1e-6f);
    }

    [Fact]
    public void What_would_change_the_answers_is_refused_with_the_reason()
    {
        foreach (var row in Decoders())
        {
            using var model = TextFixtures.Open(row.Data);
            var all = Folding.All(model.Language);
            if (!all.CentreWriting)
            {
                Should.Throw<VitrineException>(() => model.Processed(new Folding { CentreWriting = true })).Message.ShouldContain("LayerNorm");
            }

            if (!all.CentreUnembedding)
            {
                Should.Throw<VitrineException>(() => model.Processed(new Folding { CentreUnembedding = true })).Message.ShouldContain("soft cap");
            }

            Should.Throw<VitrineException>(() => NamedWeights.OfLayer(model, 99)).Message.ShouldContain("layer 99");
        }
    }
}
