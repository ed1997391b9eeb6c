using Vitrine.Mechanisms.Statistics;
using Vitrine.Worlds;
using Vitrine.Worlds.Tabletop;

namespace Vitrine.Tests.Worlds.Tabletop;

public sealed class TabletopWorldTests
{
    private static readonly LayoutKey Key = new(11, LayoutSplit.Test, "lift", 4);
    private static readonly double[] Still = [0, 0, 0, 0, 0, 0, 1];

    public static TheoryData<string> Tasks => [.. TabletopWorld.TaskNames];

    [Theory, MemberData(nameof(Tasks))]
    public void The_expert_solves_every_layout_through_the_tokens_of_a_policy(string task)
    {
        var rollouts = new Rollouts(() => new TabletopWorld(), stepLimit: 80);
        var episodes = rollouts.Run(
            new ExpertActor(ActionCodec.Tabletop), [.. Enumerable.Range(0, 200)
                .Select(i => new LayoutKey(20001, LayoutSplit.Test, task, i))], TestContext.Current.CancellationToken);
        episodes.Count(e => e.Succeeded).ShouldBe(200);
    }

    [Theory]
    [InlineData(Speed.Fast, .10)]
    [InlineData(Speed.None, .06)]
    [InlineData(Speed.Slow, .03)]
    public void The_experts_speed_is_the_one_that_the_word_means(Speed speed, double expected)
    {
        LayoutKey[] keys = [.. Enumerable.Range(0, 300).Select(i => new LayoutKey(5, LayoutSplit.Test, "move", i))
            .Where(k => TabletopLayout.Draw(k).Spec.Speed == speed)];
        var episodes = new Rollouts(() => new TabletopWorld(), 80).Run(new ExpertActor(), keys, TestContext.Current.CancellationToken);
        episodes.ShouldAllBe(e => Math.Abs(Measure.Speed.Of(e) - expected) < 1e-12);
    }

    [Fact]
    public void Sensor_noise_depends_on_layout_and_step_and_not_on_what_was_done()
    {
        var (moved, stood) = (new TabletopWorld(), new TabletopWorld());
        moved.Reset(Key);
        stood.Reset(Key);
        moved.Observe().Picture.Rgb.ShouldBe(stood.Observe().Picture.Rgb);
        moved.Step([.1, 0, 0, 0, 0, 0, 1]);
        moved.Step([-.1, 0, 0, 0, 0, 0, 1]);
        stood.Step(Still);
        var afterOne = stood.Observe().Picture.Rgb;
        stood.Step(Still);
        stood.Observe().Picture.Rgb.ShouldNotBe(afterOne);

        // Back at the same place up to rounding, after as many steps: the same picture, noise and all.
        moved.Gripper.DistanceTo(stood.Gripper).ShouldBeLessThan(1e-12);
        moved.Observe().Picture.Rgb.ShouldBe(stood.Observe().Picture.Rgb);
    }

    [Fact]
    public void Sensor_noise_has_the_deviation_that_was_asked_for()
    {
        var state = TabletopLayout.Draw(Key).State;
        var plain = TabletopRenderer.Render(state).Rgb;
        var noisy = TabletopRenderer.Render(state, new RandomStream("noise")).Rgb;
        double[] differences = [.. plain.Zip(noisy).Where(v => v.First is > 25 and < 230).Select(v => (double)v.Second - v.First)];
        Math.Sqrt(differences.Average(d => d * d)).ShouldBe(.015 * 255, .15);
        differences.Average().ShouldBe(0, .15);
    }

    [Fact]
    public void Looking_twice_shows_the_same_and_a_world_without_noise_shows_the_bare_table()
    {
        var world = new TabletopWorld(new() { SensorNoise = 0 });
        world.Reset(Key);
        world.Observe().ShouldBeSameAs(world.Observe());
        world.Observe().Picture.Rgb.ShouldBe(TabletopRenderer.Render(world.State).Rgb);
    }

    [Theory]
    [InlineData(6)]
    [InlineData(8)]
    public void An_action_of_the_wrong_length_is_refused(int length)
    {
        var world = new TabletopWorld();
        world.Reset(Key);
        Should.Throw<VitrineException>(() => world.Step(new double[length])).Message.ShouldContain($"{length} numbers; expected 7");
    }

    [Fact]
    public void An_action_that_is_not_finite_is_refused()
    {
        var world = new TabletopWorld();
        world.Reset(Key);
        Should.Throw<VitrineException>(() => world.Step([0, double.NaN, 0, 0, 0, 0, 1])).Message.ShouldContain("not finite");
    }

    [Fact]
    public void A_batch_gives_each_episode_what_it_would_get_alone()
    {
        LayoutKey[] keys = [.. TabletopWorld.TaskNames.Select(task => Key with { Task = task })];
        var rollouts = new Rollouts(() => new TabletopWorld(), 80) { KeepsPictures = true };
        var together = rollouts.Run(new ExpertActor(), keys, TestContext.Current.CancellationToken);
        foreach (var (index, key) in keys.Index())
        {
            var alone = rollouts.Run(new ExpertActor(), [key], TestContext.Current.CancellationToken)[0];
            alone.HasSameActionsAs(together[index]).ShouldBeTrue();
            alone.Path.ShouldBe(together[index].Path);
            alone.Path.Count.ShouldBe(alone.Steps + 1);
            alone.Pictures!.Count.ShouldBe(alone.Steps + 1);
            alone.Pictures[^1].Rgb.ShouldBe(together[index].Pictures![^1].Rgb);
        }
    }

    [Fact]
    public void An_episode_ends_at_success_or_at_the_limit()
    {
        var expert = new Rollouts(() => new TabletopWorld(), 80).Run(new ExpertActor(), [Key], TestContext.Current.CancellationToken)[0];
        expert.Succeeded.ShouldBeTrue();
        new Rollouts(() => new TabletopWorld(), expert.Steps).Run(new ExpertActor(), [Key], TestContext.Current.CancellationToken)[0].Succeeded.ShouldBeTrue();
        var cut = new Rollouts(() => new TabletopWorld(), expert.Steps - 1).Run(new ExpertActor(), [Key], TestContext.Current.CancellationToken)[0];
        cut.Succeeded.ShouldBeFalse();
        cut.Steps.ShouldBe(expert.Steps - 1);
    }
}
