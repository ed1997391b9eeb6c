using System.Runtime.InteropServices;
using System.Xml.Linq;
using SkiaSharp;
using Vitrine.Inputs.Pictures;
using Vitrine.Mechanisms.Causes;
using Vitrine.Mechanisms.Pictures;
using Vitrine.Mechanisms.Statistics;
using Vitrine.Mechanisms.ValueVectors;
using Vitrine.Policies;
using Vitrine.Views;
using Vitrine.Views.Drawing;
using Vitrine.Worlds;
using Vitrine.Worlds.Decisions;

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
        view.All("td").Select(cell => cell.Value).ShouldBe(
            ["50.0\u00A0%", "1.0\u00A0%", "20.0\u00A0%", "–", "25.0\u00A0%", "2.0\u00A0%", "100.0\u00A0%", "–"]);
        view.All("line").ShouldNotContain(line => line.Is("chance"));
    }

    [Fact]
    public void The_chance_line_stands_at_the_share_of_action_tokens_and_says_which_layers_lie_below_it()
    {
        // 3 of 4 tokens are action tokens: chance is 75 %; layer 0 has half of it, layer 1 lies above.
        var profile = new LayerProfile
        {
            Stack = "language",
            Rule = "",
            Vocabulary = 6,
            Tokens = 4,
            ActionTokens = 3,
            Rows = [new(0, .5, 0, 0, .01, .375, 0), new(1, .25, 0, 0, .02, 1, 0)],
        };
        var view = RenderedPage.ParseFragment(new LayerProfilePlot(profile).Render());
        var axis = view.All("line").Where(line => line.Is("axis")).Select(line => line.Number("y1")).ToList();
        var chance = view.All("line").Single(line => line.Is("chance")).Number("y1");
        ((axis.Max() - chance) / (axis.Max() - axis.Min())).ShouldBe(.75, 1e-3);
        view.Value.ShouldContain("chance, 75.0\u00A0%: 3 of the 4 tokens that are read are action tokens (of 6 in the vocabulary; the rest stand for nothing)");
        view.Value.ShouldContain("Above chance: layer 1; below: layer 0.");
    }

    [Fact]
    public void The_chance_of_the_embedded_policy_is_counted_in_its_vocabulary()
    {
        using var policy = Policy.Open("embedded:tabletop");
        var tokens = TokenReader.Of(policy);
        // 256 bins of 448 rows; 25 rows are placeholders or the unknown token, which no reading can show.
        (policy.Language.Shape.Vocabulary, tokens.Valid.Count(tokens.IsAction)).ShouldBe((448, 256));
        tokens.Valid.Count.ShouldBe(448 - Enumerable.Range(0, 448).Count(id => policy.Tokenizer.Token(id) is null or "<unk>"
            || policy.Tokenizer.Token(id)!.StartsWith("<unused") && !tokens.IsAction(id)));
        var profile = new LayerProfile { Stack = "", Rule = "", Rows = [], Tokens = tokens.Valid.Count, ActionTokens = 256 };
        profile.Chance!.Value.ShouldBe(256.0 / tokens.Valid.Count, 1e-12);
        new LayerProfile { Stack = "", Rule = "", Rows = [], Tokens = 100 }.Chance.ShouldBeNull("a model that says no actions");
    }

    [Fact]
    public void The_veil_lifts_in_proportion_to_the_attention()
    {
        var map = new AttentionMap { Look = new("language", 1, 2, "cube", 1, 3, [.4, .2, 0]), Picture = SampleReport.Table(.5, .5, .5, 1) };
        var view = RenderedPage.ParseFragment(new AttentionOverlay(map).Render());
        var veils = view.All("rect").Where(veil => veil.Is("veil")).Select(veil => veil.Number("fill-opacity")).ToList();
        veils[0].ShouldBe(0);
        veils[1].ShouldBe(veils[2] / 2, 1e-3);
        view.All("td").Select(cell => cell.Value).ShouldBe(["40.0", "20.0", "0.0"]);
    }

    [Fact]
    public void Maps_on_one_scale_are_veiled_alike_where_their_heads_attend_alike()
    {
        static double[] Veils(double[] weights, double full)
        {
            var map = new AttentionMap { Look = new("language", 1, 2, "cube", 1, 3, weights), Picture = SampleReport.Table(.5, .5, .5, 1) };
            var view = RenderedPage.ParseFragment(new AttentionOverlay(map, full).Render());
            return [.. view.All("rect").Where(r => r.Is("veil")).Select(r => r.Number("fill-opacity"))];
        }

        var (sharp, flat) = (Veils([.9, .1, 0], .2), Veils([.1, .1, .1], .2));
        sharp[0].ShouldBe(0, "what reaches the scale's end is shown in full");
        flat.ShouldAllBe(veil => veil == sharp[1]);
        sharp[2].ShouldBeLessThan(.7, "the object can be seen under the veil");
    }

    [Fact]
    public void A_patch_says_its_row_column_weight_and_token()
    {
        var look = new HeadLook("language", 1, 2, "cube", 2, 2, [.1, .2, .325, .125]) { FirstToken = 7, Visible = 20 };
        var view = RenderedPage.ParseFragment(new AttentionOverlay(new() { Look = look, Picture = SampleReport.Table(.5, .5, .5, 1) }).Render());
        view.All("rect").Last(r => r.Is("veil")).Value.ShouldBe("row 1, column 1: 12.5\u00A0%; token 10 of the sequence");
        // Four patches of twenty positions: a head that looks everywhere alike puts a fifth on the picture.
        view.Value.ShouldContain("75\u00A0% on the picture (looking everywhere alike: 20\u00A0%)");
    }

    [Fact]
    public void A_slider_holds_every_head_and_begins_with_the_one_that_looks_most()
    {
        AttentionMap[] maps =
        [
            .. new[] { (0, 0, .1f), (1, 1, .25f), (0, 1, .2f), (1, 0, .05f) }.Select(h => new AttentionMap
            {
                Look = new("language", h.Item1, h.Item2, "cube", 1, 3, [h.Item3, h.Item3 * 2, 0]),
                Picture = SampleReport.Table(.5, .5, .5, 1),
            }),
        ];
        var view = RenderedPage.ParseFragment(new HeadSlider(maps).Render());
        view.All("p").Single(p => p.Is("said")).Value.ShouldBe("head 1:1 from cube: 75.0\u00A0% on the picture; largest patch 50.0\u00A0%");
        view.All("input").Select(i => (i.Get("data-choose"), i.Get("max"), i.Get("value"))).ShouldBe([("layer", "1", "1"), ("head", "1", "1")]);
        view.All("rect").Where(r => r.Is("veil")).Select(r => r.Number("fill-opacity"))
            .ShouldBe([AttentionOverlay.Veil / 2, 0, AttentionOverlay.Veil], 1e-3);
        view.All("data").Select(d => MemoryMarshal.Cast<byte, float>(Convert.FromBase64String(d.Get("value")!))[1]).ShouldBe([.2f, .4f, .1f, .5f]);
        Should.Throw<VitrineException>(() => new HeadSlider(maps[..3]).Render()).Message.ShouldContain("3 maps for 2 layers of 2 heads");
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
    public void A_player_draws_the_measure_that_its_edit_is_about_in_its_unit()
    {
        // Straight up by .1, .2, .3: heights after the steps, not the lengths of the steps.
        var episode = SampleReport.Episode("rise", true, [new(0, 0, .1), new(0, 0, .2), new(0, 0, .4), new(0, 0, .7)], null);
        var pair = new EpisodePair
        {
            Title = "rise",
            Before = new() { Label = "before", Episode = episode },
            After = new() { Label = "after", Episode = episode with { Succeeded = false } },
            Units = new("table widths", "control step"),
        };
        static string[] Course(EpisodePair pair) => [.. RenderedPage.ParseFragment(new EpisodePlayer(pair).Render()).All("tbody").Single().All("tr")
            .Select(row => row.All("td").ElementAt(1).Value)];
        Course(pair with { Measure = Measure.Height }).ShouldBe(["–", "0.200", "0.400", "0.700"]);
        Course(pair with { Measure = Measure.Speed }).ShouldBe(["–", "0.100", "0.200", "0.300"]);
        var view = RenderedPage.ParseFragment(new EpisodePlayer(pair with { Measure = Measure.Height }).Render());
        view.All("text").Select(text => text.Value).ShouldContain("height, table widths");
        view.All("text").Where(text => text.Is("curve-end")).Select(text => (text.Value, text.Get("class")))
            .ShouldBe([("✕", "curve-end no"), ("✓", "curve-end yes")]);
        Should.Throw<VitrineException>(() => new EpisodePlayer(pair with { Measure = Measure.Success }).Render()).Message
            .ShouldBe("episodes 'rise': success has no course to draw; expected one of speed, height.");
    }

    [Fact]
    public void A_solved_episode_ends_in_a_ring_and_a_failed_one_in_a_cross()
    {
        var sample = SampleReport.Create().Episodes[1];
        var view = RenderedPage.ParseFragment(new EpisodePlayer(sample).Render());
        (sample.Before.Episode.Succeeded, sample.After.Episode.Succeeded).ShouldBe((true, false));
        view.All("svg").Where(svg => svg.Is("screen")).Select(svg => svg.DescendantsAndSelf().Single(mark => mark.Is("ending")).Get("class"))
            .ShouldBe(["ending solved", "ending failed"]);
        view.All("p").Where(p => p.Is("outcome")).Select(p => p.Value[..2]).ShouldBe(["✓ ", "✕ "]);
    }

    [Fact]
    public void Shares_of_the_one_step_table_are_shares_of_the_words_effect_also_when_it_is_negative()
    {
        var unasked = new Estimate(double.NaN, double.NaN, double.NaN);
        var effect = new OneStepResult(
            "slow", "speed", 8, .06, new(-.02, -.022, -.018), [new(Component.Attention, 5, new(-.015, -.016, -.014), new(-.02, -.021, -.019), unasked)],
            [new("random", null, [-.001, 0, 0, 0, 0, 0, 0, .002])]);
        var view = RenderedPage.ParseFragment(new OneStepTable(new(effect)).Render());
        var heat = view.All("table").First().All("td").Select(cell => cell.Value).Where(text => text.Length > 0);
        heat.ShouldBe(["75\u00A0%[70, 80]", "100\u00A0%[95, 105]"]);
        view.All("li").Single().Value.ShouldContain("−10\u00A0% to 5\u00A0%");
    }

    [Fact]
    public void Noising_is_tinted_by_what_is_lost_and_shares_beyond_the_word_are_explained()
    {
        static Estimate About(double mean) => new(mean, mean, mean);
        static OneStepResult With(double added, double remains) => new(
            "fast", "speed", 8, .06, About(.02), [new(Component.Attention, 5, About(added * .02), About(.01), About(remains * .02))], []);
        static XElement View(OneStepResult effect) => RenderedPage.ParseFragment(new OneStepTable(new(effect, "table widths")).Render());
        static string[] Tints(OneStepResult effect)
            => [.. View(effect).All("table").First().All("td").Select(cell => cell.Get("style")).Where(style => style.Length > 0)];
        static string Said(OneStepResult effect) => View(effect).Value;

        Tints(With(.25, .2)).ShouldBe(["--v:0.25", "--v:0.5", "--v:0.8"]);
        Tints(With(2.5, 1.3)).ShouldBe(["--v:1", "--v:0.5", "--v:0"]);
        Said(With(2.5, .2)).ShouldContain("Above 100 %: the part alone moves the decision further");
        Said(With(.5, 1.3)).ShouldContain("More than 100 % remains");
        Said(With(-.5, .2)).ShouldContain("Below 0 %");
        Said(With(.5, .5)).ShouldNotContain("100 %:");
        Said(With(.5, .5)).ShouldContain("+0.0200 [+0.0200, +0.0200] table widths = 100 %, over 8 states");
    }

    [Fact]
    public void Entropy_is_in_nats_everywhere_and_stands_beside_that_of_knowing_nothing()
    {
        using var policy = Policy.Open("embedded:tabletop");
        var seen = new Observation(SampleReport.Table(.5, .5, .5, 1), "lift the red cube");
        using var run = policy.Act([seen]);
        var said = PassExample.Of(policy, seen, run.Actions[0]);
        said.ActionTokens.Select(t => t.Entropy).ShouldBe(run.Actions[0].Tokens!.Entropy);
        var view = RenderedPage.ParseFragment(new TransformerDiagram(ModelDescription.Of(policy), said).Render());
        view.All("th").Select(th => th.Value).ShouldContain("entropy, nats");
        view.Value.ShouldContain("ln 256 = 5.55 nats");
        view.Value.ShouldNotContain("bits");
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

    [Theory]
    [InlineData(" fast ", "␣fast␣"), InlineData("\n", "⏎"), InlineData("", "∅"), InlineData("a\u202Eb", "aU+202Eb"), InlineData("take it", "take it")]
    public void Blanks_and_controls_of_a_token_are_made_visible(string token, string visible) => TokenStrip.Visible(token).ShouldBe(visible);

    [Theory]
    [InlineData(.038, "+0.038"), InlineData(-.0294, "−0.029"), InlineData(.0001, "0.000"), InlineData(-.0001, "0.000"), InlineData(1.5, "+1.500"),
        InlineData(double.NaN, "–")]
    public void A_change_is_printed_with_its_sign(double value, string printed) => Figures.Change(value).ShouldBe(printed);

    [Fact]
    public void Numbers_are_printed_alike_everywhere()
    {
        Figures.Change(new Estimate(.034, -.031, .037)).ShouldBe("+0.0340 [−0.0310, +0.0370]");
        Figures.Points(new Estimate(-.056, -.167, 0)).ShouldBe("−6 points [−17, 0]");
        Figures.Range(new Spread(0, -.0003, .0004)).ShouldBe("−0.0003 to +0.0004");
        Figures.Share(new Estimate(.95, .931, .968)).ShouldBe("95\u00A0% [93, 97]");
        Figures.Percent(.004, 1).ShouldBe("0.4\u00A0%");
        Figures.Count(2304).ShouldBe("2,304");
        Figures.Large(2_600_000).ShouldBe("2.6 million");
        Figures.Scientific(3.1e-6).ShouldBe("3.1e−6");
        Figures.Probability(.0002).ShouldBe("< 0.001");
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
