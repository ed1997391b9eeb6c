using Vitrine.Mechanisms.Attribution.Direct;
using Vitrine.Mechanisms.Metrics;
using Vitrine.Mechanisms.Pictures;
using Vitrine.Tests.Mechanisms.Lenses;
using Vitrine.Tests.Mechanisms.Pictures;
using Vitrine.Transformers;
using Vitrine.Transformers.Caches;
using Vitrine.Transformers.Edits;

namespace Vitrine.Tests.Mechanisms.Attribution;

public sealed class DirectAttributionTests
{
    public static TheoryData<string> Texts() => Subjects.Texts();

    public static TheoryData<string> Policies() => Subjects.Policies();

    /// <summary>The constant is known without any run: what the norm's bias and the head's say. So the parts are all that is left of the logit.</summary>
    [Theory, MemberData(nameof(Texts))]
    public void A_logit_is_its_biases_and_the_sum_of_all_parts(string name)
    {
        using var model = Subjects.Text(name);
        var subject = Subjects.Prompt(model, name);
        var found = DirectAttribution.Of(subject, new LogitMetric([7])).ShouldHaveSingleItem();
        Math.Abs(found.Remainder).ShouldBeLessThan(1e-4 * Math.Max(1, Math.Abs(found.Measure)));
        Sum(found).ShouldBe(found.Measure, 1e-4 * Math.Max(1, Math.Abs(found.Measure)));
        found.Layers.ShouldAllBe(l => l.Heads.Count == model.Language.Shape.Heads && l.Neurons.Count == model.Language.Shape.Neurons);
        var head = model.Language.HeadAsRun()!;
        var biases = (head.Bias?[7].item<float>() ?? 0) + (model.Language.LastNorm!.Bias is { } shift ? shift.dot(head.Weight[7]).item<float>() : 0);
        found.IsLinear.ShouldBe(model.Language.LogitCap is null);
        if (found.IsLinear)
        {
            found.Constant.ShouldBe(biases, 1e-4 * Math.Max(1, Math.Abs(found.Measure)));
        }
    }

    /// <summary>TransformerLens' way through the activation cache is another computation of the same numbers.</summary>
    [Theory, MemberData(nameof(Texts))]
    public void Heads_and_neurons_say_what_the_caches_algebra_says(string name)
    {
        using var model = Subjects.Text(name);
        if (model.Language.LogitCap is not null)
        {
            Assert.Skip("the gradient at a capped logit is not the unembedding's row");
        }

        var subject = Subjects.Prompt(model, name);
        var found = DirectAttribution.Of(subject, new LogitDifferenceMetric([7], [11]))[0];
        using var whole = ActivationCache.Of(model, TokenBatch.Of(Vitrine.Tests.Transformers.TextFixtures.Prompt(name)));
        using var cache = whole.AtPosition(-1);
        using var heads = cache.Heads();
        using var said = cache.LogitAttribution(heads, [7], [11], gain: true);
        var flat = found.Layers.SelectMany(l => l.Heads).ToArray();
        var expected = said.Flat();
        flat.Length.ShouldBe(expected.Length);
        var bound = 5e-5 * Math.Max(1, expected.Max(Math.Abs));
        flat.Zip(expected).ShouldAllBe(p => Math.Abs(p.First - p.Second) <= bound);
        using var neurons = cache.Neurons(1);
        using var each = cache.LogitAttribution(neurons, [7], [11], gain: true);
        found.Layers[1].Neurons.Zip(each.Flat()).ShouldAllBe(p => Math.Abs(p.First - p.Second) <= bound);
    }

    [Theory, MemberData(nameof(Policies))]
    public void A_policys_metric_is_its_constant_and_the_sum_of_all_parts(string name)
    {
        using var policy = Subjects.Policy(name);
        var subject = Subjects.Acting(policy, name);
        Metric metric = name == "pi0-fast" ? new LogitMetric([5]) { Position = 0 } : new ActionValueMetric(policy.ActionNames[1]) { Count = 1 };
        if (name == "act")
        {
            Should.Throw<VitrineException>(() => DirectAttribution.Of(subject, metric)).Message.ShouldContain("stand behind its sums");
            return;
        }

        if (name == "pi0-fast")
        {
            Should.Throw<VitrineException>(() => DirectAttribution.Of(subject, metric));
            return;
        }

        foreach (var found in DirectAttribution.Of(subject, metric))
        {
            Math.Abs(found.Remainder).ShouldBeLessThan(1e-4 * Math.Max(1, found.Layers.Max(l => Math.Abs(l.Attention) + Math.Abs(l.FeedForward))));
            found.Layers.Sum(l => Math.Abs(l.Attention)).ShouldBeGreaterThan(1e-6);
            found.IsLinear.ShouldBe(policy is Vitrine.Policies.Flow.FlowPolicy, "numbers of a flow are linear in what its velocities are read from");
        }
    }

    /// <summary>
    /// Nothing reads a last block's feed-forward but the read-out: taking a neuron away moves a chunk by what it says directly, the norm held.
    /// </summary>
    [Fact]
    public void What_a_neuron_of_the_last_block_says_is_what_its_absence_takes_away()
    {
        using var model = TextModel.Open(Fixtures.Of("methods", "_models/llama-tiny"));
        var subject = Subject.Of(model, TokenBatch.Of([9, 30, 31, 5]));
        var metric = new LogitMetric([7]);
        var found = DirectAttribution.Of(subject, metric)[0];
        var last = model.Language.Shape.Layers - 1;
        var strongest = found.Layers[last].Neurons.Index().MaxBy(n => Math.Abs(n.Item));
        using var run = subject.Run(RunPlan.Editing(new Zero($"language.{last}.mlp.neurons") { Scope = new EditScope { Neurons = [strongest.Index] } }));

        // With the norm free the change differs by the norm's own share: of the size, not of the sign.
        (found.Measure - metric.Values(run)[0]).ShouldBe(strongest.Item, .35 * Math.Abs(strongest.Item));
    }

    [Fact]
    public void A_class_of_a_picture_is_attributed_as_the_picture_reader_does()
    {
        using var encoder = Encoder.Open("vit-classifier");
        var subject = Subject.Of(encoder.Model, encoder.Pixels);
        var found = DirectAttribution.Of(subject, new LogitMetric([0]))[0];
        found.IsLinear.ShouldBeTrue();
        Sum(found).ShouldBe(found.Measure, 1e-4);
        var evidence = new EvidenceReader(encoder.Model, encoder.Pixels, new EvidenceOptions { Class = 0, Against = 1, RandomSets = 1, Units = 1 }).Read();
        var contrast = DirectAttribution.Of(subject, new LogitDifferenceMetric([0], [1]))[0];
        contrast.Layers.Zip(evidence.Direct!.Layers).ShouldAllBe(l => Math.Abs(l.First.FeedForward - l.Second.FeedForward) < 1e-4);
        contrast.Layers.SelectMany(l => l.Heads).Zip(evidence.Direct.Heads).ShouldAllBe(h => Math.Abs(h.First - h.Second.Value) < 1e-4);
        contrast.Embedding.ShouldBe(evidence.Direct.Embedding, 1e-4);
    }

    [Fact]
    public void Rows_of_a_batch_are_attributed_each_as_if_it_were_alone()
    {
        using var model = TextModel.Open(Fixtures.Of("methods", "_models/gpt2-tiny"));
        var metric = new LogitMetric([3, 8]);
        var both = DirectAttribution.Of(Subject.Of(model, TokenBatch.Of([[9, 30, 31], [5, 6, 7, 8, 9]], padLeft: true)), metric);
        var alone = DirectAttribution.Of(Subject.Of(model, TokenBatch.Of([9, 30, 31])), new LogitMetric([3]))[0];
        both[0].Measure.ShouldBe(alone.Measure, 1e-4);
        both[0].Layers.Zip(alone.Layers).ShouldAllBe(l => Math.Abs(l.First.Attention - l.Second.Attention) < 1e-4);
        Math.Abs(both[1].Layers[0].Attention - both[0].Layers[0].Attention).ShouldBeGreaterThan(1e-3);
    }

    [Fact]
    public void A_residual_that_is_no_sum_is_refused()
    {
        var (owner, subject) = Subjects.Classifier("bert-classifier");
        using (owner)
        {
            Should.Throw<VitrineException>(() => DirectAttribution.Of(subject, new LogitMetric([0]))).Message.ShouldContain("stand behind its sums");
        }
    }

    private static double Sum(DirectAttribution found)
        => found.Constant + found.Embedding + found.Layers.Sum(l => l.Attention + l.FeedForward) + found.Remainder;
}
