using Vitrine.Mechanisms.Probes;
using Vitrine.Policies;
using Vitrine.Transformers;
using Vitrine.Worlds;

namespace Vitrine.Tests.Mechanisms.Probes;

public sealed class ProbeActivationsTests
{
    private static readonly string[] Texts = ["the red block", "push the blue ball now", "red"];

    [Theory]
    [InlineData("llama")]
    [InlineData("gpt2")]
    [InlineData("bert-classifier")]
    public void Rows_are_those_of_each_text_alone(string family)
    {
        using var model = TextModel.Open(Fixtures.Of("models", family));
        var (stack, last) = (model.Language.Shape.Name, model.Language.Shape.Layers - 1);
        foreach (var at in new[] { ProbePosition.Last, ProbePosition.First, ProbePosition.Mean, ProbePosition.Token })
        {
            using var read = ProbeActivations.OfTexts(model, Texts, at, batch: 2);
            read.Layers.Select(l => l.Place).ShouldBe([.. Enumerable.Range(0, last + 1).Select(l => $"{stack}.{l}.resid_post")]);
            var row = 0;
            foreach (var (index, text) in Texts.Index())
            {
                using var run = model.Run(text, RunPlan.Capturing($"{stack}.{last}.resid_post"));
                using var alone = run[$"{stack}.{last}.resid_post"][0];                                     // (t, d)
                using var expected = at switch
                {
                    ProbePosition.Last => alone.narrow(0, alone.shape[0] - 1, 1),
                    ProbePosition.First => alone.narrow(0, 0, 1),
                    ProbePosition.Mean => alone.mean([0], keepdim: true),
                    _ => alone.alias(),
                };
                using var found = read.Layers[last].Activations.narrow(0, row, expected.shape[0]);
                (found - expected).abs().max().item<float>().ShouldBeLessThanOrEqualTo(5e-5f * Math.Max(1, expected.abs().max().item<float>()));
                read.Owners.Skip(row).Take((int)expected.shape[0]).ShouldAllBe(o => o == index);
                row += (int)expected.shape[0];
            }

            row.ShouldBe((int)read.Layers[last].Activations.shape[0]);
            (read.Types?.Count ?? row).ShouldBe(row);
        }
    }

    [Fact]
    public void A_policy_is_read_where_it_decides_and_says_what_it_did()
    {
        using var policy = Policy.Open("embedded:tabletop");
        var observations = StateSource.OfWorld("tabletop", 1).ForTest(3);
        using var read = ProbeActivations.OfPolicy(policy, observations, batch: 2);
        var place = read.Layers[2].Place;
        using var acted = policy.Act(observations, RunPlan.Capturing(place));
        using var expected = acted.Layout.At(acted.Run, place, 0).mean([1]);
        (read.Layers[2].Activations - expected).abs().max().item<float>().ShouldBeLessThan(5e-5f * Math.Max(1, expected.abs().max().item<float>()));
        read.Actions.Select(a => a.Values).ShouldBe(acted.Actions.Select(a => a.Values));
    }

    [Fact]
    public void Points_and_positions_that_are_not_there_are_refused_in_one_line()
    {
        using var model = TextModel.Open(Fixtures.Of("models", "llama"));
        Refused(() => ProbeActivations.OfTexts(model, Texts, point: "resid_pots")).ShouldContain("the nearest is 'resid_post'");
        Refused(() => ProbeActivations.OfTexts(model, Texts, point: "attn.pattern")).ShouldContain("no point 'attn.pattern' of tokens");
        Refused(() => ProbeActivations.OfTexts(model, Texts, ProbePosition.Deciding)).ShouldContain("decides no action");
        Refused(() => ProbeActivations.OfTexts(model, [])).ShouldContain("0 examples");

        static string Refused(Action act) => Should.Throw<VitrineException>(act).Message;
    }
}
