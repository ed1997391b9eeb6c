using System.Globalization;
using System.Xml.Linq;
using Vitrine.Views;

namespace Vitrine.Tests.Views;

public sealed class ForestPlotTests
{
    private static readonly StudySummary Study = new()
    {
        Rows =
        [
            new() { Arm = "no edit", Kind = ArmKind.Baseline, Episodes = 40, Success = new(.9, .8, .95) },
            new() { Arm = "edit", Kind = ArmKind.Edit, Concept = "fast", Episodes = 40, SpeedChange = new(.034, .031, .037), Success = new(.75, .6, .85) },
            new() { Arm = "random", Kind = ArmKind.MatchedRandom, Concept = "fast", Episodes = 320, SpeedChange = new(-.001, -.002, .001), SpeedDraws = new(-.013, .009, 8), Success = new(.7, .65, .74), SuccessDraws = new(.5, .8, 8) },
        ],
    };

    [Theory, InlineData("wide"), InlineData("narrow")]
    public void Marks_stand_where_their_numbers_are_on_the_axis(string layout)
    {
        var drawing = Drawing(layout);
        // Both panels of this study are read off their own printed ticks: a straight line through the first and the last.
        var ticks = drawing.All("text").Where(text => text.Is("tick")).Select(text => (Pixel: text.Number("x"), Label: text.Value)).ToList();
        var motion = Axis(ticks.Where(tick => !tick.Label.Contains('%')).ToList());
        var success = Axis(ticks.Where(tick => tick.Label.Contains('%')).ToList());

        var lines = drawing.All("line").Where(line => line.Is("interval")).ToList();
        var dots = drawing.All("circle").Where(dot => dot.Is("estimate")).ToList();
        var bands = drawing.All("rect").Where(band => band.Is("draws")).ToList();
        var intervals = new[] { (motion, Study.Rows[1].SpeedChange!), (motion, Study.Rows[2].SpeedChange!), (success, Study.Rows[0].Success), (success, Study.Rows[1].Success), (success, Study.Rows[2].Success) };
        lines.Count.ShouldBe(intervals.Length);
        foreach (var (index, (axis, interval)) in intervals.Index())
        {
            lines[index].Number("x1").ShouldBe(axis(interval.Low), .02);
            lines[index].Number("x2").ShouldBe(axis(interval.High), .02);
            dots[index].Number("cx").ShouldBe(axis(interval.Mean), .02);
            dots[index].Number("cy").ShouldBe(lines[index].Number("y1"));
        }

        foreach (var (band, axis, draws) in new[] { (bands[0], motion, Study.Rows[2].SpeedDraws!), (bands[1], success, Study.Rows[2].SuccessDraws!) })
        {
            band.Number("x").ShouldBe(axis(draws.Low), .02);
            (band.Number("x") + band.Number("width")).ShouldBe(axis(draws.High), .03);
        }
    }

    [Fact]
    public void Controls_are_marked_as_controls()
    {
        var groups = Drawing("wide").All("g").Where(group => group.HasElements).Select(group => group.Get("class"));
        groups.ShouldBe(["treatment", "control", "control", "treatment", "control"]);
    }

    [Fact]
    public void The_table_holds_the_numbers_that_the_marks_show()
    {
        var view = RenderedPage.ParseFragment(new ForestPlot(Study).Render());
        var cells = view.All("td").Select(cell => cell.Value).ToHashSet();
        var shown = view.All("circle").SelectMany(dot => dot.All("title")).Select(title => title.Value[(title.Value.IndexOf(": ", StringComparison.Ordinal) + 2)..]).ToList();
        shown.ShouldNotBeEmpty();
        shown.ShouldAllBe(number => cells.Contains(number));
    }

    [Fact]
    public void A_study_without_motion_shows_success_alone()
    {
        var view = RenderedPage.ParseFragment(new ForestPlot(new() { Rows = [Study.Rows[0]] }).Render());
        view.All("line").Count(line => line.Is("interval")).ShouldBe(2);
    }

    private static XElement Drawing(string layout) => RenderedPage.ParseFragment(new ForestPlot(Study).Render()).All("svg").Single(svg => svg.Is(layout));

    private static Func<double, double> Axis(List<(double Pixel, string Label)> ticks)
    {
        static double Value(string label) => double.Parse(label.Replace('−', '-').Replace("+", "").Replace("\u00A0%", ""), CultureInfo.InvariantCulture) * (label.Contains('%') ? .01 : 1);
        var (first, last) = (ticks[0], ticks[^1]);
        return value => first.Pixel + ((value - Value(first.Label)) / (Value(last.Label) - Value(first.Label)) * (last.Pixel - first.Pixel));
    }
}
