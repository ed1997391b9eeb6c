using Vitrine.Certification;
using Vitrine.Certification.Models;
using Vitrine.Inputs.Pictures;
using Vitrine.Policies;
using Vitrine.Policies.OpenVla;
using Vitrine.Transformers;
using Vitrine.Transformers.Edits;
using Vitrine.Transformers.Points;
using static TorchSharp.torch;

namespace Vitrine.Tests.Transformers.Devices;

/// <summary>
/// Every family on libtorch's meta device, where there are shapes and no numbers: a tensor that was made on the CPU raises there, as it would on a GPU.
/// </summary>
public sealed class MetaDeviceTests
{
    private static readonly ModelOptions OnMeta = new() { Device = META };

    public static TheoryData<string> Models() => Subject.Names();

    public static TheoryData<string> Decoders() => TextFixtures.Decoders();

    [Theory, MemberData(nameof(Models))]
    public void A_forward_pass_with_everything_captured_stays_on_the_device(string name)
    {
        using var model = Subject.Open(name, device: META);
        using var run = model.Run(RunPlan.Capturing("*.*.*", "*.*"));
        run.Logits.device_type.ShouldBe(TorchSharp.DeviceType.META);
        run.Activations.Values.ShouldAllBe(t => t.device_type == TorchSharp.DeviceType.META);
        run.Activations.Count.ShouldBe(model.Stacks.Sum(s => s.Places().Count()));
        using var here = Subject.Open(name);
        using var expected = here.Run(RunPlan.Capturing("*.*.*", "*.*"));
        foreach (var (address, value) in expected.Activations)
        {
            run.Activations[address].shape.ShouldBe(value.shape, address.ToString());
        }
    }

    [Theory, MemberData(nameof(Models))]
    public void Every_edit_makes_what_it_needs_on_the_device(string name)
    {
        using var model = Subject.Open(name, device: META);
        foreach (var edit in Edits(model.Shape))
        {
            using var run = model.RunTwice(RunPlan.Editing(edit));
            run.Logits.device_type.ShouldBe(TorchSharp.DeviceType.META, edit.ToString());
        }

        using var rows = model.RunTwice(
            RunPlan.ForRows(RunPlan.Editing(new Scale($"{model.Shape.Name}.0.mlp.out", 2)), RunPlan.Editing(new Scale($"{model.Shape.Name}.0.mlp.out", 3))));
        rows.Logits.device_type.ShouldBe(TorchSharp.DeviceType.META);
    }

    [Theory, MemberData(nameof(Models))]
    public void Gradients_are_made_on_the_device(string name)
    {
        using var model = Subject.Open(name, device: META);
        using var run = model.Run(new RunPlan { Gradients = [$"{model.Shape.Name}.0.resid_pre"] });
        run.GradientsOf(r => r.Logits.sum()).Values.ShouldAllBe(t => t.device_type == TorchSharp.DeviceType.META);
    }

    [Theory, MemberData(nameof(Decoders))]
    public void Decoding_padded_prompts_stays_on_the_device(string name)
    {
        using var model = TextModel.Open(Fixtures.Of("models", name), OnMeta);
        var prompt = TextFixtures.Prompt(name);
        using var generation = model.Generate(TokenBatch.Of([prompt, prompt[..3]]), 3, RunPlan.Capturing("language.*.attn.pattern@*"));
        generation.Run.Logits.shape.ShouldBe([2, 3, model.Language.Shape.Vocabulary]);
        generation.Run.Activations.Values.ShouldAllBe(t => t.device_type == TorchSharp.DeviceType.META);
        using var whole = model.Run(TokenBatch.Of(prompt), new RunPlan { Capture = [.. RunStart.Needs(model.Language.Shape, 1, 2, decoding: true)] });
        using var part = model.Generate(TokenBatch.Of(prompt), new GenerationOptions(2), from: RunStart.From(whole, model.Language.Shape, 1, 2));
        part.Run.Logits.device_type.ShouldBe(TorchSharp.DeviceType.META);
    }

    [Fact]
    public void A_policy_acts_on_the_device_and_says_that_it_has_no_numbers()
    {
        using var fixture = Fixture.Open(Fixtures.Of("models", "openvla"));
        using var policy = OpenVlaPolicy.Open(fixture.Folder, OpenVlaCertifier.Options(fixture) with { Device = META });
        var observation = new Observation(new Picture(40, 30, new byte[40 * 30 * 3]), "push the block");
        using var acting = policy.With(RunPlan.Capturing("*.*.*@*", "*.*@*"), policy.UnitKeys.First());
        using var run = acting.Act([observation, observation with { Instruction = "stop" }], cancellation: TestContext.Current.CancellationToken);
        run.Run.Logits.device_type.ShouldBe(TorchSharp.DeviceType.META);
        run.Run.Activations.Values.ShouldAllBe(t => t.device_type == TorchSharp.DeviceType.META);
        Should.Throw<VitrineException>(() => run.Actions).Message.ShouldContain("no numbers");
    }

    private static IEnumerable<Edit> Edits(StackShape shape)
    {
        var (name, width) = (shape.Name, shape.Width);
        var vector = EditValue.Of([.. Enumerable.Range(0, width).Select(i => MathF.Sin(i))]);
        var matrix = new EditValue([width, width], [.. Enumerable.Range(0, width * width).Select(i => MathF.Cos(i))]);
        var somewhere = new EditScope { Positions = Positions.At(1), Rows = [1], Neurons = [0, 2] };
        yield return new Clamp(new NeuronSet([new Neuron(0, 1)], name), 2) { Scope = somewhere };
        yield return new Add($"{name}.*.resid_post", vector, 2) { Scope = somewhere };
        yield return new Scale($"{name}.0.attn.z", 2) { Scope = new EditScope { Heads = [0] } };
        yield return new Zero($"{name}.0.attn.pattern") { Scope = new EditScope { Heads = [0] } };
        yield return new Mean($"{name}.0.mlp.out");
        yield return new Mean($"{name}.0.mlp.out") { Over = MeanOver.Rows };
        yield return new Mean($"{name}.0.mlp.out") { Given = vector };
        yield return new Replace($"{name}.0.mlp.out", vector) { Scope = somewhere };
        yield return new Project($"{name}.0.mlp.out", vector);
        yield return new Conceptor($"{name}.0.mlp.out", matrix, 0.5);
        yield return new Constrain($"{name}.0.mlp.out", vector, 0.1, -1, 1);
        yield return new KnockOut($"{name}.0.attn.scores", Positions.At(0)) { Scope = new EditScope { Positions = Positions.Last } };
        yield return new CallbackEdit($"{name}.0.mlp.out", (x, _) => x.neg()) { Scope = somewhere };
    }
}
