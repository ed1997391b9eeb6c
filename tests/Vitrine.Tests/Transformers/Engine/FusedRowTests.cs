using Vitrine.Transformers;
using Vitrine.Transformers.Edits;
using Vitrine.Transformers.Engine;
using static TorchSharp.torch;

namespace Vitrine.Tests.Transformers.Engine;

/// <summary>A decode step without tensors computes what the ordinary one does, bit for bit, and gives way where a plan looks in.</summary>
public sealed unsafe class FusedRowTests
{
    private const int Steps = 6;

    public static TheoryData<string> Decoders() => TextFixtures.Decoders();

    [Theory, MemberData(nameof(Decoders))]
    public void Reading_every_point_changes_no_bit_of_a_decode_step(string name)
    {
        using var model = TextFixtures.Open(name);
        var batch = TokenBatch.Of(TextFixtures.Prompt(name));
        using var fused = model.Generate(batch, Steps);
        using var read = model.Generate(batch, Steps, RunPlan.Capturing("language.*.*"));
        fused.Run.FusedBlocks.ShouldBe((Steps - 1) * model.Language.Shape.Layers, "an empty plan takes the fused path in every block of every step");
        read.Run.FusedBlocks.ShouldBe(0);
        fused.Ids[0].ShouldBe(read.Ids[0]);
        fused.Run.Logits.ShouldHaveTheBitsOf(read.Run.Logits, name);
    }

    [Theory, MemberData(nameof(Decoders))]
    public void A_block_that_is_edited_runs_as_always_and_the_others_fused(string name)
    {
        using var model = TextFixtures.Open(name);
        var batch = TokenBatch.Of(TextFixtures.Prompt(name));
        var layers = model.Language.Shape.Layers;
        foreach (var edit in new Edit[] { new Clamp(new NeuronSet([new Neuron(layers - 1, 3)]), 2.5), new Zero("language.0.attn.z") })
        {
            using var fused = model.Generate(batch, Steps, RunPlan.Editing(edit));
            using var read = model.Generate(batch, Steps, new RunPlan { Edits = [edit], Capture = ["language.*.resid_post"] });
            fused.Run.FusedBlocks.ShouldBe((Steps - 1) * (layers - 1));
            read.Run.FusedBlocks.ShouldBe(0);
            fused.Run.Logits.ShouldHaveTheBitsOf(read.Run.Logits, name);
        }
    }

    [Theory, MemberData(nameof(Decoders))]
    public void Decoding_still_gives_what_one_pass_over_the_whole_text_gives(string name)
    {
        using var model = TextFixtures.Open(name);
        int[] prompt = TextFixtures.Prompt(name);
        using var fused = model.Generate(TokenBatch.Of(prompt), Steps);
        using var whole = model.Run(TokenBatch.Of([.. prompt, .. fused.Ids[0].Take(Steps - 1)]));
        using var last = whole.Logits.narrow(1, prompt.Length - 1, Steps);
        fused.Run.Logits.ShouldBeClose(last, name);
    }

    [Fact]
    public void What_it_does_not_compute_it_declines()
    {
        using var model = TextFixtures.Any();
        int[] prompt = TextFixtures.Prompt(TextFixtures.First());
        Fused(new RunPlan { ExplicitAttention = true }).ShouldBe(0);
        using var two = model.Generate(TokenBatch.Of([prompt, prompt]), Steps);
        two.Run.FusedBlocks.ShouldBe(0, "two rows");
        using var searched = model.Generate(TokenBatch.Of(prompt), Steps, new RunPlan { Capture = ["language.logits"] });
        searched.Run.FusedBlocks.ShouldBe((Steps - 1) * model.Language.Shape.Layers, "only the head is looked at");

        int Fused(RunPlan plan)
        {
            using var made = model.Generate(TokenBatch.Of(prompt), Steps, plan);
            return made.Run.FusedBlocks;
        }
    }

    [Fact]
    public void A_step_allocates_next_to_nothing()
    {
        using var model = TextFixtures.Any();
        var watch = new Watch();
        using var made = model.Generate(
            TokenBatch.Of(TextFixtures.Prompt(TextFixtures.First())[..2]), new GenerationOptions(40) { KeepLogits = false, Rules = TokenRules.None },
            progress: watch);
        ((watch.Allocated[^1] - watch.Allocated[20]) / (watch.Allocated.Count - 21)).ShouldBeLessThan(2500, "what tells of the token, and nothing of the pass");
    }

    [Theory]
    [InlineData(2, 512, false)]
    [InlineData(3, 512, false)]
    [InlineData(2, 744, true)]
    [InlineData(3, 744, true)]
    public void Pieces_done_by_several_cores_have_the_bits_of_one(int threads, int inputs, bool isTransposed)
    {
        using var mode = no_grad();
        using var scope = NewDisposeScope();
        using var generator = new Generator(7, CPU);
        var layers = new[] { 700, 64, 1300 }.Select(o => new Linear(
            isTransposed ? randn([inputs, o], generator: generator).t() : randn([o, inputs], generator: generator),
            randn([o], generator: generator))).ToArray();
        var x = randn([1, 1, inputs], generator: generator);
        Tensor[] alone = [.. layers.Select(l => empty(l.Outputs))], together = [.. layers.Select(l => empty(l.Outputs))];
        Tensor[] scratch = [.. Enumerable.Range(0, threads - 1).Select(_ => empty(1300))];
        using var team = new CoreTeam(threads);
        var one = Work(alone);
        var some = Work(together);
        for (var round = 0; round < 3000; round++)
        {
            RowMath.At(x)[round % inputs] += 1;
            one.Run(null);
            some.Run(team);
            for (var i = 0; i < layers.Length; i++)
            {
                new ReadOnlySpan<float>(RowMath.At(together[i]), (int)layers[i].Outputs)
                    .SequenceEqual(new ReadOnlySpan<float>(RowMath.At(alone[i]), (int)layers[i].Outputs)).ShouldBeTrue($"round {round}, layer {i}");
            }
        }

        ProductWork Work(Tensor[] results) => new(
            [.. layers.Select(l => OneRowLinear.Of(l)!)], [.. results.Select(r => (nint)RowMath.At(r))], (nint)RowMath.At(x),
            [.. scratch.Select(s => (nint)RowMath.At(s))]);
    }

    /// <remarks>At 1300 outputs four stand behind the last whole register, and a third of them is no whole number of registers.</remarks>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Weights_stored_the_other_way_are_multiplied_by_several_threads_with_the_bits_of_one(int threads)
    {
        using var mode = no_grad();
        using var scope = NewDisposeScope();
        using var generator = new Generator(8, CPU);
        var linear = new Linear(randn([744, 1300], generator: generator).t(), randn([1300], generator: generator));
        var x = randn([1, 1, 744], generator: generator);
        var expected = empty(1300);
        OneRowLinear.Of(linear)!.Rows(RowMath.At(x), RowMath.At(expected), 0, 1300);
        var usual = get_num_threads();
        try
        {
            set_num_threads(threads);
            linear.Apply(x).view(1300).ShouldHaveTheBitsOf(expected + linear.Bias!, $"{threads} threads");
        }
        finally
        {
            set_num_threads(usual);
        }
    }

    [Fact]
    public void Norms_rotation_and_activations_are_those_of_libtorch()
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(9, CPU);
        foreach (var width in new[] { 5, 8, 61, 96 })
        {
            var rows = (randn([3, width], generator: generator) * 3) + 1;
            var (gain, bias) = (randn([width], generator: generator), randn([width], generator: generator));
            using (var off = no_grad())
            {
                foreach (var spec in new[] { new NormSpec(NormKind.LayerNorm, 1e-5), new NormSpec(NormKind.Rms, 1e-6) })
                {
                    var norm = new Norm(spec, gain, spec.Kind == NormKind.LayerNorm ? bias : null);
                    norm.Apply(rows.view(1, 1, 3, width)).view(3, width).ShouldBeClose(norm.Apply(rows), $"{spec.Kind} {width}");
                }

                foreach (var activation in Enum.GetValues<Activation>())
                {
                    activation.Apply(rows.view(1, 1, 3, width)).view(3, width).ShouldBeClose(activation.Apply(rows), $"{activation} {width}");
                }
            }
        }
    }

    private sealed class Watch : IProgress<GeneratedStep>
    {
        public List<long> Allocated { get; } = new(128);

        public void Report(GeneratedStep value) => Allocated.Add(GC.GetAllocatedBytesForCurrentThread());
    }
}
