using Vitrine.Checkpoints;
using Vitrine.Mechanisms.Causes;
using Vitrine.Mechanisms.Doses;
using Vitrine.Policies;
using Vitrine.Policies.Flow;
using Vitrine.Tests.Cli;
using Vitrine.Worlds.Records;
using Vitrine.Worlds.Studies;

namespace Vitrine.Tests.Worlds.Records;

[Collection(ThreadCount.Name)]
public sealed class ReplayTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public static TheoryData<string> Conditions() => ["plain", "edited", "scheduled", "word"];

    [Theory, MemberData(nameof(Conditions))]
    public async Task Episodes_of_both_policies_are_the_same_bit_by_bit(string condition)
    {
        foreach (var policy in (Policy[])[Recorded.Spoken, Recorded.Flowing])
        {
            var options = new WatchOptions { Folder = _folder[policy.Family], Workers = 2 };
            var episodes = await Recorded.Rollouts.RunAsync(
                policy, Condition(policy, condition), [Recorded.Layout(0), Recorded.Layout(1, "push")], options, cancellation: Cancellation);
            foreach (var episode in episodes)
            {
                var result = Replay.Run(EpisodeRecord.Open(episode.Folder!), policy, Recorded.NewWorld, Cancellation);
                result.First.ShouldBeNull();
                result.Steps.ShouldBe(Recorded.StepLimit);
                result.Machine.ShouldBeEmpty();
            }
        }
    }

    [Fact]
    public async Task A_record_does_not_depend_on_what_ran_beside_it()
    {
        var alone = Recorded.Episode(_folder["alone"], Recorded.Spoken, layout: Recorded.Layout(2));
        var beside = await Recorded.Rollouts.RunAsync(
            Recorded.Spoken, Recorded.Plain, [Recorded.Layout(2), Recorded.Layout(3)], new WatchOptions { Folder = _folder["beside"], Workers = 2 },
            cancellation: Cancellation);
        EpisodeRecord.Open(beside[0].Folder!).Steps.Zip(alone.Steps).ShouldAllBe(s => s.First.DifferenceTo(s.Second) == null);
    }

    [Fact]
    public void The_first_step_that_departs_is_named_and_by_how_much()
    {
        var record = Recorded.Episode(_folder["whole"], Recorded.Spoken);
        var folder = _folder["changed"];
        using (var recorder = EpisodeRecorder.Create(folder, record.Header with { End = null }))
        {
            foreach (var step in record.Steps)
            {
                double[] action = [.. step.Action];
                action[0] += step.Step == 4 ? .25 : 0;
                recorder.Add(step with { Action = action }, record.Seen(step.Step));
            }
        }

        var first = Replay.Run(EpisodeRecord.Open(folder), Recorded.Spoken, Recorded.NewWorld, Cancellation).First.ShouldNotBeNull();
        (first.Step, first.What).ShouldBe((4, "action"));
        first.Largest.ShouldBe(.25, 1e-12);
    }

    [Fact]
    public void Requests_without_a_world_are_asked_again_under_their_own_plans()
    {
        var (policy, folder) = (Recorded.Flowing, _folder["served"]);
        var plan = Recorded.Pushed(policy);
        using (var recorder = EpisodeRecorder.Create(folder, RecordHeader.Of(policy, Recorded.Plain) with { Client = "test" }))
        {
            using var threads = ComputeThreads.Of(recorder.Header.Machine.Threads);
            for (var i = 0; i < 3; i++)
            {
                var world = Recorded.NewWorld();
                world.Reset(Recorded.Layout(i));
                using var scope = TorchSharp.torch.NewDisposeScope();
                var noise = i == 0 ? ActNoise.Of(TorchSharp.torch.randn(policy.NoiseShape!.Value.Rows, policy.NoiseShape.Value.Columns)) : ActNoise.OfSeed(i);
                using var run = policy.Act([world.Observe()], i == 2 ? plan : null, new ActOptions { Noise = noise }, Cancellation);
                recorder.Add(RecordedStep.Of(i, world.Observe(), run), world.Observe(), run, plan: i == 2 ? plan : null, noise: noise);
            }

            recorder.Finish(new RecordEnd(0, "closed"));
        }

        var record = EpisodeRecord.Open(folder);
        Replay.Run(record, policy, newWorld: null, Cancellation).First.ShouldBeNull();
        record.PlanOf(1).ShouldBeNull();
        File.Delete(Directory.GetFiles(Path.Combine(folder, "plans")).ShouldHaveSingleItem());
        Should.Throw<VitrineException>(() => Replay.Run(record, policy, null, Cancellation)).Message.ShouldContain(".json");
        Should.Throw<VitrineException>(() => Replay.Branch(record, policy, Recorded.NewWorld, 1, Recorded.Plain, cancellation: Cancellation))
            .Message.ShouldContain("no world");
    }

    [Fact]
    public void Other_weights_and_another_world_are_refused_by_name()
    {
        var record = Recorded.Episode(_folder["r"], Recorded.Spoken);
        var message = Should.Throw<VitrineException>(() => Replay.Run(record, Recorded.Flowing, Recorded.NewWorld, Cancellation)).Message;
        message.ShouldContain($"'{Recorded.Spoken.Name}' with the weights {Recorded.Spoken.Fingerprint[..12]}");
        message.ShouldContain($"'{Recorded.Flowing.Name}' has the weights {Recorded.Flowing.Fingerprint[..12]}");
        var other = new Vitrine.Worlds.Tabletop.TabletopOptions { Adverbs = false };
        Should.Throw<VitrineException>(() => Replay.Run(record, Recorded.Spoken, () => new Vitrine.Worlds.Tabletop.TabletopWorld(other), Cancellation))
            .Message.ShouldContain("without adverbs");
    }

    [Fact]
    public void An_edit_that_is_put_on_from_a_step_changes_nothing_before_it()
    {
        var record = Recorded.Episode(_folder["r"], Recorded.Flowing);
        var same = Replay.Branch(record, Recorded.Flowing, Recorded.NewWorld, from: 2, Recorded.Plain, cancellation: Cancellation).Episode;
        var edited = Replay.Branch(
            record, Recorded.Flowing, Recorded.NewWorld, from: 2, Condition(Recorded.Flowing, "edited"), keepsPictures: true, Cancellation).Episode;
        edited.Path.Take(3).ShouldBe(record.ToEpisode().Path.Take(3));
        edited.Path[3].ShouldNotBe(record.ToEpisode().Path[3]);
        edited.Pictures!.Count.ShouldBe(edited.Path.Count);
        same.Path.Take(3).ShouldBe(record.ToEpisode().Path.Take(3));
        Should.Throw<VitrineException>(() => Replay.Branch(record, Recorded.Flowing, Recorded.NewWorld, 99, Recorded.Plain, cancellation: Cancellation))
            .Message.ShouldContain("0 to 5");
    }

    /// <remarks>What is put in or swapped has no plan beside it; one that is asked for is refused, not left out.</remarks>
    [Fact]
    public void A_plan_beside_what_is_swapped_or_put_in_is_refused()
    {
        var flow = Recorded.Flowing;
        var swapped = Recorded.Plain with { Kind = ArmKind.Interchange, Word = "slowly", Swap = new PrefixSwap("quickly", [1]) };
        var record = Recorded.Episode(_folder["swapped"], flow, swapped);
        Replay.Run(record, flow, Recorded.NewWorld, Cancellation).First.ShouldBeNull();
        var both = swapped with { Plan = Recorded.Pushed(flow) };
        Should.Throw<VitrineException>(() => Replay.Branch(record, flow, Recorded.NewWorld, 1, both, false, Cancellation))
            .Message.ShouldContain("under no other plan");
        var part = Recorded.Plain with { Kind = ArmKind.Interchange, Part = new ComponentSwap("quickly", Component.Attention, [1]) };
        Should.Throw<VitrineException>(() => Recorded.Episode(_folder["part"], flow, part with { Plan = Recorded.Pushed(flow) }))
            .Message.ShouldContain("under no other plan");
        Should.Throw<VitrineException>(() => Recorded.Episode(_folder["spoken"], Recorded.Spoken, swapped)).Message.ShouldContain("whose expert flows");
    }

    [Fact]
    public void Of_a_policy_that_decides_every_step_a_branch_under_the_records_own_condition_is_the_record()
    {
        var record = Recorded.Episode(_folder["r"], Recorded.Spoken, Condition(Recorded.Spoken, "edited"));
        var branch = Replay.Branch(record, Recorded.Spoken, Recorded.NewWorld, 3, record.Header.Condition, cancellation: Cancellation).Episode;
        branch.HasSameActionsAs(record.ToEpisode()).ShouldBeTrue();
        branch.Path.ShouldBe(record.ToEpisode().Path);
    }

    public void Dispose() => _folder.Dispose();

    private static Arm Condition(Policy policy, string name) => name switch
    {
        "edited" => Recorded.Plain with { Name = name, Kind = ArmKind.Edit, Plan = Recorded.Pushed(policy) },
        "scheduled" => Recorded.Plain with { Name = name, Kind = ArmKind.Edit, Plan = Recorded.Pushed(policy), Schedule = new Window(2, 3) },
        "word" => Recorded.Plain with { Name = name, Kind = ArmKind.Prompt, Word = "quickly" },
        _ => Recorded.Plain,
    };
}
