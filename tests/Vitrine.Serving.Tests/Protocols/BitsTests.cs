using Vitrine.Policies;
using Vitrine.Serving.Clients;
using Vitrine.Serving.Hosting;
using Vitrine.Serving.Protocols;
using Vitrine.Serving.Wire;
using Vitrine.Transformers;
using Vitrine.Transformers.Edits;
using Vitrine.Worlds;
using Vitrine.Worlds.Tabletop;

namespace Vitrine.Serving.Tests.Protocols;

/// <summary>A served policy says what the policy says, bit for bit, over every protocol.</summary>
public sealed class BitsTests
{
    public static TheoryData<string, string> Cases()
    {
        var all = new TheoryData<string, string>();
        foreach (var policy in Served.Names)
        {
            foreach (var protocol in PolicyServer.Protocols)
            {
                all.Add(policy, protocol);
            }
        }

        return all;
    }

    [Theory, MemberData(nameof(Cases))]
    public async Task Actions_are_those_of_act_bit_for_bit(string name, string protocol)
    {
        await using var served = new Served(name);
        var address = await served.StartAsync(protocol);
        await using var client = await PolicyClient.ConnectAsync(address);
        foreach (var (i, seen) in Served.Observations(3).Index())
        {
            var options = new ActOptions { Noise = served.Policy.NoiseShape is null ? null : ActNoise.OfSeed(i) };
            using var alone = served.Policy.Act([seen], options: options);
            await client.BeginAsync();
            var rows = await client.AskAsync(seen, i);
            double[][] expected = protocol is "openvla" or "vla-eval" ? [[.. alone.Actions[0].Values]] : [.. alone.Actions[0].Chunk.Select(r => r.ToArray())];
            rows.Count.ShouldBe(expected.Length);
            foreach (var (got, wanted) in rows.Zip(expected))
            {
                got.Select(BitConverter.DoubleToInt64Bits).ShouldBe(wanted.Select(BitConverter.DoubleToInt64Bits), $"{name} over {protocol}");
            }
        }
    }

    [Fact]
    public async Task An_edit_that_is_set_live_acts_as_in_act_does_not_leak_and_leaves_no_trace()
    {
        await using var served = new Served("embedded:tabletop-flow");
        var address = await served.StartAsync("openpi");
        await using var one = await PolicyClient.ConnectAsync(address);
        await using var two = await PolicyClient.ConnectAsync(address);
        var seen = Served.Observations(1)[0];
        var shape = served.Policy.Language.Shape;
        var plan = RunPlan.Editing(new Scale($"language.{shape.Layers - 2}.resid_post", .5));
        using var plain = served.Policy.Act([seen]);
        using var edited = served.Policy.Act([seen], plan);
        edited.Actions[0].IsSameAs(plain.Actions[0]).ShouldBeFalse("the edit must change the action, or nothing is shown");

        (await one.AskAsync(seen)).ShouldHaveTheBitsOf(plain.Actions[0]);
        served.Host.Plans.Set(plan, served.Host.Sessions[0].Name);
        (await one.AskAsync(seen)).ShouldHaveTheBitsOf(edited.Actions[0]);
        (await two.AskAsync(seen)).ShouldHaveTheBitsOf(plain.Actions[0]);
        served.Host.Plans.Off(served.Host.Sessions[0].Name);
        (await one.AskAsync(seen)).ShouldHaveTheBitsOf(plain.Actions[0]);
        served.Host.Plans.Set(plan);
        (await two.AskAsync(seen)).ShouldHaveTheBitsOf(edited.Actions[0]);
    }

    [Fact]
    public async Task Noise_and_edits_may_come_with_a_request_and_hold_for_it_alone()
    {
        await using var served = new Served("embedded:tabletop-flow");
        await using var client = await OpenPiClient.ConnectAsync((await served.StartAsync("openpi")).Address);
        var seen = Served.Observations(1)[0];
        var plan = RunPlan.Editing(new Scale($"language.{served.Policy.Language.Shape.Layers - 2}.resid_post", .5));
        var (rows, columns) = served.Policy.NoiseShape!.Value;
        double[] noise = [.. Enumerable.Range(0, rows * columns).Select(i => Math.Sin(i))];
        using var given = TorchSharp.torch.tensor(noise.Select(v => (float)v).ToArray(), [rows, columns]);
        using var plain = served.Policy.Act([seen]);
        using var noisy = served.Policy.Act([seen], options: new ActOptions { Noise = ActNoise.Of(given) });
        using var edited = served.Policy.Act([seen], plan);

        (await AskAsync("vitrine/noise", WireArray.Of(noise, WireDtype.Single, rows, columns))).ShouldHaveTheBitsOf(noisy.Actions[0]);
        (await AskAsync("vitrine/edits", plan.ToJson())).ShouldHaveTheBitsOf(edited.Actions[0]);
        (await AskAsync("vitrine/report", true)).ShouldHaveTheBitsOf(plain.Actions[0]);
        (await Should.ThrowAsync<VitrineException>(AskAsync("vitrine/edits", "{\"edits\": 3}"))).Message.ShouldContain("vitrine/edits");

        async Task<IReadOnlyList<double[]>> AskAsync(string key, object value)
        {
            var answer = await client.AskAsync(new WireMap
            {
                ["observation/image"] = seen.Picture,
                ["prompt"] = seen.Instruction,
                [key] = value,
                ["observation/state"] = WireArray.Of([.. seen.State.Values.Single().Values], WireDtype.Double, 4),
            });
            ((WireMap)answer["vitrine"]!)["step"].ShouldBeOfType<long>();
            return ClientMessages.Rows(answer["actions"], "test");
        }
    }

    [Fact]
    public async Task A_plan_that_does_not_fit_is_refused_and_what_was_set_stays()
    {
        await using var served = new Served("embedded:tabletop-flow");
        var before = served.Host.Plans.Set(RunPlan.Editing(new Scale("language.0.resid_post", .5)));
        foreach (var wrong in new[]
        {
            RunPlan.Editing(new Scale("language.99.resid_post", .5)), RunPlan.Capturing("language.0.resid_post"),
            RunPlan.Editing(new Scale("language.0.resid_post", .5) { Scope = new EditScope { Rows = [0] } }),
        })
        {
            Should.Throw<VitrineException>(() => served.Host.Plans.Set(wrong));
        }

        served.Host.Plans.Revision.ShouldBe(before);
        served.Host.Plans.Now().Plan.ShouldNotBeNull();
    }

    [Fact]
    public async Task A_world_that_is_driven_over_the_wire_goes_as_in_a_rollout()
    {
        await using var served = new Served("embedded:tabletop-flow");
        var address = await served.StartAsync("openpi");
        LayoutKey[] layouts = [.. Enumerable.Range(0, 2).Select(i => new LayoutKey(3, LayoutSplit.Test, "reach", i))];
        var rollouts = new Rollouts(() => new TabletopWorld(), 12);
        await using var remote = new RemoteActor(address, served.Policy.ActionSteps);
        var driven = rollouts.Run(new ObservingActor(remote), layouts);
        var alone = layouts.Select(l => rollouts.Run(new ObservingActor(new ChunkActor(served.Policy.With())), [l])[0]).ToArray();
        driven.Zip(alone).ShouldAllBe(p => p.First.HasSameActionsAs(p.Second));
        remote.Requests.ShouldBeGreaterThan(0);
    }

    [Fact]
    public async Task A_batch_stays_within_the_bound_and_edits_act_in_their_row_alone()
    {
        await using var served = new Served("embedded:tabletop-flow", new HostOptions { Batch = 8 });
        var seen = Served.Observations(4);
        var plan = RunPlan.Editing(new Scale($"language.{served.Policy.Language.Shape.Layers - 2}.resid_post", .5));
        var sessions = seen.Select((_, i) => served.Host.Open("test", $"s{i}")).ToArray();
        served.Host.Plans.Set(plan, "s2");
        var answers = await Task.WhenAll(Enumerable.Range(0, 6).SelectMany(_ => sessions.Select((s, i) => s.AskAsync(new ServedRequest { Seen = seen[i] }))));
        answers.ShouldContain(a => a.Rows > 1, "nothing was batched");
        foreach (var (i, answer) in answers.Index())
        {
            using var alone = served.Policy.Act([seen[i % 4]], i % 4 == 2 ? plan : null);
            foreach (var (got, wanted) in answer.Chunk.SelectMany(r => r).Zip(alone.Actions[0].Chunk.SelectMany(r => r)))
            {
                Math.Abs(got - wanted).ShouldBeLessThanOrEqualTo(5e-5 * Math.Max(1, Math.Abs(wanted)));
            }
        }
    }
}

internal static class BitsOfChunks
{
    public static void ShouldHaveTheBitsOf(this IReadOnlyList<double[]> rows, PolicyAction action)
        => rows.SelectMany(r => r).Select(BitConverter.DoubleToInt64Bits).ShouldBe(action.Chunk.SelectMany(r => r).Select(BitConverter.DoubleToInt64Bits));
}
