using Vitrine.Checkpoints;
using Vitrine.Mechanisms.ValueVectors;
using static TorchSharp.torch;

namespace Vitrine.Tests.Mechanisms;

[Collection(ThreadCount.Name)]
public sealed class ProjectionTests
{
    /// <summary>Seed, neurons, vocabulary, width, tokens at each end.</summary>
    public static TheoryData<int, int, int, int, int> Shapes() => new()
    {
        { 1, 40, 9000, 64, 30 }, { 2, 5, 300, 17, 30 }, { 3, 300, 2000, 33, 4 }, { 4, 3, 20, 8, 30 }, { 5, 17, 12_345, 100, 1 },
    };

    [Theory, MemberData(nameof(Shapes))]
    public void The_ends_are_those_of_sorting_every_exact_logit(int seed, int neurons, int vocabulary, int width, int count)
    {
        using var source = RandomVectors.Draw(seed, 1, neurons, vocabulary, width);
        var found = Read(source, new() { Count = count, Screening = Screening.Never });
        using var scope = NewDisposeScope();
        var exact = source.Vectors(0).to(float64).mm(source.Unembedding().to(float64).t());
        for (var n = 0; n < neurons; n++)
        {
            var logits = exact[n].contiguous().data<double>().ToArray().Select(l => (float)l).ToArray();
            int[] ids = [.. Enumerable.Range(0, vocabulary)];
            var kept = Math.Min(count, vocabulary);
            found[n].TopIds.ShouldBe(ids.OrderByDescending(i => logits[i]).ThenBy(i => i).Take(kept));
            found[n].BottomIds.ShouldBe(ids.OrderBy(i => logits[i]).ThenBy(i => i).Take(kept));
            found[n].TopScores.Zip(found[n].TopIds).ShouldAllBe(p => Math.Abs(p.First - logits[p.Second]) <= 1e-6f * Math.Abs(logits[p.Second]));
        }
    }

    [Theory, MemberData(nameof(Shapes))]
    public void Screening_tiles_and_workers_change_no_bit(int seed, int neurons, int vocabulary, int width, int count)
    {
        using var source = RandomVectors.Draw(seed, 1, neurons, vocabulary, width);
        var plain = Read(source, new() { Count = count, Screening = Screening.Never });
        foreach (var settings in new ProjectionSettings[]
        {
            new() { Count = count, Screening = Screening.Always },
            new() { Count = count, Screening = Screening.Always, TileRows = 7, Workers = 2 },
            new() { Count = count, Screening = Screening.Never, TileRows = 1 },
        })
        {
            Same(Read(source, settings), plain);
        }
    }

    [Fact]
    public void Two_workers_read_what_one_reads()
    {
        using var source = RandomVectors.Draw(8, 1, 1200, 9000, 100);                                      // large enough for workers
        Same(Read(source, new() { Workers = 2, Screening = Screening.Never }), Read(source, new() { Workers = 1, Screening = Screening.Always }));
    }

    [Fact]
    public void Screening_survives_tokens_of_very_different_norms()
    {
        using var source = RandomVectors.Draw(3, 1, 50, 4000, 48);
        using var scale = logspace(-6, 6, 4000).to(float32).unsqueeze(1);
        using var tokens = source.Unembedding();
        tokens.mul_(scale);
        Same(Read(source, new() { Screening = Screening.Always }), Read(source, new() { Screening = Screening.Never }));
    }

    [Fact]
    public void Equal_logits_are_ordered_by_id()
    {
        using var source = new RandomVectors([ones(3, 8)], ones(5000, 8));
        foreach (var screening in Enum.GetValues<Screening>())
        {
            Read(source, new() { Count = 6, Screening = screening })
                .ShouldAllBe(n => n.TopIds.SequenceEqual(Enumerable.Range(0, 6)) && n.BottomIds.SequenceEqual(Enumerable.Range(0, 6)));
        }
    }

    [Fact]
    public void Every_product_in_bfloat16_lies_within_the_margin()
    {
        using var source = RandomVectors.Draw(5, 1, 24, 500, 300);
        using var vectors = source.Vectors(0);
        using var tokens = source.Unembedding();
        ScreenTrial.KeepsTheBound(vectors, tokens).ShouldBeTrue();
    }

    [Fact]
    public void The_gain_and_the_centring_are_those_of_the_formula()
    {
        using var source = RandomVectors.Draw(6, 1, 4, 50, 6);
        using var scope = NewDisposeScope();
        var (v, e, g) = (source.Vectors(0).to(float64), source.Unembedding().to(float64), source.Gain().to(float64));
        Agrees(Read(source, new() { Count = 50, Norm = ReadingNorm.Gain }), (v * g).mm(e.t()));
        Agrees(Read(source, new() { Count = 50, Norm = ReadingNorm.CentredGain }), ((v - v.mean([1], keepdim: true)) * g).mm(e.t()));
    }

    [Fact]
    public void The_stacks_gain_is_the_norms_weight()
    {
        foreach (var row in Vitrine.Tests.Transformers.GenerationTests.Models())
        {
            var folder = Path.Combine(Fixtures.Root, "models", row.Data);
            using var source = StackValueVectors.Open(folder);
            using var checkpoint = Checkpoint.Open(folder);
            using var scope = NewDisposeScope();
            string[] names = ["model.norm.weight", "ln_f.weight", "transformer.ln_f.weight", "gpt_neox.final_layer_norm.weight"];
            var stored = checkpoint.Read(names.Single(checkpoint.Contains)).to(float32);
            var (found, expected) = (source.Gain(), row.Data.StartsWith("gemma", StringComparison.Ordinal) ? stored + ones_like(stored) : stored);
            (found - expected).abs().max().item<float>().ShouldBeLessThan(1e-6f * Math.Max(1, expected.abs().max().item<float>()), row.Data);
        }
    }

    [Fact]
    public void A_checkpoint_on_disk_reads_as_the_model_in_memory()
    {
        using var policy = Vitrine.Policies.Policy.Open("embedded:tabletop");
        using var onDisk = StackValueVectors.Open(policy.Folder);
        using var same = StackValueVectors.Open(policy.Folder);
        onDisk.Fingerprint.ShouldBe(same.Fingerprint);
        (onDisk.Layers, onDisk.Neurons, onDisk.Vocabulary)
            .ShouldBe((policy.Language.Shape.Layers, policy.Language.Shape.Neurons, policy.Language.Shape.Vocabulary));
        Same(VocabularyProjection.Read(onDisk, [1])[0], VocabularyProjection.Read(policy.Language, [1])[0]);
        Should.Throw<VitrineException>(() => onDisk.Vectors(onDisk.Layers)).Message.ShouldContain($"{onDisk.Layers} layers");
    }

    [Fact]
    public void Tokens_that_are_masked_never_appear()
    {
        using var source = RandomVectors.Draw(9, 1, 10, 400, 16);
        int[] tokens = [.. Enumerable.Range(0, 400).Where(i => i % 3 == 0)];
        Read(source, new() { Tokens = tokens, Count = 20 }).ShouldAllBe(n => n.TopIds.Concat(n.BottomIds).All(i => i % 3 == 0));
        Read(source, new() { Count = 400 })[0].TopIds.Count.ShouldBe(400, "as published, every row is read in");
    }

    [Fact]
    public void Broken_settings_and_broken_weights_are_refused_by_name()
    {
        using var source = RandomVectors.Draw(9, 1, 10, 400, 16);
        Should.Throw<VitrineException>(() => Read(source, new() { Count = 0 })).Message.ShouldContain("at least one");
        Should.Throw<VitrineException>(() => Read(source, new() { Tokens = [3, 400] })).Message.ShouldContain("token 400");
        using var vectors = source.Vectors(0);
        vectors[7, 3] = tensor(float.NaN);
        Should.Throw<VitrineException>(() => Read(source, new())).Message.ShouldContain("neuron 7");
        using var tokens = source.Unembedding();
        tokens[5, 0] = tensor(float.PositiveInfinity);
        Should.Throw<VitrineException>(() => Read(source, new())).Message.ShouldContain("unembedding");
    }

    internal static void Same(IReadOnlyList<NeuronReading> found, IReadOnlyList<NeuronReading> expected)
    {
        found.Count.ShouldBe(expected.Count);
        foreach (var (a, b) in found.Zip(expected))
        {
            a.TopIds.ShouldBe(b.TopIds);
            a.TopScores.ShouldBe(b.TopScores);
            a.BottomIds.ShouldBe(b.BottomIds);
            a.BottomScores.ShouldBe(b.BottomScores);
        }
    }

    private static IReadOnlyList<NeuronReading> Read(IValueVectorSource source, ProjectionSettings settings)
        => VocabularyProjection.Read(source, [0], settings, cancellation: TestContext.Current.CancellationToken)[0];

    private static void Agrees(IReadOnlyList<NeuronReading> found, Tensor exact)
    {
        for (var n = 0; n < found.Count; n++)
        {
            var logits = exact[n].contiguous().data<double>().ToArray();
            found[n].TopIds.Zip(found[n].TopScores).ShouldAllBe(p => Math.Abs(logits[p.First] - p.Second) < 1e-5 * Math.Max(1, Math.Abs(logits[p.First])));
        }
    }
}
