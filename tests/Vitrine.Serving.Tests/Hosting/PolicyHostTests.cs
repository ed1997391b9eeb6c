using Vitrine.Serving.Hosting;
using Vitrine.Transformers;
using Vitrine.Transformers.Edits;

namespace Vitrine.Serving.Tests.Hosting;

/// <summary>Turns, caps, plans and ends, with a model that a test can hold.</summary>
public sealed class PolicyHostTests
{
    private static readonly RunPlan Some = RunPlan.Editing(new Scale("language.0.resid_post", 1.5)),
        Other = RunPlan.Editing(new Scale("language.0.resid_post", 2));

    [Fact]
    public async Task Sessions_take_turns_however_many_requests_one_of_them_has()
    {
        var model = new StubModel();
        using var host = new PolicyHost(model);
        var (greedy, modest) = (host.Open("a", "greedy"), host.Open("a", "modest"));
        model.Gate.Reset();
        var first = greedy.AskAsync(StubModel.Request());
        await model.EnteredAsync();
        Task[] rest = [.. Enumerable.Range(0, 4).Select(_ => greedy.AskAsync(StubModel.Request())), modest.AskAsync(StubModel.Request())];
        model.Gate.Set();
        await Task.WhenAll([first, .. rest]);
        model.Passes.Select(p => p[0]).Take(3).ShouldBe(["greedy", "greedy", "modest"]);
    }

    [Fact]
    public async Task Equal_shapes_share_a_pass_and_others_do_not()
    {
        var model = new StubModel();
        using var host = new PolicyHost(model, new HostOptions { Batch = 8 });
        HostSession[] sessions = [.. Enumerable.Range(0, 4).Select(i => host.Open("a", $"s{i}"))];
        model.Gate.Reset();
        var first = sessions[0].AskAsync(StubModel.Request());
        await model.EnteredAsync();
        Task<ServedAnswer>[] rest = [sessions[1].AskAsync(StubModel.Request()), sessions[2].AskAsync(StubModel.Request(side: 5)),
            sessions[3].AskAsync(StubModel.Request())];
        model.Gate.Set();
        await Task.WhenAll([first, .. rest]);
        model.Passes.ShouldBe([["s0"], ["s1", "s3"], ["s2"]]);
        (await rest[0]).Rows.ShouldBe(2);
    }

    [Fact]
    public async Task One_that_is_refused_does_not_spoil_the_pass_of_others()
    {
        var model = new StubModel(a => a.Request.Seen.Instruction == "bad" ? throw new VitrineException("no states") : [[1, 2]]);
        using var host = new PolicyHost(model, new HostOptions { Batch = 8 });
        HostSession[] sessions = [.. Enumerable.Range(0, 3).Select(i => host.Open("a", $"s{i}"))];
        model.Gate.Reset();
        var held = sessions[0].AskAsync(StubModel.Request());
        await model.EnteredAsync();
        var (good, bad) = (sessions[1].AskAsync(StubModel.Request()), sessions[2].AskAsync(StubModel.Request("bad")));
        model.Gate.Set();
        (await good).Chunk[0].ShouldBe([1, 2]);
        (await Should.ThrowAsync<VitrineException>(bad)).Message.ShouldBe("no states");
        await held;
        host.Totals.Failures.ShouldBe(1);
    }

    [Fact]
    public async Task What_goes_wrong_inside_is_not_told_to_peers()
    {
        var log = new List<string>();
        using var host = new PolicyHost(new StubModel(_ => throw new InvalidOperationException("secret")), new HostOptions { Log = log.Add });
        using var session = host.Open("a", "robot");
        var error = await Should.ThrowAsync<HostFailure>(session.AskAsync(StubModel.Request()));
        error.Message.ShouldNotContain("secret");
        error.InnerException!.Message.ShouldBe("secret");
        log.ShouldHaveSingleItem().ShouldStartWith("robot: ");
        log[0].ShouldContain("InvalidOperationException: secret");
        log[0].ShouldContain("   at ");
    }

    [Fact]
    public async Task Too_much_is_refused_clearly()
    {
        var model = new StubModel();
        using var host = new PolicyHost(model, new HostOptions { Queue = 3, QueueOfSession = 2, Sessions = 2 });
        var (one, two) = (host.Open("a"), host.Open("a"));
        Should.Throw<ServerBusyException>(() => host.Open("a")).Message.ShouldContain("2 sessions are open");
        model.Gate.Reset();
        var held = one.AskAsync(StubModel.Request());
        await model.EnteredAsync();
        Task[] waiting = [one.AskAsync(StubModel.Request()), one.AskAsync(StubModel.Request())];
        (await Should.ThrowAsync<ServerBusyException>(one.AskAsync(StubModel.Request()))).Message.ShouldContain("2 requests of this session");
        var third = two.AskAsync(StubModel.Request());
        (await Should.ThrowAsync<ServerBusyException>(two.AskAsync(StubModel.Request()))).Message.ShouldContain("3 requests wait");
        host.Totals.Refusals.ShouldBe(3);
        model.Gate.Set();
        await Task.WhenAll([held, third, .. waiting]);
    }

    [Fact]
    public async Task A_request_that_is_taken_back_is_never_computed_and_one_that_is_computed_is_given_up()
    {
        var model = new StubModel();
        using var host = new PolicyHost(model);
        var session = host.Open("a");
        model.Gate.Reset();
        using var first = new CancellationTokenSource();
        var held = session.AskAsync(StubModel.Request("held"), first.Token);
        await model.EnteredAsync();
        using var second = new CancellationTokenSource();
        var waiting = session.AskAsync(StubModel.Request("waiting"), second.Token);
        await second.CancelAsync();
        await Should.ThrowAsync<OperationCanceledException>(waiting);
        await first.CancelAsync();
        await Should.ThrowAsync<OperationCanceledException>(held);
        var third = session.AskAsync(StubModel.Request("third"));
        await model.EnteredAsync(); // the pass that nobody waits for was given up, with the model still held
        model.Gate.Set();
        (await third).Chunk.Count.ShouldBe(1);
        model.Asked.Select(a => a.Request.Seen.Instruction).ShouldBe(["third"]);
    }

    [Fact]
    public async Task A_request_that_takes_too_long_is_told_so()
    {
        var model = new StubModel();
        using var host = new PolicyHost(model, new HostOptions { Timeout = TimeSpan.FromMilliseconds(50) });
        model.Gate.Reset();
        var error = await Should.ThrowAsync<VitrineException>(host.Open("a").AskAsync(StubModel.Request()));
        error.Message.ShouldContain("longer than 0.05 s");
    }

    [Fact]
    public async Task The_end_of_the_host_ends_what_waits()
    {
        var model = new StubModel();
        var host = new PolicyHost(model);
        var session = host.Open("a");
        model.Gate.Reset();
        var held = session.AskAsync(StubModel.Request());
        await model.EnteredAsync();
        Task[] waiting = [session.AskAsync(StubModel.Request()), session.AskAsync(StubModel.Request()), host.Open("a").AskAsync(StubModel.Request())];
        host.Dispose();
        (await Should.ThrowAsync<VitrineException>(held)).Message.ShouldContain("the server stops");
        foreach (var one in waiting)
        {
            (await Should.ThrowAsync<ServerBusyException>(one.WaitAsync(TimeSpan.FromSeconds(30)))).Message.ShouldContain("the server stops");
        }

        host.Waiting.ShouldBe(0);
        await Should.ThrowAsync<ObjectDisposedException>(session.AskAsync(StubModel.Request()));
    }

    [Fact]
    public async Task A_session_that_leaves_takes_back_what_it_waits_for()
    {
        var model = new StubModel();
        using var host = new PolicyHost(model);
        var (leaving, other) = (host.Open("a"), host.Open("a"));
        model.Gate.Reset();
        var held = leaving.AskAsync(StubModel.Request("held"));
        await model.EnteredAsync();
        var (waiting, stays) = (leaving.AskAsync(StubModel.Request("waiting")), other.AskAsync(StubModel.Request("stays")));
        leaving.Dispose();
        foreach (var one in new[] { held, waiting, leaving.AskAsync(StubModel.Request("late")) })
        {
            (await Should.ThrowAsync<ServerBusyException>(one.WaitAsync(TimeSpan.FromSeconds(30)))).Message.ShouldContain("session was closed");
        }

        await model.EnteredAsync(); // the pass that nobody waits for was given up, with the model still held
        model.Gate.Set();
        await stays;
        model.Asked.Select(a => a.Request.Seen.Instruction).ShouldBe(["stays"]);
        leaving.Dispose();
    }

    [Fact]
    public async Task A_plan_that_is_set_counts_from_the_next_pass_and_has_a_number()
    {
        var model = new StubModel();
        using var host = new PolicyHost(model, new HostOptions { Plan = Some });
        var (one, two) = (host.Open("a", "one"), host.Open("a", "two"));
        model.Gate.Reset();
        var held = one.AskAsync(StubModel.Request("held"));
        await model.EnteredAsync();
        host.Plans.Set(Other, "one").ShouldBe(1);
        model.Gate.Set();
        (await held).Revision.ShouldBe(0);
        (await one.AskAsync(StubModel.Request("own"))).Revision.ShouldBe(1);
        await two.AskAsync(StubModel.Request("others"));
        host.Plans.Off("one");
        await one.AskAsync(StubModel.Request("off"));
        await one.AskAsync(StubModel.Request("request") with { Edits = Other });
        var plans = model.Asked.ToDictionary(a => a.Request.Seen.Instruction, a => a.Plans);
        plans["held"].ShouldBe([Some]);
        plans["own"].ShouldBe([Some, Other]);
        plans["others"].ShouldBe([Some]);
        plans["off"].ShouldBe([Some]);
        plans["request"].ShouldBe([Some, Other]);
    }

    [Fact]
    public void A_dose_multiplies_what_is_set_and_zero_is_off()
    {
        using var host = new PolicyHost(new StubModel());
        Should.Throw<VitrineException>(() => host.Plans.SetDose(2)).Message.ShouldContain("no plan is set");
        host.Plans.Set(RunPlan.Editing(new Scale("language.0.resid_post", 3)));
        host.Plans.SetDose(.5);
        host.Plans.Of(["x"]).Plans[0].Single().Edits.Single().ShouldBeOfType<Scale>().Factor.ShouldBe(2);
        host.Plans.SetDose(0);
        host.Plans.Of(["x"]).Plans[0].ShouldBeEmpty();
        host.Plans.Now().Dose.ShouldBe(0);
        Should.Throw<VitrineException>(() => host.Plans.SetDose(double.NaN));
    }

    [Fact]
    public async Task Episodes_count_their_own_steps()
    {
        using var host = new PolicyHost(new StubModel());
        var session = host.Open("a");
        bool?[] ends = [];
        session.EpisodeEnded += s => ends = [.. ends, s];
        session.EndEpisode();
        (await session.AskAsync(StubModel.Request())).Step.ShouldBe(0);
        (await session.AskAsync(StubModel.Request())).Step.ShouldBe(1);
        session.EndEpisode(true);
        (await session.AskAsync(StubModel.Request())).Step.ShouldBe(0);
        session.Dispose();
        ends.ShouldBe([true, null]);
        (session.Episode, session.Answered, host.Sessions.Count).ShouldBe((2, 3L, 0));
    }
}
