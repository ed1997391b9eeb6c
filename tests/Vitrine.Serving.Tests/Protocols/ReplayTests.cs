using System.Buffers.Binary;
using System.Net.WebSockets;
using Vitrine.Policies;
using Vitrine.Serving.Fit;
using Vitrine.Serving.Hosting;
using Vitrine.Serving.Protocols;
using Vitrine.Serving.Wire;

namespace Vitrine.Serving.Tests.Protocols;

/// <summary>The sessions that the reference's own two ends recorded, with our server in the place of theirs: answered byte for byte, times aside.</summary>
public sealed class ReplayTests
{
    [Fact]
    public async Task Openpis_session_is_answered_byte_for_byte()
    {
        var session = WireFixtures.Index("openpi").GetProperty("session");
        var frames = session.GetProperty("frames").EnumerateArray().Select(f => (
            Direction: f.GetProperty("direction").GetString()!, IsText: f.GetProperty("opcode").GetString() == "text",
            Bytes: WireFixtures.Bytes("openpi", f.GetProperty("file").GetString()!))).ToArray();
        var answers = frames.Where(f => f is { Direction: "server", IsText: false }).Skip(1)
            .Select(f => MessageReader.ReadMap(f.Bytes)["actions"]).Cast<WireArray>().ToArray();
        var told = 0;
        var model = new StubModel(_ => [.. answers[told++].ToDoubles().Chunk(7)])
        {
            Needs = new PolicyNeeds { Cameras = ["image", "wrist_image"], NeedsEveryCamera = true, StateWidth = 8, Horizon = 10 },
            ActionNames = ["x", "y", "z", "a", "b", "c", "g"],
        };
        using var host = new PolicyHost(model);
        var options = new ServerOptions
        {
            Singles = true,
            Metadata = MessageReader.ReadMap(frames[0].Bytes),
            Names = new NameMap { State = ["observation/state"] },
        };
        await using var server = await PolicyServer.StartAsync(host, "openpi", 0, options);
        using var client = new ClientWebSocket();
        foreach (var (key, value) in session.GetProperty("handshake").GetProperty("request_headers").EnumerateArray()
            .Select(h => (h[0].GetString()!, h[1].GetString()!))
            .Where(h => h.Item1 is "Authorization" or "User-Agent"))
        {
            client.Options.SetRequestHeader(key, value);
        }

        await client.ConnectAsync(server.Address, default);
        foreach (var (direction, isText, bytes) in frames)
        {
            if (direction == "client")
            {
                await client.SendAsync(bytes, WebSocketMessageType.Binary, true, default);
                continue;
            }

            var (got, type) = await Sockets.ReceiveAsync(client);
            if (isText)
            {
                type.ShouldBe(WebSocketMessageType.Text);
                System.Text.Encoding.UTF8.GetString(got).ShouldContain("observation/state", customMessage: "what is missing is named, without a traceback");
            }
            else
            {
                Timeless(got, "infer_ms", "prev_total_ms").ShouldBe(Timeless(bytes, "infer_ms", "prev_total_ms"));
            }
        }

        (await Sockets.ReceiveAsync(client)).Type.ShouldBe(WebSocketMessageType.Close);
        ((int)client.CloseStatus!).ShouldBe(session.GetProperty("close").GetProperty("code").GetInt32());
    }

    [Fact]
    public async Task The_first_and_the_next_reply_have_the_bytes_of_the_index()
    {
        foreach (var (file, previous) in new (string, double?)[] { ("reply_libero_first.msgpack", null), ("reply_libero_next.msgpack", 14.0) })
        {
            var bytes = WireFixtures.Bytes("openpi", file);
            var actions = (WireArray)MessageReader.ReadMap(bytes)["actions"]!;
            var answer = new ServedAnswer { Chunk = [.. actions.ToDoubles().Chunk(7)], ModelMilliseconds = 12.5 };
            OpenPiConversation.Reply(answer, new ServerOptions { Singles = true }, 13.25, previous, wanted: false, textKeys: false).ShouldBe(bytes);
        }

        await Task.CompletedTask;
    }

    [Fact]
    public async Task Vla_evals_session_is_answered_byte_for_byte()
    {
        var session = WireFixtures.Index("vla-eval").GetProperty("session");
        var frames = session.GetProperty("frames").EnumerateArray().Select(f => (
            Direction: f.GetProperty("direction").GetString()!, Bytes: WireFixtures.Bytes("vla-eval", f.GetProperty("file").GetString()!))).ToArray();
        var hello = (WireMap)MessageReader.ReadMap(frames[1].Bytes)["payload"]!;
        var spec = new WireMap();
        foreach (var (key, value) in hello.Where(h => h.Key is "observation_params" or "action_spec" or "observation_spec"))
        {
            spec.Add(key, value);
        }

        // The reference's example answers the number of the step.
        var model = new StubModel(a => [[.. Enumerable.Repeat((double)a.Session.Step, 7)]])
        {
            Needs = new PolicyNeeds { Cameras = ["agentview"], StateWidth = 8, Horizon = 1 },
            ActionNames = ["x", "y", "z", "a", "b", "c", "g"],
        };
        using var host = new PolicyHost(model);
        var options = new ServerOptions { Singles = true, Spec = spec };
        await using var server = await PolicyServer.StartAsync(host, "vla-eval", 0, options);
        using var client = new ClientWebSocket();
        await client.ConnectAsync(server.Address, default);
        foreach (var (direction, bytes) in frames)
        {
            if (direction == "client")
            {
                await client.SendAsync(bytes, WebSocketMessageType.Binary, true, default);
                continue;
            }

            var (got, type) = await Sockets.ReceiveAsync(client);
            type.ShouldBe(WebSocketMessageType.Binary);
            if (MessageReader.ReadMap(bytes)["type"] is "error")
            {
                var (mine, theirs) = (MessageReader.ReadMap(got), MessageReader.ReadMap(bytes));
                (mine["type"], mine["seq"]).ShouldBe((theirs["type"], theirs["seq"]));
                ((WireMap)mine["payload"]!)["error"].ShouldBeOfType<string>().ShouldStartWith("observation_failed: ValueError: ");
                continue;
            }

            Timeless(got, "timestamp").ShouldBe(Timeless(bytes, "timestamp"));
        }
    }

    [Fact]
    public async Task Every_request_of_groots_is_answered_byte_for_byte()
    {
        var actions = (WireMap)MessageReader.Read(WireFixtures.Bytes("gr00t", "get_action_reply.msgpack"))!;
        double[][] columns = [.. actions.Select(a => ((WireArray)a.Value!).ToDoubles())];
        var model = new StubModel(_ => [.. Enumerable.Range(0, 16).Select(h => columns.Select(c => c[h]).ToArray())])
        {
            Needs = new PolicyNeeds { Cameras = ["image"], ReadsOnePicture = true, Horizon = 16 },
            ActionNames = ["x", "gripper"],
        };
        using var host = new PolicyHost(model);
        var protocol = new Gr00tProtocol(host, new ServerOptions { Singles = true }, killed: null);
        var session = host.Open("groot");
        var caller = new Gr00tCaller(session, new ObservationReader(host, session, new ServerOptions()));
        foreach (var request in WireFixtures.Files("gr00t").Select(f => f.Data).Where(f => f.EndsWith("_request.msgpack", StringComparison.Ordinal)
            && !f.StartsWith("modality", StringComparison.Ordinal)))
        {
            var reply = await protocol.AnswerAsync(WireFixtures.Bytes("gr00t", request), caller, default);
            reply.ShouldBe(WireFixtures.Bytes("gr00t", request.Replace("_request", "_reply", StringComparison.Ordinal)), request);
        }

        MessageWriter.Write(new WireMap { ["video"] = Gr00tProtocol.Modality(["video.image"], [0]) })
            .ShouldBe(WireFixtures.Bytes("gr00t", "modality_config_reply.msgpack"));
    }

    [Theory]
    [InlineData("openvla_request.json", "openvla_reply.json")]
    [InlineData("openvla_request_unnorm.json", "openvla_reply.json")]
    [InlineData("openvla_request_encoded.json", "openvla_reply_encoded.json")]
    [InlineData("oft_request_libero.json", "oft_reply.json")]
    [InlineData("oft_request_aloha.json", "oft_reply.json")]
    public async Task Requests_of_the_rest_protocol_are_answered_byte_for_byte(string request, string reply)
    {
        var rows = ((List<object?>)NumpyJson.Read(WireFixtures.Bytes("json-numpy", "oft_reply.json"))!).Cast<WireArray>().Select(a => a.ToDoubles()).ToArray();
        var model = new StubModel(_ => rows) { Needs = new PolicyNeeds { Horizon = 3 } };
        using var host = new PolicyHost(model);
        await using var server = await PolicyServer.StartAsync(host, "openvla", 0);
        using var http = new HttpClient { BaseAddress = server.Address };
        using var content = new ByteArrayContent(WireFixtures.Bytes("json-numpy", request));
        using var answer = await http.PostAsync(new Uri("act", UriKind.Relative), content);
        answer.IsSuccessStatusCode.ShouldBeTrue();
        (await answer.Content.ReadAsByteArrayAsync()).ShouldBe(WireFixtures.Bytes("json-numpy", reply));
        answer.Content.Headers.ContentType!.MediaType.ShouldBe("application/json");
        model.Asked.Single().Request.Units.ShouldBe(request.Contains("unnorm", StringComparison.Ordinal) ? "bridge_orig" : null);
    }

    [Fact]
    public async Task What_fails_in_the_rest_protocol_has_the_body_that_clients_know_and_an_honest_status()
    {
        using var host = new PolicyHost(new StubModel());
        await using var server = await PolicyServer.StartAsync(host, "openvla", 0);
        using var http = new HttpClient { BaseAddress = server.Address };
        using var content = new StringContent("{\"image\": 3}");
        using var answer = await http.PostAsync(new Uri("act", UriKind.Relative), content);
        ((int)answer.StatusCode).ShouldBe(400);
        (await answer.Content.ReadAsByteArrayAsync()).ShouldBe(WireFixtures.Bytes("json-numpy", "openvla_reply_error.json"));
        answer.Headers.GetValues("X-Vitrine-Error").Single().ShouldContain("camera");
    }

    [Fact]
    public async Task Health_and_configuration_are_answered_byte_for_byte()
    {
        using var host = new PolicyHost(new StubModel(), new HostOptions { Batch = 8 });
        host.Batch = 4;
        await using var server = await PolicyServer.StartAsync(host, "vla-eval", 0);
        using var http = new HttpClient { BaseAddress = new UriBuilder(server.Address) { Scheme = "http" }.Uri };
        foreach (var page in WireFixtures.Index("vla-eval").GetProperty("http").EnumerateObject())
        {
            using var answer = await http.GetAsync(new Uri(page.Name, UriKind.Relative));
            ((int)answer.StatusCode).ShouldBe(page.Value.GetProperty("status").GetInt32(), page.Name);
            answer.Content.Headers.ContentType!.ToString().ShouldBe(page.Value.GetProperty("content_type").GetString(), page.Name);
            var body = await answer.Content.ReadAsStringAsync();
            if (page.Name.EndsWith("=x", StringComparison.Ordinal))
            {
                body.ShouldStartWith("{\"errors\": [\"bad value for max_batch_size: "); // Python's own words for what is no number are Python's
            }
            else
            {
                body.ShouldBe(page.Value.GetProperty("body").GetString(), page.Name);
            }
        }

        await using var openpi = await PolicyServer.StartAsync(host, "openpi", 0);
        (await http.GetStringAsync(new Uri(new UriBuilder(openpi.Address) { Scheme = "http" }.Uri, "healthz"))).ShouldBe("OK\n");
    }

    /// <summary>A message with the doubles behind some keys set to zero: what a clock said.</summary>
    private static byte[] Timeless(byte[] message, params string[] keys)
    {
        var copy = message.ToArray();
        foreach (var key in keys)
        {
            byte[] mark = [.. MessageWriter.Write(key), 0xcb];
            for (var at = copy.AsSpan().IndexOf(mark); at >= 0;)
            {
                BinaryPrimitives.WriteUInt64BigEndian(copy.AsSpan(at + mark.Length), 0);
                var next = copy.AsSpan(at + mark.Length).IndexOf(mark);
                at = next < 0 ? -1 : at + mark.Length + next;
            }
        }

        return copy;
    }
}
