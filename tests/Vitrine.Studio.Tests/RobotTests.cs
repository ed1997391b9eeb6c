using Vitrine.Mechanisms.Doses;
using Vitrine.Policies;
using Vitrine.Studio.Hosting;
using Vitrine.Studio.Robot;
using Vitrine.Studio.Scenes;
using Vitrine.Studio.Work;
using Vitrine.Transformers;
using Vitrine.Worlds;
using Vitrine.Worlds.Records;

namespace Vitrine.Studio.Tests;

/// <summary>The live episode is the one that rollouts and <c>act</c> give.</summary>
public sealed class RobotTests
{
    private const int Steps = 7;

    [Theory, InlineData(Opened.Speaking), InlineData(Opened.Flowing)]
    public void Both_lanes_carry_out_what_rollouts_do_without_and_with_the_schedule(string model)
    {
        var at = Opened.At("robot", model, ("step", Steps), ("from", 2), ("to", 4), ("dose", 6));
        var session = RobotSession.Of(null, Opened.Models.Open(model), at);
        var (policy, edit) = (session.Policy, session.Edit);
        var plan = edit.Plan(Opened.Models.Open(model).Calibration(edit.Neurons.Stack));
        foreach (var (lane, edits) in new[] { (session.Without, Array.Empty<ScheduledEdit>()), (session.With, [.. plan.Edits.Select(Scheduled)]) })
        {
            var episode = new Rollouts(SceneSource.NewWorld, Steps).Run(new ScheduledActor(policy, edits), [session.Layout])[0];
            lane.Frames.Take(Steps).Select(f => f.Action.ToArray()).ShouldBe(episode.Actions.Select(a => a.ToArray()));
            lane.Frames.Select(f => f.Gripper).ShouldBe(episode.Path);
        }

        static ScheduledEdit Scheduled(Transformers.Edits.Edit edit) => new(edit, new Window(2, 4));
    }

    [Fact]
    public void A_slider_s_plan_is_the_plan_that_act_takes()
    {
        var at = Opened.At("robot", Opened.Speaking, ("neurons", "5:111,5:130"), ("dose", 8));
        var session = RobotSession.Of(null, Opened.Models.Open(Opened.Speaking), at);
        using var policy = Policy.Open(Opened.Speaking);
        using var run = policy.Act([SceneSource.ObservationOf(at, Opened.Place)], RunPlan.FromJson(session.Plan));
        session.Shown(session.With).Action.ShouldBe(run.Actions[0].Values);
        session.Shown(session.With).Action.ShouldNotBe(session.Shown(session.Without).Action);
    }

    [Fact]
    public void A_slider_on_the_way_decides_anew_and_leaves_what_was_decided()
    {
        var open = Opened.Models.Open(Opened.Speaking);
        var session = RobotSession.Of(null, open, At(4, 4));
        var before = session.With.Frames.Select(f => f.Action).ToArray();
        RobotSession.Of(session, open, At(4, -8)).ShouldBeSameAs(session);
        session.With.Frames.Take(4).Select(f => f.Action).ShouldBe(before.Take(4));
        session.With.Frames[4].Action.ShouldNotBe(before[4]);
        session.IsSteered.ShouldBeTrue();

        static PageAddress At(int step, double dose) => Opened.At("robot", Opened.Speaking, ("neurons", "5:111,5:130"), ("dose", dose), ("step", step));
    }

    [Fact]
    public void The_same_edit_at_another_step_changes_nothing()
    {
        var open = Opened.Models.Open(Opened.Speaking);
        var session = RobotSession.Of(null, open, At(4));
        var before = session.With.Frames.ToArray();
        RobotSession.Of(session, open, At(2)).ShouldBeSameAs(session);
        session.IsSteered.ShouldBeFalse();
        session.With.Frames.ShouldBe(before);

        static PageAddress At(int step) => Opened.At("robot", Opened.Speaking, ("neurons", "5:111,5:130"), ("dose", 4), ("step", step));
    }

    [Fact]
    public void Going_back_shows_what_was_seen_and_changes_nothing()
    {
        var open = Opened.Models.Open(Opened.Speaking);
        var session = RobotSession.Of(null, open, Opened.At("robot", Opened.Speaking, ("step", 5)));
        var frames = session.With.Frames.ToArray();
        session.To(2);
        session.Shown(session.With).ShouldBeSameAs(frames[2]);
        session.With.WorldAt(2).Observe().Picture.Rgb.ShouldBe(frames[2].Picture.Rgb);
        session.To(5);
        session.With.Frames.ShouldBe(frames);
    }

    [Fact]
    public void Two_windows_have_sessions_of_their_own()
    {
        var open = Opened.Models.Open(Opened.Speaking);
        var (one, other) = (RobotSession.Of(null, open, Opened.At("robot", Opened.Speaking)), RobotSession.Of(null, open, Opened.At("robot", Opened.Speaking)));
        var seen = one.Shown(one.With).Action;
        RobotSession.Of(other, open, Opened.At("robot", Opened.Speaking, ("dose", -8), ("step", 3)));
        one.Now.ShouldBe(0);
        one.Shown(one.With).Action.ShouldBe(seen);
    }

    [Fact]
    public void A_record_is_of_the_episodes_that_are_shown()
    {
        var place = new Workplace(Path.Combine(Opened.Place.Folder, "recorded"));
        var at = Opened.At("robot", Opened.Speaking, ("neurons", "5:111"), ("dose", 8), ("step", 4));
        var session = RobotSession.Of(null, Opened.Models.Open(Opened.Speaking), at);
        var folder = session.Record(place);
        foreach (var (prefix, lane) in new[] { ("without-", session.Without), ("with-", session.With) })
        {
            var record = EpisodeRecord.Open(Directory.GetDirectories(folder, prefix + "*").ShouldHaveSingleItem());
            record.Steps.Take(4).Select(s => s.Action.ToArray()).ShouldBe(lane.Frames.Take(4).Select(f => f.Action.ToArray()));
        }
    }

    [Fact]
    public void The_strips_show_held_neurons_at_their_dose()
    {
        var open = Opened.Models.Open(Opened.Speaking);
        var session = RobotSession.Of(null, open, Opened.At("robot", Opened.Speaking, ("neurons", "5:111"), ("dose", 3)));
        var calibration = open.Calibration("language");
        session.Shown(session.With).Activity[0].ShouldBe(Dose.Sigmas(3).Of(new Neuron(5, 111), calibration), 1e-5f);
        session.Shown(session.Without).Activity[0].ShouldNotBe(session.Shown(session.With).Activity[0]);
    }
}
