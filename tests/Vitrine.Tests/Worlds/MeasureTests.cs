using System.Text.Json;
using Vitrine.Inputs.Pictures;
using Vitrine.Worlds;
using Vitrine.Worlds.Tabletop;

namespace Vitrine.Tests.Worlds;

public sealed class MeasureTests
{
    [Fact]
    public void The_course_is_the_measure_step_by_step_in_the_worlds_units()
    {
        var episode = Walk([new(0, 0, .1), new(.3, .4, .1), new(.3, .4, .2)]);
        Measure.Speed.Course!(episode).ShouldBe([.5, .1], 1e-12);
        Measure.Height.Course!(episode).ShouldBe([.1, .2], 1e-12);
        (Measure.Success.Course, Measure.Steps.Course).ShouldBe((null, null));
        var units = new TabletopWorld().Units;
        Measure.All.Select(m => m.Unit(units)).ShouldBe(["", "table widths per control step", "table widths", "control steps"]);
        Measure.Speed.Unit(WorldUnits.Unnamed).ShouldBe("world units per control step");
        Measure.Named("height").ShouldBe(Measure.Height);
    }

    [Fact]
    public void Speed_is_the_mean_displacement_of_the_first_six_steps_and_no_later_ones()
    {
        var path = Enumerable.Range(0, 20).Select(i => new Position(i <= 6 ? i * .1 : .6 + ((i - 6) * .01), 0, 0));
        Measure.Speed.Of(Walk(path)).ShouldBe(.1, 1e-12);
    }

    [Fact]
    public void Height_is_the_mean_height_after_steps_one_to_ten_and_does_not_count_the_start()
    {
        var path = Enumerable.Range(0, 20).Select(i => new Position(0, 0, i == 0 ? 100 : i <= 10 ? i : 1000));
        Measure.Height.Of(Walk(path)).ShouldBe(5.5, 1e-12);
    }

    [Fact]
    public void Shorter_episodes_are_measured_over_what_they_have()
    {
        var episode = Walk([new(0, 0, 1), new(.3, .4, 1), new(.3, .4, 2)]);
        Measure.Speed.Of(episode).ShouldBe(.75, 1e-12);
        Measure.Height.Of(episode).ShouldBe(1.5, 1e-12);
        Measure.Speed.Of(Walk([new(0, 0, .7)])).ShouldBe(0);
        Measure.Height.Of(Walk([new(0, 0, .7)])).ShouldBe(.7);
    }

    [Fact]
    public void An_episode_comes_back_from_json_as_it_was()
    {
        var episode = Walk([new(0.1, 1.0 / 3, -1e-300), new(Math.PI, 2, 3)]) with { Pictures = [new Picture(1, 1, [1, 2, 255])] };
        var json = JsonSerializer.Serialize(episode);
        var back = JsonSerializer.Deserialize<Episode>(json)!;
        JsonSerializer.Serialize(back).ShouldBe(json);
        back.Path.ShouldBe(episode.Path);
        back.HasSameActionsAs(episode).ShouldBeTrue();
        back.Pictures![0].Rgb.ShouldBe([1, 2, 255]);
    }

    private static Episode Walk(IEnumerable<Position> path)
    {
        Position[] all = [.. path];
        return new()
        {
            Layout = new(1, LayoutSplit.Test, "walk", 0),
            Instruction = "walk",
            Succeeded = false,
            Actions = [.. all.Skip(1).Select(p => new[] { p.X, p.Y, p.Z })],
            Path = all,
            Measures = new Dictionary<string, double> { ["far"] = 1.5 },
        };
    }
}
