using Bunit;
using Microsoft.AspNetCore.Components;
using Microsoft.Extensions.DependencyInjection;
using Vitrine.Mechanisms.Doses;
using Vitrine.Policies;
using Vitrine.Serving.Hosting;
using Vitrine.Serving.Live;
using Vitrine.Serving.Protocols;
using Vitrine.Studio.Hosting;
using Vitrine.Studio.Pages;
using Vitrine.Studio.Scenes;
using Vitrine.Studio.Served;
using Vitrine.Transformers;
using Vitrine.Transformers.Edits;

namespace Vitrine.Studio.Tests;

/// <summary>The page of a served policy, against a server with the embedded policy.</summary>
public sealed class ServedTests : BunitContext
{
    private const string All = "all sessions";
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private static readonly RunPlan Plan = RunPlan.Editing(new Clamp(new NeuronSet([new Neuron(5, 111), new Neuron(5, 130)]), 20));

    public ServedTests() => Prepare(this);

    [Fact]
    public async Task An_edit_of_the_page_changes_the_next_action_as_the_same_plan_in_act_and_off_restores_every_bit()
    {
        await using var served = await Robot.StartAsync();
        var page = PageOf(this, served, ("neurons", "5:111,5:130"), ("value", "20"));
        using var session = served.Host.Open("openpi", "robot");
        var before = await session.AskAsync(Robot.Request);
        page.WaitForAssertion(() => page.Find("[data-session=robot] [data-plan]").TextContent.ShouldBe("0"), Patience);
        Button(page, "Set").Click();
        Holds(page, All, "plan 1 for all sessions, at dose 1: clamp language 5:111, 5:130 to 20");
        var edited = await session.AskAsync(Robot.Request);
        using (var act = served.Policy.Act([Robot.Request.Seen], Plan))
        {
            Numbers(edited).ShouldBe(act.Actions[0].Chunk.SelectMany(r => r));
        }

        Numbers(edited).ShouldNotBe(Numbers(before));
        page.WaitForAssertion(() => page.Find("[data-session=robot] [data-plan]").TextContent.ShouldBe("1"), Patience);
        Button(page, "Off").Click();
        Holds(page, "", "Nothing is set");
        Numbers(await session.AskAsync(Robot.Request)).ShouldBe(Numbers(before));
    }

    [Fact]
    public async Task A_dose_and_a_plan_of_one_session_leave_the_other_as_it_is()
    {
        await using var served = await Robot.StartAsync();
        using var one = served.Host.Open("openpi", "one");
        using var other = served.Host.Open("openpi", "other");
        var before = Numbers(await other.AskAsync(Robot.Request));
        var page = PageOf(this, served, ("neurons", "5:111,5:130"), ("value", "10"), ("for", "one"));
        Button(page, "Set").Click();
        Holds(page, "one", "plan 1");
        page.Find("input[type=range]").Input("2");
        Holds(page, "one", "plan 2 for one, at dose 2");
        using var twice = served.Policy.Act([Robot.Request.Seen], Plan);
        twice.Actions[0].Chunk.SelectMany(r => r).ShouldNotBe(before);
        Numbers(await one.AskAsync(Robot.Request)).ShouldBe(twice.Actions[0].Chunk.SelectMany(r => r));
        Numbers(await other.AskAsync(Robot.Request)).ShouldBe(before);
    }

    [Fact]
    public async Task What_a_session_saw_was_told_and_answered_is_there_for_a_window_that_comes_later()
    {
        await using var served = await Robot.StartAsync(new ServedReading { Watched = new NeuronSet([new Neuron(5, 111)]) });
        using var session = served.Host.Open("openpi", "robot");
        for (var i = 0; i < 3; i++)
        {
            await session.AskAsync(Robot.Request);
        }

        var page = PageOf(this, served);
        page.WaitForAssertion(() => page.Find("[data-session=robot] img").GetAttribute("src")!.ShouldStartWith("data:image/png;base64,iVBOR"), Patience);
        var card = page.Find("[data-session=robot]");
        card.TextContent.ShouldContain(Robot.Request.Seen.Instruction);
        foreach (var name in (string[])[.. served.Policy.ActionNames, "language.5:111"])
        {
            var strip = card.QuerySelectorAll("[data-now]").Single(e => e.GetAttribute("data-now") == name).ParentElement!;
            strip.QuerySelector("svg")!.GetAttribute("aria-label")!.ShouldContain("over the last 3 answers");
            strip.QuerySelector("path")!.GetAttribute("d")!.Split(' ', StringSplitOptions.RemoveEmptyEntries).Length.ShouldBe(6);
        }
    }

    [Fact]
    public async Task A_change_that_does_not_fit_is_refused_in_one_line_and_leaves_what_is_set()
    {
        await using var served = await Robot.StartAsync();
        served.Host.Plans.Set(Plan);
        var page = PageOf(this, served, ("neurons", "99:1"), ("value", "3"));
        Holds(page, All, "plan 1");
        Button(page, "Set").Click();
        page.WaitForAssertion(() => page.Find(".alert").TextContent.ShouldContain("99"), Patience);
        served.Host.Plans.Now().Number.ShouldBe(1);
        Services.GetRequiredService<NavigationManager>().NavigateTo(At(served, ("neurons", "5.111")).Relative);
        Button(page, "Set").Click();
        page.WaitForAssertion(() => page.Find(".alert").TextContent.ShouldContain("neuron '5.111': expected LAYER:INDEX"), Patience);
    }

    [Theory]
    [InlineData("http://127.0.0.1:9", "does not answer")]
    [InlineData("http://192.0.2.1:8900", "is not on this machine")]
    [InlineData("robot", "is not on this machine")]
    [InlineData("ws://127.0.0.1:8000", "is no live address")]
    [InlineData("http://me:secret@127.0.0.1:8900", "is no live address")]
    public void An_address_that_leads_nowhere_is_told(string address, string why)
    {
        Services.GetRequiredService<NavigationManager>().NavigateTo(PageAddress.Of("/robot/served").With(("connect", address)));
        var page = Render<ServedPage>();
        page.WaitForAssertion(() => page.Find(".alert").TextContent.ShouldContain(why), Patience);
    }

    [Fact]
    public async Task A_port_that_is_none_of_a_live_interface_is_told()
    {
        await using var served = await Robot.StartAsync();
        await using var other = await PolicyServer.StartAsync(served.Host, "openpi", 0);
        Services.GetRequiredService<NavigationManager>().NavigateTo(
            PageAddress.Of("/robot/served").With(("connect", $"127.0.0.1:{other.Address.Port}")));
        var page = Render<ServedPage>();
        page.WaitForAssertion(() => page.Find(".alert").TextContent.ShouldContain("is it the live address?"), Patience);
    }

    [Fact]
    public async Task A_server_that_comes_back_is_connected_again()
    {
        await using var served = await Robot.StartAsync();
        var page = PageOf(this, served);
        Connected(page);
        await served.Live.DisposeAsync();
        page.WaitForAssertion(() => page.Find(".alert").TextContent.ShouldContain("Trying again every second"), Patience);
        await served.ListenAsync(served.Live.Address.Port);
        Connected(page);
        page.FindAll(".alert").ShouldBeEmpty();
    }

    [Fact]
    public async Task A_token_is_asked_for_and_stands_in_no_address()
    {
        const string Token = "0123456789abcdef";
        await using var served = await Robot.StartAsync(options: new ServerOptions { Token = Token });
        var page = PageOf(this, served);
        page.WaitForAssertion(() => page.Find(".alert").TextContent.ShouldContain("the token is missing or wrong"), Patience);
        page.Find("input[type=password]").Change(Token);
        page.Find("form").Submit();
        Connected(page);
        Services.GetRequiredService<NavigationManager>().Uri.ShouldNotContain(Token);
        page.Markup.ShouldNotContain(Token);
    }

    [Fact]
    public async Task Two_windows_see_the_same_changes_and_keep_what_is_typed_in_them()
    {
        await using var served = await Robot.StartAsync();
        await using var beside = new BunitContext();
        Prepare(beside);
        var (page, other) = (PageOf(this, served, ("neurons", "5:111"), ("value", "3")), PageOf(beside, served, ("kind", "ablate"), ("neurons", "4:2")));
        Connected(other);
        Button(page, "Set").Click();
        Holds(page, All, "plan 1");
        Holds(other, All, "plan 1 for all sessions, at dose 1: clamp language 5:111 to 3");
        other.FindAll("input[type=text]").Select(i => i.GetAttribute("value")).ShouldContain("4:2");
        await DisposeComponentsAsync();
        Button(other, "Set").Click();
        Holds(other, All, "plan 2 for all sessions, at dose 1: clamp language 4:2 to 0");
    }

    [Fact]
    public async Task The_command_s_address_is_opened_first_and_a_dead_one_is_told()
    {
        await using var served = await Robot.StartAsync();
        var address = served.Live.Address.ToString();
        await using (var studio = await StudioHost.StartAsync(new StudioOptions { Connect = address, Work = Opened.Place.Folder }))
        {
            studio.Entrance.AbsolutePath.ShouldBe("/robot/served");
            PageAddress.Of(studio.Entrance.ToString())["connect"].ShouldBe(address);
            (await studio.ConnectionProblemAsync()).ShouldBeNull();
        }

        await using var dead = await StudioHost.StartAsync(new StudioOptions { Connect = "127.0.0.1:9", Work = Opened.Place.Folder });
        (await dead.ConnectionProblemAsync()).ShouldNotBeNull().ShouldContain("http://127.0.0.1:9/: does not answer");
        (await Should.ThrowAsync<VitrineException>(StudioHost.StartAsync(new StudioOptions { Connect = "http://192.0.2.1:1", Work = Opened.Place.Folder })))
            .Message.ShouldContain("is not on this machine");
    }

    [Theory]
    [InlineData("kind=clamp&neurons=expert.3:7,expert.3:9&value=2", "clamp expert 3:7, 3:9 to 2")]
    [InlineData("kind=ablate&neurons=5:111", "clamp language 5:111 to 0")]
    [InlineData("kind=add&neurons=5:111,4:2&value=.5", "add a value at language.5.mlp.neurons:111; add a value at language.4.mlp.neurons:2")]
    [InlineData("kind=heads&heads=5:1,5:0,4:2", "ablate language.5.attn.z, heads 0, 1; ablate language.4.attn.z, heads 2")]
    public void What_is_typed_is_the_plan_that_it_says(string typed, string words)
        => string.Join("; ", Edited(typed).Edits.Select(ServedEdit.Words)).ShouldBe(words);

    [Theory]
    [InlineData("kind=clamp&value=3", "none is named")]
    [InlineData("kind=clamp&neurons=5:111", "value: none is given")]
    [InlineData("kind=clamp&neurons=5:111&value=much", "dose 'much'")]
    [InlineData("kind=clamp&neurons=5:111,expert.3:1&value=1", "of several stacks")]
    [InlineData("kind=clamp&neurons=5:-1&value=1", "expected LAYER:INDEX")]
    [InlineData("kind=plan", "none is chosen yet")]
    public void What_is_no_edit_is_refused_in_one_line(string typed, string why)
        => Should.Throw<VitrineException>(() => Edited(typed)).Message.ShouldContain(why);

    [Fact]
    public void Deviations_are_those_of_the_same_policy_in_the_studio_and_of_no_other()
    {
        var open = Opened.Models.Open(Opened.Speaking);
        var edit = Edited("neurons=5:111&value=%2B4sd", open.Model is Policy policy ? policy.Fingerprint : "");
        edit.Edits.ShouldHaveSingleItem().ShouldBe(Dose.Sigmas(4).Clamp(new NeuronSet([new Neuron(5, 111)]), open.Calibration("language")));
        Should.Throw<VitrineException>(() => Edited("neurons=5:111&value=%2B4sd", "another")).Message.ShouldContain("open it on the first page");
    }

    private static RunPlan Edited(string typed, string fingerprint = "") => ServedEdit.Of(
        PageAddress.Of($"/robot/served?{typed}"), Opened.Place, Opened.Models, new LiveState { Model = Opened.Speaking, Fingerprint = fingerprint });

    private static void Prepare(BunitContext window)
    {
        window.JSInterop.Mode = JSRuntimeMode.Loose;
        window.Services.AddSingleton(Opened.Models);
        window.Services.AddSingleton(Opened.Place);
        window.Services.AddSingleton(new ServedTokens());
    }

    private static PageAddress At(Robot served, params (string Key, object? Value)[] more)
        => PageAddress.Of(PageAddress.Of("/robot/served").With([("connect", served.Live.Address), .. more]));

    private static IRenderedComponent<ServedPage> PageOf(BunitContext window, Robot served, params (string Key, object? Value)[] more)
    {
        window.Services.GetRequiredService<NavigationManager>().NavigateTo(At(served, more).Relative);
        var page = window.Render<ServedPage>();
        if (served.Token is null)
        {
            Connected(page);
        }

        return page;
    }

    private static void Connected(IRenderedComponent<ServedPage> page)
        => page.WaitForAssertion(() => page.Find("[role=status]").TextContent.ShouldStartWith($"Connected to {Opened.Speaking} at"), Patience);

    private static void Holds(IRenderedComponent<ServedPage> page, string whose, string what)
        => page.WaitForAssertion(() => page.Find($"[data-held='{whose}']").TextContent.ShouldContain(what), Patience);

    private static AngleSharp.Dom.IElement Button(IRenderedComponent<ServedPage> page, string name)
        => page.FindAll("button").Single(b => b.TextContent == name);

    private static IEnumerable<double> Numbers(ServedAnswer answer) => answer.Chunk.SelectMany(r => r);

    /// <summary>The embedded policy, served; sessions are opened at its host.</summary>
    private sealed class Robot : IAsyncDisposable
    {
        private Robot(Policy policy, ServedReading? reading, string? token)
            => (Policy, Host, Token) = (policy, new PolicyHost(new ServedPolicy(policy, reading, owns: false)), token);

        public static ServedRequest Request { get; } = new() { Seen = SceneSource.ObservationOf(Opened.At("robot", Opened.Speaking), Opened.Place) };

        public Policy Policy { get; }

        public PolicyHost Host { get; }

        public string? Token { get; }

        public IProtocolServer Live { get; private set; } = null!;

        public static async Task<Robot> StartAsync(ServedReading? reading = null, ServerOptions? options = null)
        {
            var robot = new Robot(Policy.Open(Opened.Speaking), reading, options?.Token);
            await robot.ListenAsync(0, options);
            return robot;
        }

        public async Task ListenAsync(int port, ServerOptions? options = null) => Live = await LiveServer.StartAsync(Host, port, options);

        public async ValueTask DisposeAsync()
        {
            await Live.DisposeAsync();
            Host.Dispose();
            Policy.Dispose();
        }
    }
}
