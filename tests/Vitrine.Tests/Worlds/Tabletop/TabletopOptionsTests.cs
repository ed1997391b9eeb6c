using System.Collections.ObjectModel;
using Vitrine.Policies;
using Vitrine.Worlds;
using Vitrine.Worlds.Tabletop;

namespace Vitrine.Tests.Worlds.Tabletop;

public sealed class TabletopOptionsTests
{
    private static readonly LayoutKey Key = new(31, LayoutSplit.Test, "lift", 2);

    public static TheoryData<string> Grown =>
    [
        "distractors=1", "distractors=3", "light=.6", "camera-x=3,camera-y=-2", "occlusion=.2", "noise=.06", "physics=forgiving", "adverbs=false",
        "held-out=red cone+blue ball,combinations=seen", "held-out=red cone+crimson cube,combinations=held-out", "distractors=2,light=1.3,occlusion=.1,noise=0",
    ];

    [Theory, MemberData(nameof(Grown))]
    public void The_expert_stays_perfect_however_the_world_grows(string options)
    {
        var world = WorldRegistry.OpenText($"tabletop:{options}");
        LayoutKey[] keys =
            [.. TabletopWorld.TaskNames.SelectMany(task => Enumerable.Range(0, 60).Select(i => new LayoutKey(90210, LayoutSplit.Test, task, i)))];
        var episodes = new Rollouts(world, 80).Run(new ExpertActor(ActionCodec.Tabletop), keys, TestContext.Current.CancellationToken);
        episodes.Where(e => !e.Succeeded).Select(e => e.Layout).ShouldBeEmpty();
    }

    [Fact]
    public void WithheldOutoptions_it_is_the_very_world_that_it_was()
    {
        var (named, plain) = (WorldRegistry.Open("tabletop")(), new TabletopWorld());
        named.Description.ShouldBe("tabletop, strict physics, sensor noise 0.015, with adverbs");
        named.Reset(Key);
        plain.Reset(Key);
        named.Observe().Picture.Rgb.ShouldBe(plain.Observe().Picture.Rgb);
        named.Observe().Instruction.ShouldBe(plain.Observe().Instruction);
        new TabletopOptions().ToString().ShouldBe("tabletop");
    }

    [Theory, MemberData(nameof(Grown))]
    public void Options_come_back_from_their_text_and_decide_the_description(string text)
    {
        var options = TabletopOptions.Of(WorldRegistry.Parse($"x:{text}").Options);
        var again = TabletopOptions.Of(WorldRegistry.Parse(options.ToString()).Options);
        again.ToString().ShouldBe(options.ToString());
        new TabletopWorld(again).Description.ShouldBe(new TabletopWorld(options).Description);
        new TabletopWorld(options).Description.ShouldNotBe(new TabletopWorld().Description);
    }

    [Theory]
    [InlineData("light=.5", false)]
    [InlineData("camera-x=2", false)]
    [InlineData("occlusion=.1", false)]
    [InlineData("noise=.1", false)]
    [InlineData("distractors=2", true)]
    public void What_an_option_does_not_change_stays_as_it_was(string text, bool changesObjects)
    {
        var (grown, plain) = (Reset($"tabletop:{text}"), Reset("tabletop"));
        grown.Observe().Picture.Rgb.ShouldNotBe(plain.Observe().Picture.Rgb);
        grown.Layout.Instruction.ShouldBe(plain.Layout.Instruction);
        grown.Layout.State.Gripper.ShouldBe(plain.Layout.State.Gripper);
        grown.State.Objects.Take(3).ShouldBe(plain.State.Objects);
        (grown.State.Objects.Count > 3).ShouldBe(changesObjects);
    }

    [Fact]
    public void A_moved_camera_shows_the_same_picture_elsewhere()
    {
        var (moved, plain) = (Reset("tabletop:camera-x=3,camera-y=2,noise=0"), Reset("tabletop:noise=0"));
        for (var row = 2; row < TabletopRenderer.Size; row++)
        {
            for (var column = 3; column < TabletopRenderer.Size; column++)
            {
                Pixel(moved, row, column).ShouldBe(Pixel(plain, row - 2, column - 3));
            }
        }
    }

    [Fact]
    public void Occlusion_hides_the_share_that_was_asked_for()
    {
        var world = Reset("tabletop:occlusion=.25,noise=0");
        Enumerable.Range(0, 64 * 64).Select(i => Pixel(world, i / 64, i % 64)).Count(p => p.Red == p.Green && p.Green == p.Blue)
            .ShouldBeInRange(31 * 31, 33 * 33);
    }

    [Fact]
    public void Distractors_are_like_no_other_object_and_no_instruction_names_them()
    {
        foreach (var index in Enumerable.Range(0, 100))
        {
            var layout = TabletopLayout.Draw(Key with { Index = index }, new TabletopOptions { Distractors = 3 });
            layout.State.Objects.Count.ShouldBe(6);
            layout.State.Objects.Select(o => (o.Colour, o.Shape)).Distinct().Count().ShouldBe(6);
            layout.Spec.Target.ShouldBeLessThan(3);
        }
    }

    [Fact]
    public void Held_heldOutcombinations_are_said_always_or_never()
    {
        HeldOutCombination[] held = [HeldOutCombination.Parse("red cone"), HeldOutCombination.Parse("azure ball")];
        var (said, words) = (0, new Collection<string>());
        foreach (var index in Enumerable.Range(0, 200))
        {
            var key = Key with { Index = index };
            var seen = TabletopLayout.Draw(key, new TabletopOptions { HeldOut = held, Combinations = CombinationUse.Seen });
            held.ShouldNotContain(h => h.IsNamedBy(seen.Instruction));
            var heldOut = new TabletopOptions { HeldOut = held, Combinations = CombinationUse.HeldOut };
            var asked = TabletopInstruction.Parse(TabletopLayout.Draw(key, heldOut).Instruction);
            (asked.Shape is ObjectShape.Cone or ObjectShape.Ball).ShouldBeTrue();
            said += asked.Colour == ObjectColour.Blue ? 1 : 0;
            words.Add(TabletopLayout.Draw(key).Instruction);
        }

        said.ShouldBeGreaterThan(0);
        words.ShouldContain(w => held.Any(h => h.IsNamedBy(w)));
        HeldOutCombination.Parse("azure ball").IsNamedBy("lift the navy ball").ShouldBeFalse();
        HeldOutCombination.Parse("azure ball").IsNamedBy("lift the azure orb").ShouldBeTrue();
    }

    [Theory]
    [InlineData("tabletop:glare=2", "no option 'glare'; there are physics, adverbs, noise")]
    [InlineData("tabletop:light=bright", "option 'light' is 'bright'; expected a number from 0.05 to 3")]
    [InlineData("tabletop:light=NaN", "option 'light' is 'NaN'")]
    [InlineData("tabletop:distractors=9", "expected a whole number from 0 to 3")]
    [InlineData("tabletop:held-out=red dog", "expected a colour and a shape")]
    [InlineData("tabletop:combinations=seen", "names no combination")]
    [InlineData("tabletop:light", "expected NAME=VALUE")]
    [InlineData("tabletop:light=1,light=2", "stands there twice")]
    [InlineData("kitchen", "world 'kitchen': there is none; known are tabletop")]
    public void What_does_not_fit_is_refused_by_name(string text, string expected)
        => Should.Throw<VitrineException>(() => WorldRegistry.OpenText(text)).Message.ShouldContain(expected);

    [Fact]
    public void A_world_of_ones_own_is_one_type_and_one_line()
    {
        var line = new WorldFamily("line", settings =>
        {
            var length = settings.Number("length", 1, .1, 10);
            return () => new LineWorld(length);
        })
        {
            Options = new Dictionary<string, string> { ["length"] = "how far the goal is" },
        };
        var world = WorldRegistry.OpenText("line:length=2.5", [line]);
        var episode = new Rollouts(world, 10).Run(new Forward(), [new LayoutKey(1, LayoutSplit.Test, "go", 0)], TestContext.Current.CancellationToken)[0];
        (episode.Succeeded, episode.Steps).ShouldBe((true, 3));
        Should.Throw<VitrineException>(() => WorldRegistry.OpenText("line:width=1", [line])).Message.ShouldContain("no option 'width'; there are length");
        Should.Throw<VitrineException>(() => WorldRegistry.OpenText("other", [line])).Message.ShouldContain("known are line, tabletop");
    }

    private static TabletopWorld Reset(string text)
    {
        var world = (TabletopWorld)WorldRegistry.OpenText(text)();
        world.Reset(Key);
        return world;
    }

    private static (byte Red, byte Green, byte Blue) Pixel(TabletopWorld world, int row, int column)
        => world.Observe().Picture.Rgb.AsSpan(3 * ((row * TabletopRenderer.Size) + column), 3) is var rgb ? (rgb[0], rgb[1], rgb[2]) : default;

    private sealed class Forward : IWorldActor
    {
        public IReadOnlyList<double[]> Act(IReadOnlyList<WorldTurn> turns, CancellationToken cancellation = default) => [.. turns.Select(_ => new[] { 1.0 })];
    }

    private sealed class LineWorld(double length) : IWorld
    {
        private double at;

        public string Description => $"line of {length}";

        public IReadOnlyList<string> Tasks => ["go"];

        public bool HasSucceeded => at >= length;

        public Position Gripper => new(at, 0, 0);

        public IReadOnlyDictionary<string, double> Measures => new Dictionary<string, double>();

        public void Reset(LayoutKey layout) => at = 0;

        public Observation Observe() => new(new Vitrine.Inputs.Pictures.Picture(1, 1, [0, 0, 0]), "go");

        public void Step(ReadOnlySpan<double> action) => at += action[0];
    }
}
