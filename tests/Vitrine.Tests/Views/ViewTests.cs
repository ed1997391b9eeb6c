using SkiaSharp;
using Vitrine.Inputs.Pictures;
using Vitrine.Mechanisms.Causes;
using Vitrine.Policies;
using Vitrine.Views;
using Vitrine.Views.Drawing;
using Vitrine.Worlds.Decisions;
using Vitrine.Worlds.Statistics;
using Vitrine.Worlds.Studies;

namespace Vitrine.Tests.Views;

public sealed class ViewTests
{
    [Fact]
    public void Bars_of_the_layer_profile_are_as_high_as_their_shares()
    {
        var profile = new LayerProfile { Stack = "language", Rule = "", Rows = [new(0, .5, 0, 0, .01, .2, 0), new(1, .25, 0, 0, .02, 1, 0)] };
        var view = RenderedPage.ParseFragment(new LayerProfilePlot(profile).Render());
        var bars = view.All("rect").Where(bar => bar.Is("bar")).ToList();
        bars[0].Number("height").ShouldBe(2 * bars[1].Number("height"), .02);
        var lines = view.All("line").Where(line => line.Is("axis")).Select(line => line.Number("y1")).ToList();
        bars[0].Number("height").ShouldBe((lines.Max() - lines.Min()) / 2, .02);
        view.All("td").Select(cell => cell.Value).ShouldBe(["50.0\u00A0%", "1.0\u00A0%", "20.0\u00A0%", "25.0\u00A0%", "2.0\u00A0%", "100.0\u00A0%"]);
    }

    [Fact]
    public void The_veil_lifts_in_proportion_to_the_attention()
    {
        var map = new AttentionMap { Look = new("language", 1, 2, "cube", 1, 3, [.4, .2, 0]), Picture = SampleReport.Table(.5, .5, .5, 1) };
        var view = RenderedPage.ParseFragment(new AttentionOverlay(map).Render());
        var veils = view.All("rect").Where(veil => veil.Is("veil")).Select(veil => veil.Number("fill-opacity")).ToList();
        veils[0].ShouldBe(0);
        veils[1].ShouldBe(veils[2] / 2, 1e-3);
        view.All("td").Select(cell => cell.Value).ShouldBe(["40.0", "20.0", ".0"]);
    }

    [Fact]
    public void An_attention_map_of_the_wrong_size_is_refused_by_name()
    {
        var map = new AttentionMap { Look = new("language", 1, 2, "cube", 2, 2, [1]), Picture = SampleReport.Table(.5, .5, .5, 1) };
        Should.Throw<VitrineException>(() => new AttentionOverlay(map).Render()).Message.ShouldContain("layer 1 head 2");
    }

    [Fact]
    public void Every_frame_is_in_the_sheet_where_the_script_looks_for_it()
    {
        var frames = Enumerable.Range(0, 7).Select(index => new Picture(2, 1, [(byte)index, 10, 20, (byte)(100 + index), 30, 40])).ToList();
        var sheet = SpriteSheet.Of(frames, 3);
        (sheet.Columns, sheet.Rows).ShouldBe((3, 3));
        using var bitmap = SKBitmap.Decode(Convert.FromBase64String(sheet.Uri["data:image/png;base64,".Length..]));
        for (var index = 0; index < frames.Count; index++)
        {
            bitmap.GetPixel(index % 3 * 2, index / 3).ShouldBe(new SKColor((byte)index, 10, 20));
            bitmap.GetPixel((index % 3 * 2) + 1, index / 3).ShouldBe(new SKColor((byte)(100 + index), 30, 40));
        }
    }

    [Fact]
    public void Frames_of_different_sizes_are_refused()
        => Should.Throw<VitrineException>(() => SpriteSheet.Of([new Picture(1, 1, new byte[3]), new Picture(2, 1, new byte[6])],
            2)).Message.ShouldContain("frame 1 is 2 x 1");

    [Fact]
    public void An_episode_plays_to_the_end_of_the_longer_one()
    {
        var pair = SampleReport.Create().Episodes[0];
        var view = RenderedPage.ParseFragment(new EpisodePlayer(pair).Render());
        var steps = Math.Max(pair.Before.Episode.Pictures!.Count, pair.After.Episode.Pictures!.Count);
        view.All("input").Single().Number("max").ShouldBe(steps - 1);
        view.All("tbody").Single().All("tr").Count().ShouldBe(steps);
        view.All("polyline").Where(line => line.Is("path") && !line.Is("under")).Select(line => line.Get("points").Split(' ').Length)
            .ShouldBe([pair.Before.GripperPath.Count, pair.After.GripperPath.Count]);
    }

    [Fact]
    public void Shares_of_the_one_step_table_are_shares_of_the_words_effect_also_when_it_is_negative()
    {
        var unasked = new Estimate(double.NaN, double.NaN, double.NaN);
        var effect = new OneStepResult(
            "slow", "speed", 8, .06, new(-.02, -.022, -.018), [new(Component.Attention, 5, new(-.015, -.016, -.014), new(-.02, -.021, -.019), unasked)],
            [new("random", null, [-.001, 0, 0, 0, 0, 0, 0, .002])]);
        var view = RenderedPage.ParseFragment(new OneStepTable(effect).Render());
        var heat = view.All("table").First().All("td").Select(cell => cell.Value).Where(text => text.Length > 0);
        heat.ShouldBe(["75\u00A0%[70, 80]", "100\u00A0%[95, 105]"]);
        view.All("li").Single().Value.ShouldContain("−10\u00A0% to 5\u00A0%");
    }

    [Fact]
    public void A_policy_that_gives_numbers_is_shown_without_action_tokens_and_the_page_says_so()
    {
        using var policy = Policy.Open("embedded:tabletop");
        var seen = new Observation(SampleReport.Table(.5, .5, .5, 1), "lift the red cube");
        using var run = policy.Act([seen]);
        var said = PassExample.Of(policy, seen, run.Actions[0]);
        said.ActionTokens.Select(t => t.Dimension).ShouldBe(policy.ActionNames);
        (said.PatchRows, said.PatchColumns, said.Picture).ShouldBe((8, 8, seen.Picture));
        var numbers = PassExample.Of(policy, seen, run.Actions[0] with { Tokens = null });
        numbers.ActionTokens.ShouldBeEmpty();
        var view = RenderedPage.ParseFragment(new TransformerDiagram(ModelDescription.Of(policy), numbers).Render());
        view.All("p").Where(p => p.Is("empty")).Select(p => p.Value)
            .ShouldBe(["This policy gives its action in numbers, so there are no action tokens to show."]);
        view.Value.ShouldContain("the action is given in numbers");
        view.All("table").Select(t => t.All("caption").Single().Value).ShouldNotContain(c => c.Contains("one token a dimension"));
    }

    [Fact]
    public void A_pass_without_a_picture_draws_none_and_says_so()
    {
        var sample = SampleReport.Create();
        var blind = sample.Pass! with { Picture = null, PatchRows = 0, PatchColumns = 0 };
        var view = RenderedPage.ParseFragment(new TransformerDiagram(sample.Model with { Stacks = [sample.Model.Stacks[^1]] }, blind).Render());
        view.All("image").ShouldBeEmpty();
        view.All("text").Select(t => t.Value).ShouldContain("no picture");
        view.Value.ShouldContain("No picture is read");
        view.Value.ShouldNotContain("NaN");
    }

    [Fact]
    public void Verdicts_become_sentences_that_hold_their_numbers()
    {
        var edit = new ArmLabel { Name = "clamp", Kind = ArmKind.Edit, Concept = "fast" };
        var verdict = new Verdict
        {
            Arm = edit,
            Measure = "speed",
            Change = new(.01, .008, .012),
            Word = "quickly",
            Said = new(.04, .03, .05),
            Random = new(0, -.002, .003),
            Success = new(3, 4),
            BaselineSuccess = new(4, 4),
        };
        Statement.Of(verdict).ShouldBe(new Statement(
            "*fast*, clamp: speed changes by +0.0100 [+0.0080, +0.0120], 25 % of what saying 'quickly' does (+0.0400); random draws -0.0020 to +0.0030; "
                + "success 75 % against 100 % without edits.", true));
        Statement.Of(verdict with { Said = null, Random = null }).ShouldBe(new Statement(
            "*fast*, clamp: speed changes by +0.0100 [+0.0080, +0.0120]; no random draws were made; success 75 % against 100 % without edits.", false));
    }

    [Theory]
    [InlineData(" fast ", "␣fast␣"), InlineData("\n", "⏎"), InlineData("", "∅"), InlineData("a\u202Eb", "aU+202Eb"), InlineData("take it", "take it")]
    public void Blanks_and_controls_of_a_token_are_made_visible(string token, string visible) => TokenStrip.Visible(token).ShouldBe(visible);

    [Theory]
    [InlineData(.038, "+.038"), InlineData(-.0294, "−.029"), InlineData(.0001, ".000"), InlineData(-.0001, ".000"), InlineData(1.5, "+1.500"),
        InlineData(double.NaN, "–")]
    public void A_change_is_printed_with_its_sign(double value, string printed) => Figures.Change(value).ShouldBe(printed);

    [Fact]
    public void Numbers_are_printed_alike_everywhere()
    {
        Figures.Change(new Estimate(.034, .031, .037)).ShouldBe("+.034 [.031, .037]");
        Figures.Share(new Estimate(.95, .931, .968)).ShouldBe("95\u00A0% [93, 97]");
        Figures.Percent(.004, 1).ShouldBe(".4\u00A0%");
        Figures.Count(2304).ShouldBe("2,304");
        Figures.Large(2_600_000).ShouldBe("2.6 million");
        Figures.Scientific(3.1e-6).ShouldBe("3.1e−6");
        Figures.Probability(.0002).ShouldBe("< .001");
    }

    [Theory]
    [InlineData(-.013, .037), InlineData(0, 1), InlineData(-5, 0), InlineData(.4, .41), InlineData(0, 0), InlineData(1e-7, 3e-7)]
    public void A_scale_holds_zero_and_all_values_between_round_ends(double low, double high)
    {
        var scale = AxisScale.Around([low, high], 10, 110);
        scale.At(scale.Low).ShouldBe(10, 1e-9);
        scale.At(scale.High).ShouldBe(110, 1e-9);
        scale.At(low).ShouldBeInRange(10 - 1e-9, 110 + 1e-9);
        scale.At(0).ShouldBeInRange(10 - 1e-9, 110 + 1e-9);
        scale.Ticks().Count().ShouldBeInRange(2, 8);
        scale.Ticks().First().ShouldBe(scale.Low, 1e-12);
        scale.Ticks().Last().ShouldBe(scale.High, 1e-12);
    }

    [Fact]
    public void Tags_that_do_not_match_are_refused()
    {
        Should.Throw<InvalidOperationException>(() => new Markup().Open("p").Close("div"));
        Should.Throw<InvalidOperationException>(() => new Markup().Open("p").ToString());
    }

    [Theory]
    [InlineData("what makes it *fast*?", "what makes it <em>fast</em>?"), InlineData("2 * 3", "2 * 3"), InlineData("*<b>*", "<em>&lt;b&gt;</em>"),
        InlineData("**", "**")]
    public void Words_between_asterisks_are_set_in_italics(string text, string markup) => new Markup().Prose(text).ToString().ShouldBe(markup);
}
