using Vitrine.Certification;
using Vitrine.Transformers;
using Vitrine.Transformers.Edits;
using Vitrine.Transformers.Points;

namespace Vitrine.Tests.Transformers;

public sealed class PlanTests
{
    [Fact]
    public void Every_edit_survives_the_round_trip_through_json()
    {
        var scope = new EditScope { Positions = Positions.At(1, -2), Heads = [0], Rows = [3], Steps = [0, 4] };
        var plan = new RunPlan
        {
            Capture = ["language.*.mlp.neurons@*"],
            Gradients = ["language.0.resid_pre"],
            Edits =
            [
                new Clamp(new NeuronSet([new Neuron(1, 3), new Neuron(0, 17)]), [4, -1.5f]),
                new Add("language.0.resid_post", EditValue.Of(1, 2.5f), 2) { Scope = new EditScope { Positions = Positions.Last } },
                new Scale("dino.*.attn.z", 0.5) { Scope = scope },
                new Zero("siglip.1.attn.z") { Scope = scope },
                new Mean("language.0.mlp.out"),
                new Replace("language.1.resid_pre", new EditValue([1, 2], [3, 4])) { Scope = new EditScope { Neurons = [1], Positions = Positions.Since(2) } },
                new KnockOut("language.*.attn.scores", Positions.At(2, 3)) { Scope = new EditScope { Positions = Positions.Last } },
            ],
        };
        var json = plan.ToJson();
        RunPlan.FromJson(json).ToJson().ShouldBe(json);
        var clamp = RunPlan.FromJson(json).Edits[0].ShouldBeOfType<Clamp>();
        clamp.ShouldBe(plan.Edits[0]);
        RunPlan.FromJson(json).Edits[1].ShouldBe(plan.Edits[1]);
    }

    [Fact]
    public void A_callback_cannot_be_saved_and_says_so()
        => Should.Throw<VitrineException>(() => RunPlan.Editing(new CallbackEdit("language.0.mlp.out", (x, _) => x))
            .ToJson()).Message.ShouldContain("callback");

    [Fact]
    public void An_unknown_edit_in_a_file_is_refused_with_the_files_name()
        => Should.Throw<VitrineException>(() => RunPlan.FromJson("""{"edits":[{"edit":"explode"}]}""", "plan.json")).Message.ShouldStartWith("plan.json");

    [Theory]
    [InlineData("language.9.mlp.neurons", "9 layers", false)]
    [InlineData("langage.0.mlp.neurons", "language.0.mlp.neurons", true)]
    [InlineData("language.0.mlp.neuron", "mlp.neurons", true)]
    [InlineData("language.0.attn.out_post", "attn.out", true)]
    [InlineData("language", "stack.layer.point", true)]
    [InlineData("language.0.mlp.neurons@x", "step", true)]
    public void A_wrong_address_is_refused_with_the_nearest_that_exists(string address, string hint, bool exact)
    {
        using var model = Llama();
        var message = Should.Throw<VitrineException>(() => model.Run(TokenBatch.Of(3, 4), RunPlan.Capturing(address))).Message;
        message.ShouldContain(address);
        message.ShouldContain(exact ? hint : $"{model.Language.Shape.Layers} layers");
    }

    [Fact]
    public void An_edit_outside_the_tensor_is_refused()
    {
        using var model = Llama();
        var shape = model.Language.Shape;
        Edit[] outside =
        [
            new Clamp(new NeuronSet([new Neuron(0, shape.Neurons)]), 1),
            new Zero("language.0.attn.z") { Scope = new EditScope { Heads = [shape.Heads] } },
            new Zero("language.0.resid_post") { Scope = new EditScope { Neurons = [shape.Width] } },
            new Zero("language.0.resid_post") { Scope = new EditScope { Heads = [0] } },
            new Zero("language.0.resid_post") { Scope = new EditScope { Rows = [7] } },
            new Add("language.0.resid_post", EditValue.Of(1, 2, 3)),
            new KnockOut("language.0.attn.z", Positions.At(0)),
            new Clamp(new NeuronSet([new Neuron(shape.Layers, 0)]), 1),
        ];
        foreach (var edit in outside)
        {
            Should.Throw<VitrineException>(() => model.Run(TokenBatch.Of(3, 4), RunPlan.Editing(edit)), edit.ToString()).Message.ShouldContain("language.");
        }
    }

    [Fact]
    public void Every_name_of_the_vocabulary_is_read_back()
    {
        foreach (var point in PointVocabulary.All)
        {
            PointVocabulary.TryParse(point.Name, point.IsInBlock, out var parsed).ShouldBeTrue(point.Name);
            parsed.ShouldBe(point);
        }

        Address.Parse("language.12.mlp.neurons@3").ShouldBe(new Address("language", 12, Point.MlpNeurons, 3));
        Address.Parse("language.12.mlp.neurons@3").ToString().ShouldBe("language.12.mlp.neurons@3");
    }

    private static TextModel Llama()
    {
        foreach (var row in GenerationTests.Models())
        {
            using var fixture = Fixture.Open(Path.Combine(Fixtures.Root, "models", row.Data));
            if (fixture.Family == "llama")
            {
                return TextModel.Open(fixture.Folder);
            }
        }

        Assert.Skip("the fixtures have no Llama");
        throw new InvalidOperationException();
    }
}
