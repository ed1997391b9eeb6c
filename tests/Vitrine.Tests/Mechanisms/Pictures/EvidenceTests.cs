using Vitrine.Mechanisms.Pictures;
using Vitrine.Transformers;
using Vitrine.Transformers.Edits;
using Vitrine.Transformers.Points;
using static TorchSharp.torch;

namespace Vitrine.Tests.Mechanisms.Pictures;

/// <summary>What speaks for a class. Encoders without a class head are asked about coordinates of their output.</summary>
public sealed class EvidenceTests
{
    private static readonly EvidenceOptions Few = new() { Class = 1, RandomSets = 3, Units = 4, RowsPerPass = 9 };

    public static TheoryData<string> Names() => Encoder.Answering();

    [Theory, MemberData(nameof(Names))]
    public void Direct_attribution_adds_up_to_the_measure_or_says_why_there_is_none(string name)
    {
        using var encoder = Encoder.Open(name, asClassifier: true);
        var evidence = new EvidenceReader(encoder.Model, encoder.Pixels, Few).Read();
        if (evidence.Direct is not { } direct)
        {
            evidence.NotDirect.ShouldNotBeNullOrEmpty();
            (encoder.Model.Tower.Shape.Points.Contains(Point.HeadAttnPattern) || encoder.Fixture.Family == "vit")
                .ShouldBeTrue("only an attention pool and ViT's tanh pooler are not linear");
            return;
        }

        evidence.NotDirect.ShouldBeNull();
        var size = direct.Layers.Sum(l => Math.Abs(l.Attention) + Math.Abs(l.FeedForward)) + Math.Abs(direct.Embedding) + Math.Abs(direct.Constant);
        Math.Abs(direct.Remainder).ShouldBeLessThan(1e-5 * Math.Max(1, size));
        (direct.Constant + direct.Embedding + direct.Layers.Sum(l => l.Attention + l.FeedForward) + direct.Remainder).ShouldBe(direct.Measure, 1e-9);
        foreach (var head in direct.Heads)
        {
            (head.Map.Values.Sum(v => (double)v) + head.OnPrefix.Sum(v => (double)v)).ShouldBe(head.Value, 1e-5);
        }

        for (var patch = 0; patch < evidence.Tokens.Patches; patch++)
        {
            ((double)direct.Patches.Values[patch]).ShouldBe(direct.Heads.Sum(h => (double)h.Map.Values[patch]), 1e-5);
        }
    }

    /// <remarks>
    /// With the norm's sigma as it was, the measure is linear in what the last block adds: a head of the last layer that is taken away changes u . x by minus
    /// its share. The test divides the change of sigma out of the measure by computing u . x from the normed token itself: u . x' = (measure' - constant)
    /// sigma' / sigma.
    /// </remarks>
    [Theory, MemberData(nameof(Names))]
    public void A_head_of_the_last_layer_says_what_its_absence_takes_away(string name)
    {
        using var scope = NewDisposeScope();
        using var encoder = Encoder.Open(name, asClassifier: true);
        var evidence = new EvidenceReader(encoder.Model, encoder.Pixels, Few).Read();
        Assert.SkipUnless(evidence.Direct is not null, evidence.NotDirect ?? "");
        var (last, contrast) = (
            encoder.Layers - 1, new ClassContrast(1, null, encoder.Model.Labels!.Names.Count, encoder.Model.Labels.Scores == ClassScores.OneOfMany));
        var (place, mlp) = ($"{encoder.Stack}.{last}.resid_post", $"{encoder.Stack}.{last}.mlp.out");
        using var plain = encoder.Model.Run(encoder.Pixels, RunPlan.Capturing(place, mlp));
        foreach (var head in evidence.Direct!.Heads.Where(h => h.Layer == last))
        {
            using var without = encoder.Model.Run(encoder.Pixels, new RunPlan
            {
                Capture = [place],
                Edits = [new Zero($"{encoder.Stack}.{last}.attn.z") { Scope = new() { Heads = [head.Head] } },
                    new Replace($"{encoder.Stack}.{last}.mlp.out", EditValue.Of(plain[mlp]))],
            });
            var scaled = (contrast.Of(without.Logits).item<float>() - evidence.Direct.Constant) * Sigma(without[place], encoder) / Sigma(plain[place], encoder);
            (evidence.Direct.Measure - evidence.Direct.Constant - scaled).ShouldBe(head.Value, 2e-4);
        }

        static double Sigma(Tensor residual, Encoder encoder)
            => Math.Sqrt(residual[0, 0].to(float64).var(unbiased: false).item<double>() + encoder.Model.Tower.Spec.Norm.Epsilon);
    }

    [Theory, MemberData(nameof(Names))]
    public void The_gradient_estimate_is_the_slope_towards_the_mean(string name)
    {
        using var scope = NewDisposeScope();
        using var encoder = Encoder.Open(name, asClassifier: true);
        var (tokens, embed) = (encoder.Tokens, $"{encoder.Stack}.embed");
        var contrast = new ClassContrast(1, null, encoder.Model.Labels!.Names.Count, true);
        var reading = new GradientReading(encoder.Model, encoder.Pixels, tokens, contrast, AblationFill.Mean);
        using var run = encoder.Model.Run(encoder.Pixels, RunPlan.Capturing(embed));
        var patches = run[embed][0].narrow(0, tokens.Prefix.Count, tokens.Patches);
        foreach (var patch in new[] { 0, tokens.Patches / 2, tokens.Patches - 1 })
        {
            const double Step = 1e-2;
            var towards = EditValue.Of(patches.mean([0]) - patches[patch]);
            var (there, back) = (Moved(towards, Step), Moved(towards, -Step));
            ((there - back) / (2 * Step)).ShouldBe(-reading.Patches.Values[patch], Math.Max(2e-3, .02 * Math.Abs(reading.Patches.Values[patch])));

            double Moved(EditValue direction, double step)
            {
                using var moved = encoder.Model.Run(encoder.Pixels,
                    RunPlan.Editing(new Add(embed, direction, step) { Scope = new() { Positions = Positions.At(patch + tokens.Prefix.Count) } }));
                return contrast.Of(moved.Logits).item<float>();
            }
        }
    }

    /// <remarks>Scaling a neuron by 1 + s moves the measure by s x (gradient x activation), to first order.</remarks>
    [Theory, MemberData(nameof(Names))]
    public void The_gradient_estimate_of_a_neuron_is_the_slope_towards_zero(string name)
    {
        using var encoder = Encoder.Open(name, asClassifier: true);
        var contrast = new ClassContrast(1, null, encoder.Model.Labels!.Names.Count, true);
        var reading = new GradientReading(encoder.Model, encoder.Pixels, encoder.Tokens, contrast, AblationFill.Zero);
        const double Step = 1e-2;
        foreach (var neuron in reading.Neurons.Take(3))
        {
            ((Scaled(1 + Step) - Scaled(1 - Step)) / (2 * Step)).ShouldBe(neuron.Gradient, Math.Max(2e-3, .02 * Math.Abs(neuron.Gradient)));

            double Scaled(double factor)
            {
                using var run = encoder.Model.Run(encoder.Pixels,
                    RunPlan.Editing(new Scale($"{encoder.Stack}.{neuron.Layer}.mlp.neurons", factor) { Scope = new() { Neurons = [neuron.Index] } }));
                return contrast.Of(run.Logits).item<float>();
            }
        }
    }

    /// <remarks>At every row of a full pass and of the rest, and beside an edit of attention, which another kernel computes.</remarks>
    [Theory, MemberData(nameof(Names))]
    public void Taking_nothing_away_changes_no_bit(string name)
    {
        using var encoder = Encoder.Open(name, asClassifier: true);
        var occlusion = Occlusion.Of(encoder.Model, encoder.Pixels, AblationFill.Mean);
        IReadOnlyList<Edit> nothing = occlusion.Without([]), patch = occlusion.Without([3]);
        IReadOnlyList<Edit> key = [new KnockOut($"{encoder.Stack}.*.attn.scores", Positions.At(encoder.Tokens.Prefix.Count + 3))];
        IReadOnlyList<Edit>[] changes = [nothing, patch, nothing, nothing, patch, nothing, nothing, key, nothing, nothing, key, nothing, nothing, key, nothing,
            nothing];
        foreach (var (effect, change) in Effects(encoder, changes).Zip(changes))
        {
            (effect == 0).ShouldBe(change == nothing, $"{effect}");
        }
    }

    [Theory, MemberData(nameof(Names))]
    public void A_change_does_the_same_whatever_runs_beside_it(string name)
    {
        using var encoder = Encoder.Open(name, asClassifier: true);
        var occlusion = Occlusion.Of(encoder.Model, encoder.Pixels, AblationFill.Zero);
        var all = Effects(encoder, [.. occlusion.OneByOne()]);
        all.Count.ShouldBe(encoder.Tokens.Patches);
        foreach (var patch in new[] { 0, 5, all.Count - 1 })
        {
            Effects(encoder, occlusion.Without([patch]))[0].ShouldBe(all[patch], 1e-5);
        }
    }

    [Theory, MemberData(nameof(Names))]
    public void Every_claim_stands_beside_random_parts_of_equal_number(string name)
    {
        using var encoder = Encoder.Open(name, asClassifier: true);
        var evidence = new EvidenceReader(encoder.Model, encoder.Pixels, Few).Read();
        evidence.Patches.Count.ShouldBe(evidence.Direct is null ? 2 : 3);
        evidence.Patches.ShouldAllBe(p => p.Deletion.Random.Count == 3 && p.Deletion.Patches.Distinct().Count() == p.Deletion.Patches.Count);
        evidence.Heads.Count.ShouldBe(4);
        evidence.Neurons.Count.ShouldBe(4);
        evidence.Neurons.ShouldAllBe(n => n.Random != null && n.Random.Layer == n.Layer
            && evidence.Neurons.All(o => o.Layer != n.Layer || o.Index != n.Random.Index));
        evidence.Heads.ShouldAllBe(h => h.Random != null && evidence.Heads.All(o => o.Layer != h.Random.Layer || o.Index != h.Random.Index));
        evidence.Classes.Select(c => c.Logit).ShouldBeInOrder(SortDirection.Descending);
        evidence.Classes.Sum(c => c.Probability!.Value).ShouldBe(1, 1e-9);
    }

    [Theory, MemberData(nameof(Names))]
    public void The_same_seed_gives_the_same_evidence(string name)
    {
        using var encoder = Encoder.Open(name, asClassifier: true);
        var (one, other) = (new EvidenceReader(encoder.Model, encoder.Pixels, Few).Read(), new EvidenceReader(encoder.Model, encoder.Pixels, Few).Read());
        one.Patches[0].Deletion.Random.ShouldBe(other.Patches[0].Deletion.Random);
        one.Heads.Select(h => (h.Layer, h.Index, h.Random?.Index)).ShouldBe(other.Heads.Select(h => (h.Layer, h.Index, h.Random?.Index)));
    }

    [Fact]
    public void An_encoder_without_a_class_head_is_refused()
    {
        foreach (var name in Encoder.Names().Select(n => n.Data))
        {
            using var encoder = Encoder.Open(name);
            if (encoder.Model.Labels is null)
            {
                Should.Throw<VitrineException>(() => new EvidenceReader(encoder.Model, encoder.Pixels, Few).Read()).Message.ShouldContain("has no class head");
            }
        }
    }

    [Fact]
    public void A_class_that_is_not_there_is_refused()
    {
        using var encoder = Encoder.Open(Names().First().Data, asClassifier: true);
        Should.Throw<VitrineException>(() => new EvidenceReader(encoder.Model, encoder.Pixels, Few with { Class = 99_999 })
            .Read()).Message.ShouldStartWith("class 99999:");
    }

    private static IReadOnlyList<double> Effects(Encoder encoder, params IReadOnlyList<Edit>[] changes)
        => new Experiments(encoder.Model, encoder.Pixels, new ClassContrast(1, null, encoder.Model.Labels!.Names.Count, true), rowsPerPass: 6).Effects(changes);
}
