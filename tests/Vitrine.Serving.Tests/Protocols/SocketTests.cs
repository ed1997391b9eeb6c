using System.Net.WebSockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Vitrine.Serving.Clients;
using Vitrine.Serving.Hosting;
using Vitrine.Serving.Protocols;
using Vitrine.Serving.Wire;

namespace Vitrine.Serving.Tests.Protocols;

/// <summary>How connections begin, wait and end.</summary>
public sealed class SocketTests
{
    private static readonly byte[] Asked = MessageWriter.Write(new WireMap { ["image"] = WireFixtures.Recipe(4, 4, 1), ["prompt"] = "go" });

    [Fact]
    public async Task The_end_of_the_server_closes_with_1001_while_the_model_computes()
    {
        var model = new StubModel();
        using var host = new PolicyHost(model);
        var server = await PolicyServer.StartAsync(host, "openpi", 0);
        using var client = await ConnectAsync(server);
        model.Gate.Reset();
        await client.SendAsync(Asked, WebSocketMessageType.Binary, true, default);
        await model.EnteredAsync();
        var closing = server.DisposeAsync();
        var got = await Sockets.ReceiveAsync(client);
        (got.Type, (int?)client.CloseStatus).ShouldBe((WebSocketMessageType.Close, 1001));
        await client.CloseOutputAsync(WebSocketCloseStatus.NormalClosure, "", default);
        model.Gate.Set();
        await closing;
    }

    [Fact]
    public async Task Pings_are_answered_while_the_model_computes()
    {
        var model = new StubModel();
        using var host = new PolicyHost(model);
        await using var server = await PolicyServer.StartAsync(host, "openpi", 0);
        using var client = new ClientWebSocket();
        client.Options.KeepAliveInterval = TimeSpan.FromMilliseconds(50);
        client.Options.KeepAliveTimeout = TimeSpan.FromMilliseconds(500);
        await client.ConnectAsync(server.Address, default);
        await Sockets.ReceiveAsync(client);
        model.Gate.Reset();
        await client.SendAsync(Asked, WebSocketMessageType.Binary, true, default);
        await model.EnteredAsync();
        var answer = Sockets.ReceiveAsync(client);
        await Task.Delay(1500); // three times as long as the client waits for a pong
        client.State.ShouldBe(WebSocketState.Open);
        model.Gate.Set();
        (await answer).Type.ShouldBe(WebSocketMessageType.Binary);
    }

    [Fact]
    public async Task A_client_that_leaves_takes_its_request_and_its_session_with_it()
    {
        var model = new StubModel();
        using var host = new PolicyHost(model);
        await using var server = await PolicyServer.StartAsync(host, "openpi", 0);
        using (var client = await ConnectAsync(server))
        {
            model.Gate.Reset();
            await client.SendAsync(Asked, WebSocketMessageType.Binary, true, default);
            await model.EnteredAsync();
            client.Abort();
        }

        await UntilAsync(() => host.Sessions.Count == 0);
        model.Passes.ShouldBeEmpty();
    }

    [Fact]
    public async Task A_message_beyond_the_cap_closes_with_1009_and_others_go_on()
    {
        using var host = new PolicyHost(new StubModel());
        await using var server = await PolicyServer.StartAsync(host, "openpi", 0, new ServerOptions { Limits = new WireLimits { MessageBytes = 100_000 } });
        using var large = await ConnectAsync(server);
        using var other = await ConnectAsync(server);
        await large.SendAsync(new byte[150_000], WebSocketMessageType.Binary, true, default);
        (await Sockets.ReceiveAsync(large)).Type.ShouldBe(WebSocketMessageType.Close);
        ((int?)large.CloseStatus).ShouldBe(1009);
        await other.SendAsync(Asked, WebSocketMessageType.Binary, true, default);
        (await Sockets.ReceiveAsync(other)).Type.ShouldBe(WebSocketMessageType.Binary);
    }

    [Fact]
    public async Task Behind_a_message_beyond_the_cap_what_still_comes_is_read_until_the_client_closes_too()
    {
        using var socket = new ScriptedSocket(600, 600, 600, 600);
        await using var pump = new SocketPump(socket, new WireLimits { MessageBytes = 1000 }, CancellationToken.None);
        (await pump.NextAsync(CancellationToken.None)).ShouldBeNull();
        socket.Told.ShouldBe((WebSocketCloseStatus.MessageTooBig, 2));
        socket.IsRead.ShouldBeTrue("the receive task waited for itself");
    }

    [Fact]
    public async Task Requests_that_are_not_waited_for_are_refused_with_1008()
    {
        var model = new StubModel();
        using var host = new PolicyHost(model);
        await using var server = await PolicyServer.StartAsync(host, "openpi", 0);
        using var client = await ConnectAsync(server);
        model.Gate.Reset();
        for (var i = 0; i < 12; i++)
        {
            await client.SendAsync(Asked, WebSocketMessageType.Binary, true, default);
        }

        (await Sockets.ReceiveAsync(client)).Type.ShouldBe(WebSocketMessageType.Close);
        ((int?)client.CloseStatus).ShouldBe(1008);
        model.Gate.Set();
    }

    [Fact]
    public async Task A_full_server_says_so_before_it_opens()
    {
        using var host = new PolicyHost(new StubModel(), new HostOptions { Sessions = 1 });
        await using var server = await PolicyServer.StartAsync(host, "openpi", 0);
        using var first = await ConnectAsync(server);
        using var second = new ClientWebSocket();
        second.Options.CollectHttpResponseDetails = true;
        await Should.ThrowAsync<WebSocketException>(() => second.ConnectAsync(server.Address, default));
        ((int)second.HttpStatusCode).ShouldBe(503);
    }

    [Fact]
    public async Task An_error_is_one_text_frame_without_a_trace_then_1011()
    {
        using var host = new PolicyHost(new StubModel(_ => throw new InvalidOperationException("at secret")), new HostOptions { Log = _ => { } });
        await using var server = await PolicyServer.StartAsync(host, "openpi", 0);
        using var client = await ConnectAsync(server);
        await client.SendAsync(Asked, WebSocketMessageType.Binary, true, default);
        var (text, type) = await Sockets.ReceiveAsync(client);
        type.ShouldBe(WebSocketMessageType.Text);
        Encoding.UTF8.GetString(text).ShouldNotContain("secret");
        (await Sockets.ReceiveAsync(client)).Type.ShouldBe(WebSocketMessageType.Close);
        ((int?)client.CloseStatus).ShouldBe(1011);
    }

    [Fact]
    public async Task Keys_of_arrays_are_text_where_a_client_asks_for_them()
    {
        using var host = new PolicyHost(new StubModel());
        await using var server = await PolicyServer.StartAsync(host, "openpi", 0);
        using var client = await ConnectAsync(server);
        var asked = MessageWriter.Write(
            new WireMap { ["image"] = WireFixtures.Recipe(4, 4, 1), ["prompt"] = "go", [ObservationReader.TextKeys] = true }, ArrayForm.TextKeys);
        await client.SendAsync(asked, WebSocketMessageType.Binary, true, default);
        var (bytes, _) = await Sockets.ReceiveAsync(client);
        bytes.AsSpan().IndexOf((byte[])[0xab, .. "__ndarray__"u8]).ShouldBeGreaterThan(0, "a text of 11 bytes begins with ab");
        bytes.AsSpan().IndexOf((byte[])[0xc4, 0x0b, .. "__ndarray__"u8]).ShouldBe(-1);
    }

    [Fact]
    public async Task Who_can_be_reached_from_elsewhere_asks_for_a_token()
    {
        using var host = new PolicyHost(new StubModel());
        (await Should.ThrowAsync<VitrineException>(PolicyServer.StartAsync(host, "openpi", 0, new ServerOptions { Host = "0.0.0.0" }))).Message
            .ShouldContain("token");
        const string Token = "0123456789abcdef";
        await using var server = await PolicyServer.StartAsync(host, "openpi", 0, new ServerOptions { Token = Token });
        await Should.ThrowAsync<VitrineException>(OpenPiClient.ConnectAsync(server.Address));
        await Should.ThrowAsync<VitrineException>(OpenPiClient.ConnectAsync(server.Address, "0123456789abcdeF"));
        await using var client = await OpenPiClient.ConnectAsync(server.Address, Token);
        client.Metadata.Has("vitrine").ShouldBeTrue();
        await using var groot = await PolicyServer.StartAsync(host, "groot", 0, new ServerOptions { Token = Token });
        await using var stranger = new Gr00tClient(groot.Address);
        (await Should.ThrowAsync<VitrineException>(stranger.CallAsync("ping"))).Message.ShouldContain("Unauthorized");
        await using var friend = new Gr00tClient(groot.Address, Token);
        (await friend.CallAsync("ping")).ShouldBeOfType<WireMap>()["status"].ShouldBe("ok");
    }

    [Theory]
    [InlineData("Origin", "https://example.org", 403)]
    [InlineData("Origin", "http://localhost:3000", 200)]
    [InlineData("Host", "example.org:8000", 403)]
    public async Task Pages_of_other_sites_are_kept_out(string header, string value, int expected)
    {
        using var host = new PolicyHost(new StubModel());
        await using var server = await PolicyServer.StartAsync(host, "openvla", 0);
        using var http = new HttpClient { BaseAddress = server.Address };
        using var request = new HttpRequestMessage(HttpMethod.Get, "health");
        request.Headers.TryAddWithoutValidation(header, value);
        using var answer = await http.SendAsync(request);
        ((int)answer.StatusCode).ShouldBe(expected);
    }

    [Fact]
    public async Task Nobody_stops_a_server_without_a_token_and_a_large_last_answer_still_arrives()
    {
        var rows = Enumerable.Range(0, 100_000).Select(i => new[] { i * .5, -i }).ToArray();
        var model = new StubModel(_ => rows) { Needs = new() { Horizon = rows.Length } };
        using var host = new PolicyHost(model);
        var server = await PolicyServer.StartAsync(host, "groot", 0);
        await using var client = new Gr00tClient(server.Address);
        (await Should.ThrowAsync<VitrineException>(client.CallAsync("kill"))).Message.ShouldContain("token");
        var asking = client.AskAsync(StubModel.Seen());
        await UntilAsync(() => host.Totals.Answers == 1);
        await Task.Delay(20);
        var closing = server.DisposeAsync().AsTask();
        (await asking).Count.ShouldBe(rows.Length);
        await client.DisposeAsync();
        await closing;
    }

    [Theory]
    [InlineData("openpi", "vla-eval")]
    [InlineData("groot", "openpi")]
    public async Task A_server_that_says_nothing_to_a_client_of_another_protocol_is_named_after_a_while(string asking, string serving)
    {
        using var host = new PolicyHost(new StubModel());
        await using var server = await PolicyServer.StartAsync(host, serving, 0);
        var address = new ServerAddress(asking, new UriBuilder(server.Address) { Scheme = asking == "groot" ? "tcp" : "ws" }.Uri);
        var error = await Should.ThrowAsync<VitrineException>(PolicyClient.ConnectAsync(address, null, TimeSpan.FromSeconds(.5), default));
        error.Message.ShouldContain($"says nothing to {asking} in 0.5 s");
    }

    [Fact]
    public async Task What_goes_wrong_in_groots_protocol_is_answered_and_written_down()
    {
        using var host = new PolicyHost(new StubModel(_ => [[1]]));
        var said = new System.Collections.Concurrent.ConcurrentQueue<string>();
        await using var server = await PolicyServer.StartAsync(host, "groot", 0, new ServerOptions { Say = said.Enqueue });
        await using var client = new Gr00tClient(server.Address);
        using var late = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        var error = await Should.ThrowAsync<VitrineException>(client.AskAsync(StubModel.Seen(), cancellation: late.Token));
        error.Message.ShouldEndWith(": the server failed.");
        said.ShouldContain(s => s.Contains(nameof(ArgumentOutOfRangeException), StringComparison.Ordinal)
            || s.Contains(nameof(IndexOutOfRangeException), StringComparison.Ordinal));
    }

    [Fact]
    public async Task Action_keys_of_another_number_than_the_actions_are_refused_when_the_server_starts()
    {
        using var host = new PolicyHost(new StubModel());
        var error = await Should.ThrowAsync<VitrineException>(PolicyServer.StartAsync(host, "groot", 0, new ServerOptions { ActionKeys = ["x", "y", "z"] }));
        error.Message.ShouldBe("action keys: 3 are named for the 2 numbers of an action (x, gripper).");
    }

    [Fact]
    public async Task A_name_with_quotes_stays_a_name_in_groots_modalities()
    {
        using var host = new PolicyHost(new StubModel());
        await using var server = await PolicyServer.StartAsync(host, "groot", 0, new ServerOptions { ActionKeys = ["a\"b", "c"] });
        await using var client = new Gr00tClient(server.Address);
        var said = (WireMap)(await client.CallAsync("get_modality_config")).ShouldBeOfType<WireMap>()["action"]!;
        var read = (WireMap)NumpyJson.Read(Encoding.UTF8.GetBytes(said["as_json"].ShouldBeOfType<string>()))!;
        read["modality_keys"].ShouldBe(new List<object?> { "action.a\"b", "action.c" });
    }

    [Theory]
    [InlineData("vitrine/seed")]
    [InlineData("vitrine/noise")]
    public async Task What_a_request_asks_of_its_noise_is_not_lost_in_the_middle_of_a_chunk(string key)
    {
        var model = new StubModel(_ => [[1, 2], [3, 4], [5, 6]]) { ActionSteps = 3 };
        using var host = new PolicyHost(model);
        await using var server = await PolicyServer.StartAsync(host, "vla-eval", 0);
        using var client = new ClientWebSocket();
        await client.ConnectAsync(server.Address, default);
        object asked = key == "vitrine/seed" ? 7L : WireArray.Of([1, 2], WireDtype.Single, 1, 2);
        foreach (var (i, payload) in new[] { new WireMap(), new WireMap { [key] = asked } }.Index())
        {
            payload.Add("images", new WireMap { ["image"] = WireFixtures.Recipe(4, 4, 1) });
            payload.Add("task_description", "go");
            var frame = new WireMap { ["type"] = "observation", ["payload"] = payload, ["seq"] = (long)i, ["timestamp"] = 0.0 };
            await client.SendAsync(MessageWriter.Write(frame, ArrayForm.TextKeys), WebSocketMessageType.Binary, true, default);
            MessageReader.ReadMap((await Sockets.ReceiveAsync(client)).Bytes)["type"].ShouldBe("action");
        }

        model.Asked.Count.ShouldBe(2);
    }

    [Fact]
    public async Task An_answer_beyond_pythons_limit_is_named_once()
    {
        var rows = Enumerable.Range(0, 70_000).Select(i => new double[] { i, -i }).ToArray();
        using var host = new PolicyHost(new StubModel(_ => rows) { Needs = new() { Horizon = rows.Length } });
        var said = new System.Collections.Concurrent.ConcurrentQueue<string>();
        await using var server = await PolicyServer.StartAsync(host, "openpi", 0, new ServerOptions { Say = said.Enqueue });
        await using var client = await OpenPiClient.ConnectAsync(server.Address);
        (await client.AskAsync(StubModel.Seen())).Count.ShouldBe(rows.Length);
        (await client.AskAsync(StubModel.Seen())).Count.ShouldBe(rows.Length);
        said.Where(s => s.Contains("max_size=None", StringComparison.Ordinal)).ShouldHaveSingleItem().ShouldContain($"{1 << 20}");
    }

    [Fact]
    public async Task Kestrels_own_configuration_makes_it_tls()
    {
        using var folder = new TemporaryFolder();
        using var key = RSA.Create(2048);
        var asked = new CertificateRequest("CN=localhost", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        using var certificate = asked.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        await File.WriteAllBytesAsync(folder["cert.pfx"], certificate.Export(X509ContentType.Pfx, "secret"));
        await File.WriteAllTextAsync(
            folder["tls.json"], $"{{\"Kestrel\": {{\"Certificates\": {{\"Default\": {{\"Path\": \"{folder["cert.pfx"]}\", \"Password\": \"secret\"}}}}}}}}");
        using var host = new PolicyHost(new StubModel());
        await using var server = await PolicyServer.StartAsync(host, "openpi", 0, new ServerOptions { KestrelFile = folder["tls.json"] });
        server.Address.Scheme.ShouldBe("wss");
        using var client = new ClientWebSocket();
        client.Options.RemoteCertificateValidationCallback = (_, shown, _, _) => shown!.GetCertHashString() == certificate.GetCertHashString();
        await client.ConnectAsync(server.Address, default);
        (await Sockets.ReceiveAsync(client)).Type.ShouldBe(WebSocketMessageType.Binary);
        var missing = await Should.ThrowAsync<VitrineException>(
            PolicyServer.StartAsync(host, "openpi", 0, new ServerOptions { KestrelFile = folder["none.json"] }));
        missing.Message.ShouldContain("none.json");
    }

    private static async Task<ClientWebSocket> ConnectAsync(IProtocolServer server)
    {
        var client = new ClientWebSocket();
        await client.ConnectAsync(server.Address, default);
        (await Sockets.ReceiveAsync(client)).Type.ShouldBe(WebSocketMessageType.Binary);
        return client;
    }

    private static async Task UntilAsync(Func<bool> holds)
    {
        for (var i = 0; i < 3000 && !holds(); i++)
        {
            await Task.Delay(10);
        }

        holds().ShouldBeTrue();
    }
}
