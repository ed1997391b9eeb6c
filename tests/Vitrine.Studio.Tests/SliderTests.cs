using Bunit;
using Vitrine.Studio.Parts;

namespace Vitrine.Studio.Tests;

public sealed class SliderTests : BunitContext
{
    [Fact]
    public void A_slider_reads_and_writes_its_number_with_a_dot_where_people_write_commas()
    {
        using var culture = new Comma();
        var moved = double.NaN;
        var slider = Render<Slider>(p => p.Add(s => s.Label, "Dose").Add(s => s.High, 1).Add(s => s.Step, .1).Add(s => s.Value, .4)
            .Add(s => s.Moved, v => moved = v));
        slider.Find("input").GetAttribute("value").ShouldBe("0.4");
        slider.Find("input").GetAttribute("step").ShouldBe("0.1");
        slider.Find("input").Input("0.7");
        moved.ShouldBe(.7);
    }

    [Theory, InlineData("5", 1), InlineData("-3", 0)]
    public void A_slider_gives_no_number_beyond_its_ends(string written, double given)
    {
        var moved = double.NaN;
        Render<Slider>(p => p.Add(s => s.Label, "Dose").Add(s => s.Moved, v => moved = v)).Find("input").Input(written);
        moved.ShouldBe(given);
    }

    [Theory, InlineData("NaN"), InlineData("x"), InlineData("")]
    public void What_is_no_number_moves_nothing(string written)
    {
        var moved = double.NaN;
        Render<Slider>(p => p.Add(s => s.Label, "Dose").Add(s => s.Moved, v => moved = v)).Find("input").Input(written);
        moved.ShouldBe(double.NaN);
    }

    [Fact]
    public void A_scrubber_steps_within_its_ends()
    {
        var moved = -1;
        var scrubber = Render<Scrubber>(p => p.Add(s => s.Label, "Token").Add(s => s.Count, 3).Add(s => s.Value, 1).Add(s => s.Moved, v => moved = v));
        scrubber.Find("[aria-label='one step on']").Click();
        moved.ShouldBe(2);
        scrubber.Find("[aria-label='one step back']").Click();
        moved.ShouldBe(0);
        Render<Scrubber>(p => p.Add(s => s.Label, "Token").Add(s => s.Count, 3).Add(s => s.Value, 2)).Find("[aria-label='one step on']")
            .HasAttribute("disabled").ShouldBeTrue();
    }
}
