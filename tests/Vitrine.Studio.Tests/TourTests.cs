using System.Globalization;
using Bunit;
using Microsoft.AspNetCore.Components;
using Microsoft.Extensions.DependencyInjection;
using Vitrine.Mechanisms.ValueVectors;
using Vitrine.Policies;
using Vitrine.Studio.Hosting;
using Vitrine.Studio.Pages;
using Vitrine.Studio.Scenes;
using Vitrine.Studio.Tour;
using Vitrine.Studio.Work;
using Vitrine.Transformers;
using static TorchSharp.torch;

namespace Vitrine.Studio.Tests;

/// <summary>Every number on a page of the tour is one that the engine gives to whoever asks it directly.</summary>
public sealed class TourTests : BunitContext
{
    public TourTests()
    {
        JSInterop.Mode = JSRuntimeMode.Loose;
        Services.AddSingleton(Opened.Models);
        Services.AddSingleton(Opened.Place);
        Services.AddSingleton<StudyQueue>();
    }

    public static TheoryData<string> Kinds() => [Opened.Speaking, Opened.Flowing, Opened.Text, Opened.Image];

    public static IEnumerable<TheoryDataRow<string, string>> Everywhere()
        => from model in new[] { Opened.Speaking, Opened.Flowing, Opened.Text, Opened.Image }
           from step in TourStep.All
           select new TheoryDataRow<string, string>(model, step.Key);

    [Theory, MemberData(nameof(Everywhere))]
    public void Every_page_is_drawn_for_every_kind_of_model(string model, string step)
    {
        var page = Page(Opened.At($"tour/{step}", model));
        page.Find("h1").TextContent.ShouldBe(TourStep.Of(step).Title);
        page.FindAll(".alert").ShouldBeEmpty();
        var open = Opened.Models.Open(model);
        page.FindAll(".shown").Count.ShouldBe(TourStep.Of(step).IsFor(open.Kind, open.Model.Towers.Count > 0) ? 1 : 0);
    }

    [Theory, MemberData(nameof(Kinds))]
    public void Rows_of_attention_are_the_engine_s_and_add_up_to_one(string model)
    {
        using var scene = Opened.SceneOf(Opened.At("tour/attention", model));
        var shape = scene.Stack.Shape;
        var (layer, head) = (shape.Layers - 1, shape.Heads - 1);
        var shown = TourReading.Attention(scene, layer, head);
        using var run = scene.Run(RunPlan.Capturing($"{shape.Name}.*.attn.pattern"));
        var engine = run.Run[$"{shape.Name}.{layer}.attn.pattern"];
        engine.shape[2].ShouldBe(shown.Queries.Count);
        foreach (var (q, row) in shown.Weights.Index())
        {
            row.Sum(w => (double)w).ShouldBe(1, 1e-5);
            row.ShouldBe(TourReading.Floats(engine[0, head, q]));
        }
    }

    [Fact]
    public void The_table_of_attention_shows_the_engine_s_numbers()
    {
        var page = Page(Opened.At("tour/attention", Opened.Text, ("layer", 1), ("head", 1), ("text", "the red block")));
        using var model = TextModel.Open(Opened.Text);
        using var run = model.Run("the red block", RunPlan.Capturing("language.1.attn.pattern"));
        var rows = page.FindAll(".weights tbody tr");
        rows.Count.ShouldBe((int)run["language.1.attn.pattern"].shape[2]);
        foreach (var (q, row) in rows.Index())
        {
            var weights = TourReading.Floats(run["language.1.attn.pattern"][0, 1, q]);
            var cells = row.QuerySelectorAll("td").Select(c => c.TextContent).ToArray();
            cells[^1].ShouldBe("1.00");
            cells[..^1].Select(c => c == "·" ? 0 : double.Parse(c, CultureInfo.InvariantCulture)).Zip(weights, (shown, w) => Math.Abs(shown - w)).Max()
                .ShouldBeLessThan(.0051);
        }
    }

    [Theory, MemberData(nameof(Kinds))]
    public void A_neuron_s_activations_are_the_engine_s_and_its_words_those_of_the_command(string model)
    {
        using var scene = Opened.SceneOf(Opened.At("tour/neuron", model));
        var (shape, neuron) = (scene.Stack.Shape, 3);
        var shown = TourReading.Neuron(scene, 0, neuron);
        using var run = scene.Run(RunPlan.Capturing($"{shape.Name}.0.mlp.neurons"));
        shown.Activations.ShouldBe(TourReading.Floats(run.Run[$"{shape.Name}.0.mlp.neurons"][0].select(1, neuron)));
        var unrun = TourReading.Neuron(scene, 0, neuron, runs: false);
        unrun.Activations.ShouldBeEmpty();
        (unrun.KeyNorm, unrun.ValueNorm).ShouldBe((shown.KeyNorm, shown.ValueNorm));
        (unrun.Words?.Top ?? []).ShouldBe(shown.Words?.Top ?? []);
        using var vectors = scene.Stack.ValueVectors(0);
        shown.ValueNorm.ShouldBe(vectors[neuron].norm().item<float>(), 1e-4);
        if (scene.Model is VisionModel || scene.Stack.Shape.Vocabulary == 0)
        {
            shown.Words.ShouldBeNull();
            return;
        }

        var words = Opened.Models.Open(model).Model.ReadNeuron(0, neuron);
        shown.Words!.Top.ShouldBe(words.Top);
        shown.Words.Bottom.ShouldBe(words.Bottom);
    }

    /// <remarks>A neuron fires by how well the normed residual matches its key: the gate's, or where there is none the up projection's own.</remarks>
    [Theory, MemberData(nameof(Kinds))]
    public void A_key_is_what_the_neuron_compares_its_input_with(string model)
    {
        using var scene = Opened.SceneOf(Opened.At("tour/neuron", model));
        var shape = scene.Stack.Shape;
        var point = scene.Stack.Spec.Mlp.Gated ? "mlp.gate" : "mlp.up";
        using var run = scene.Run(RunPlan.Capturing($"{shape.Name}.0.mlp.in", $"{shape.Name}.0.{point}"));
        using var keys = scene.Stack.NeuronKeys(0);
        using var scope = NewDisposeScope();
        var input = run.Run[$"{shape.Name}.0.mlp.in"][0];
        var matched = input.matmul(keys.t());
        var difference = run.Run[$"{shape.Name}.0.{point}"][0] - matched;                                    // the bias, where there is one
        (difference - difference[0]).abs().max().item<float>().ShouldBeLessThan(1e-4f * Math.Max(1, matched.abs().max().item<float>()));
    }

    [Theory, MemberData(nameof(Kinds))]
    public void What_blocks_add_is_the_stream(string model)
    {
        using var scene = Opened.SceneOf(Opened.At("tour/blocks", model));
        var shape = scene.Stack.Shape;
        var shown = TourReading.Stream(scene, scene.Deciding);
        using var run = scene.Run(RunPlan.Capturing($"{shape.Name}.*.resid_post"));
        shown.Stream.Count.ShouldBe(shape.Layers + 1);
        for (var layer = 0; layer < shape.Layers; layer++)
        {
            shown.Stream[layer + 1].ShouldBe(run.Run[$"{shape.Name}.{layer}.resid_post"][0, scene.Deciding].norm().item<float>(), 1e-4);
        }
    }

    [Fact]
    public void The_next_tokens_are_those_of_the_engine()
    {
        using var scene = Opened.SceneOf(Opened.At("tour/answer", Opened.Text));
        using var run = ((TextModel)scene.Model).Run(scene.Said);
        var engine = Answer.Of(run.Logits[0, -1], ClassScores.OneOfMany, 10);
        TourReading.Answers(scene).Select(a => (a.Class, a.Logit, a.Probability)).ShouldBe(engine.Select(a => (a.Id, a.Logit, a.Probability)));
    }

    [Fact]
    public void Classes_are_those_of_the_engine()
    {
        foreach (var model in new[] { Opened.Image, Opened.Classifier })
        {
            using var scene = Opened.SceneOf(Opened.At("tour/answer", model));
            using var own = scene.Model is TextModel text ? text.Classify(text.Encode(scene.Said)) : ((VisionModel)scene.Model).Classify(scene.Pixels!);
            TourReading.Answers(scene)[0].Class.ShouldBe(own.ClassIds[0]);
            TourReading.Answers(scene)[0].Probability!.Value.ShouldBe(own.Scores()[0].Max(), 1e-6);
        }
    }

    [Theory, InlineData(Opened.Speaking), InlineData(Opened.Flowing)]
    public void The_action_on_the_page_is_the_one_of_act(string model)
    {
        var at = Opened.At("tour/action", model, ("task", "lift"), ("layout", 2));
        var page = Page(at);
        using var policy = Policy.Open(model);
        using var run = policy.Act([SceneSource.ObservationOf(at, Opened.Place)]);
        var shown = page.FindAll("[data-value]").Select(c => double.Parse(c.TextContent, CultureInfo.InvariantCulture)).ToArray();
        shown.Length.ShouldBe(policy.ActionNames.Count);
        shown.Zip(run.Actions[0].Values, (a, b) => Math.Abs(a - b)).Max().ShouldBeLessThan(5.1e-6);
    }

    [Fact]
    public void A_link_to_another_token_changes_the_page_in_place()
    {
        var page = Page(Opened.At("tour/embedding", Opened.Text, ("token", 0)));
        var before = page.Find(".barcode").InnerHtml;
        Services.GetRequiredService<NavigationManager>().NavigateTo(Opened.At("tour/embedding", Opened.Text, ("token", 2)).Relative);
        page.WaitForAssertion(() => page.Find(".barcode").InnerHtml.ShouldNotBe(before), TimeSpan.FromSeconds(30));
    }

    private IRenderedComponent<TourPage> Page(PageAddress at)
    {
        Services.GetRequiredService<NavigationManager>().NavigateTo(at.Relative);
        var page = Render<TourPage>();
        page.WaitForState(() => !page.Markup.Contains("Opening the model", StringComparison.Ordinal), TimeSpan.FromSeconds(120));
        return page;
    }
}
