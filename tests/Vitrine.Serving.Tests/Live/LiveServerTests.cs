using Vitrine.Serving.Hosting;
using Vitrine.Serving.Live;
using Vitrine.Serving.Protocols;
using Vitrine.Transformers;
using Vitrine.Transformers.Edits;

namespace Vitrine.Serving.Tests.Live;

/// <summary>The control interface, from its own client's end.</summary>
public sealed class LiveServerTests
{
    private static readonly RunPlan Plan = RunPlan.Editing(new Scale("language.0.resid_post", 3));

    [Fact]
    public async Task A_plan_is_set_dosed_and_taken_off_over_the_wire()
    {
        var model = new StubModel();
        using var host = new PolicyHost(model);
        await using var server = await LiveServer.StartAsync(host);
        using var client = new LiveClient(server.Address.ToString());
        using var session = host.Open("openpi", "robot");
        (await client.SetAsync(Plan)).ShouldBe(1);
        (await client.SetDoseAsync(.5)).ShouldBe(2);
        (await client.SetAsync(Plan, "robot", dose: 2)).ShouldBe(3);
        await session.AskAsync(StubModel.Request());
        model.Asked.Single().Plans.Select(p => ((Scale)p.Edits.Single()).Factor).ShouldBe([2, 5]);
        var state = await client.StateAsync();
        (state.Model, state.Plan, state.Edits, state.Dose, state.Answers).ShouldBe(("ExampleServer", 3, 1, .5, 1L));
        state.Sessions.ShouldHaveSingleItem().ShouldBe(new LiveSession("robot", "openpi", 0, 1, 1, 2, true) { Plan = 3 });
        (state.PlanOfAll, state.StartEdits, state.Fingerprint).ShouldBe((2, 0, "0123"));
        var (number, dose, plan) = await client.PlanAsync("robot");
        (number, dose, ((Scale)plan.ShouldNotBeNull().Edits.Single()).Factor).ShouldBe((3, 2d, 3d));
        await client.OffAsync("robot");
        (await client.OffAsync()).ShouldBe(5);
        (await client.StateAsync()).Edits.ShouldBe(0);
        (await client.PlanAsync()).ShouldBe(new LiveSetting(5, 1, null));
    }

    [Fact]
    public async Task What_does_not_fit_is_refused_in_one_line()
    {
        using var host = new PolicyHost(new StubModel());
        await using var server = await LiveServer.StartAsync(host);
        using var client = new LiveClient(server.Address.ToString());
        (await Should.ThrowAsync<VitrineException>(client.SetDoseAsync(2))).Message.ShouldContain("no plan is set");
        (await Should.ThrowAsync<VitrineException>(client.SetAsync(Plan, "nobody"))).Message.ShouldContain("there is no session 'nobody'");
        (await Should.ThrowAsync<VitrineException>(client.PictureAsync("nobody"))).Message.ShouldContain("no such picture");
        using var http = new HttpClient { BaseAddress = server.Address };
        using var wrong = await http.PutAsync(new Uri("plan", UriKind.Relative), new StringContent("{\"edits\": [{\"edit\": \"nonsense\"}]}"));
        ((int)wrong.StatusCode).ShouldBe(400);
        (await wrong.Content.ReadAsStringAsync()).ShouldContain("nonsense");
        host.Plans.Revision.ShouldBe(0);
    }

    [Theory]
    [InlineData("plan?dose=NaN", "'dose' is 'NaN'; expected a number")]
    [InlineData("plan?dose=much", "'dose' is 'much'; expected a number")]
    [InlineData("plan?dose=1&dose=2", "'dose' is '1,2'; expected a number")]
    [InlineData("plan?dose=Infinity", "expected a number")]
    [InlineData("dose?value=NaN", "'value' is 'NaN'; expected a number")]
    [InlineData("dose", "there is no 'value'")]
    public async Task A_dose_that_is_no_number_is_refused_in_one_line(string path, string expected)
    {
        using var host = new PolicyHost(new StubModel());
        await using var server = await LiveServer.StartAsync(host);
        using var http = new HttpClient { BaseAddress = server.Address };
        using var answer = await http.PutAsync(new Uri(path, UriKind.Relative), new StringContent(Plan.ToJson()));
        ((int)answer.StatusCode).ShouldBe(400);
        using var said = System.Text.Json.JsonDocument.Parse(await answer.Content.ReadAsStringAsync());
        said.RootElement.GetProperty("error").GetString().ShouldNotBeNull().ShouldContain(expected);
        host.Plans.Revision.ShouldBe(0);
        Should.Throw<VitrineException>(() => host.Plans.Set(Plan, dose: double.NaN)).Message.ShouldContain("no number");
    }

    [Fact]
    public void An_answer_that_comes_behind_the_end_of_its_session_is_not_kept()
    {
        using var host = new PolicyHost(new StubModel());
        var feed = new LiveFeed();
        host.Tell(feed);
        var session = host.Open("openpi", "robot");
        var step = new ServedStep(session, StubModel.Request(), new ServedAnswer { Chunk = [[1, 2]] });
        feed.Answered(step);
        feed.LastOf("robot").ShouldNotBeNull();
        session.Dispose();
        feed.Answered(step);
        feed.LastOf("robot").ShouldBeNull();
    }

    [Fact]
    public async Task Watchers_see_every_answer_in_order_and_end_with_the_server()
    {
        using var host = new PolicyHost(new StubModel());
        var server = await LiveServer.StartAsync(host);
        using var client = new LiveClient(server.Address.ToString());
        using var session = host.Open("openpi", "robot");
        await using var steps = client.WatchAsync().GetAsyncEnumerator();
        var next = steps.MoveNextAsync().AsTask();
        while (!next.IsCompleted)
        {
            await session.AskAsync(StubModel.Request("go on"));
            await Task.WhenAny(next, Task.Delay(20)); // who watches slower than answers come misses some
        }

        (await next).ShouldBeTrue();
        var first = steps.Current.Step;
        (steps.Current.Session, steps.Current.Instruction).ShouldBe(("robot", "go on"));
        await session.AskAsync(StubModel.Request("last"));
        var seen = new List<LiveStep>();
        while (seen.LastOrDefault()?.Instruction != "last" && await steps.MoveNextAsync())
        {
            seen.Add(steps.Current);
        }

        seen.Select(s => s.Step).ShouldBe(Enumerable.Range(first + 1, seen.Count));
        (await client.PictureAsync("robot"))[..4].ShouldBe([0x89, (byte)'P', (byte)'N', (byte)'G']);
        await server.DisposeAsync();
        (await steps.MoveNextAsync()).ShouldBeFalse();
    }

    [Fact]
    public async Task Who_comes_later_is_told_the_last_answers_of_open_sessions_first()
    {
        using var host = new PolicyHost(new StubModel());
        await using var server = await LiveServer.StartAsync(host);
        using var client = new LiveClient(server.Address.ToString());
        using (var gone = host.Open("openpi", "gone"))
        {
            await gone.AskAsync(StubModel.Request());
        }

        using var session = host.Open("openpi", "robot");
        for (var i = 0; i < 5; i++)
        {
            await session.AskAsync(StubModel.Request());
        }

        await using var steps = client.WatchAsync(3).GetAsyncEnumerator();
        foreach (var expected in (int[])[2, 3, 4])
        {
            (await steps.MoveNextAsync()).ShouldBeTrue();
            (steps.Current.Session, steps.Current.Step, steps.Current.Cameras.Count).ShouldBe(("robot", expected, 1));
            steps.Current.OverheadMs.ShouldBeGreaterThanOrEqualTo(0);
        }

        await session.AskAsync(StubModel.Request());
        (await steps.MoveNextAsync()).ShouldBeTrue();
        steps.Current.Step.ShouldBe(5);
        using var http = new HttpClient { BaseAddress = server.Address };
        (await (await http.GetAsync(new Uri("events?recent=-1", UriKind.Relative))).Content.ReadAsStringAsync()).ShouldContain("expected a whole number");
    }

    [Fact]
    public async Task What_the_server_does_besides_waiting_and_the_model_is_counted_from_the_message_on()
    {
        var clock = new StoppedClock();
        using var host = new PolicyHost(new StubModel(), new HostOptions { Time = clock });
        using var session = host.Open("openpi", "robot");
        var came = clock.GetTimestamp();
        clock.Seconds = 2; // its message is read
        (await session.AskAsync(StubModel.Request() with { Came = came })).OverheadMilliseconds.ShouldBe(2000);
        (await session.AskAsync(StubModel.Request())).OverheadMilliseconds.ShouldBe(0);
    }

    [Fact]
    public async Task Who_is_no_control_interface_or_says_nothing_is_told_in_one_line()
    {
        using var host = new PolicyHost(new StubModel());
        await using var other = await PolicyServer.StartAsync(host, "openvla", 0);
        using var client = new LiveClient($"http://127.0.0.1:{other.Address.Port}");
        (await Should.ThrowAsync<VitrineException>(client.StateAsync())).Message.ShouldContain("is it the live address?");
        using var deaf = new System.Net.Sockets.TcpListener(System.Net.IPAddress.Loopback, 0);
        deaf.Start();
        using var patient = new LiveClient($"http://127.0.0.1:{((System.Net.IPEndPoint)deaf.LocalEndpoint).Port}", patience: TimeSpan.FromMilliseconds(200));
        (await Should.ThrowAsync<VitrineException>(patient.StateAsync())).Message.ShouldContain("does not answer within 0.2 s");
    }

    [Fact]
    public async Task Nobody_there_is_said_in_one_line()
    {
        using var client = new LiveClient("http://127.0.0.1:9");
        (await Should.ThrowAsync<VitrineException>(client.StateAsync())).Message.ShouldContain("does not answer");
        Should.Throw<VitrineException>(() => new LiveClient("robot")).Message.ShouldContain("is no address");
        Should.Throw<VitrineException>(() => new LiveClient("http://127.0.0.1:9/other")).Message.ShouldContain("'http://127.0.0.1:9/other' is no address");
    }

    /// <summary>Stands still until a test moves it on.</summary>
    private sealed class StoppedClock : TimeProvider
    {
        public long Seconds { get; set; }

        public override long GetTimestamp() => Seconds * TimestampFrequency;
    }
}
