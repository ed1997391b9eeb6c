using Vitrine.Mechanisms.Lenses;
using Vitrine.Transformers;
using Vitrine.Transformers.Points;

namespace Vitrine.Tests.Mechanisms.Lenses;

public sealed class PatchscopeTests
{
    private static string Llama => Fixtures.Of("models", "llama");

    /// <summary>A residual that is put back where it was taken from changes nothing.</summary>
    [Fact]
    public void A_text_patched_with_its_own_residual_says_what_it_says()
    {
        using var model = TextModel.Open(Llama);
        var (plain, readings) = Patchscope.Read(model, "The robot moves", "The robot moves", place: new PatchscopePlace { Tokens = 4 });
        readings.Count.ShouldBe(model.Language.Shape.Layers);
        readings.ShouldAllBe(r => r.Said == plain && Math.Abs(r.Divergence) < 1e-6);
    }

    /// <summary>Behind the last block at the last position nothing is left to attend: the patched text says the source's next token.</summary>
    [Fact]
    public void Put_behind_the_last_block_the_residual_says_the_sources_next_token()
    {
        using var model = TextModel.Open(Llama);
        var last = model.Language.Shape.Layers - 1;
        using var source = model.Run("The robot moves", RunPlan.Capturing(new Address("language", last, Point.ResidPost).ToString()));
        var (_, readings) = Patchscope.Read(model, "The robot moves", "Touch the red cube.", [last]);
        readings.ShouldHaveSingleItem().Top.Select(t => t.Id)
            .ShouldBe(Answer.Of(source.Logits[0, -1], ClassScores.OneOfMany, 5).Select(a => a.Id));
        readings[0].Divergence.ShouldBeGreaterThan(1e-4);
    }

    [Fact]
    public void Places_that_are_not_there_are_named()
    {
        using var model = TextModel.Open(Llama);
        Refused([99], new PatchscopePlace()).ShouldContain("no block 99");
        Refused(null, new PatchscopePlace(Position: 40)).ShouldContain("the text that is read has");
        Refused(null, new PatchscopePlace(TargetPosition: -40)).ShouldContain("the text that is patched has");

        string Refused(IReadOnlyList<int>? layers, PatchscopePlace place)
            => Should.Throw<VitrineException>(() => Patchscope.Read(model, "The robot", "Touch it", layers, place)).Message;
    }
}
