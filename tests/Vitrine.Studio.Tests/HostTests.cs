using System.Net;

namespace Vitrine.Studio.Tests;

public sealed class HostTests : IAsyncLifetime
{
    private readonly string folder = Path.Combine(Path.GetTempPath(), $"vitrine-host-{Guid.NewGuid():N}");
    private readonly HttpClient client = new(new HttpClientHandler { CookieContainer = new CookieContainer() });
    private StudioHost studio = null!;

    public async ValueTask InitializeAsync() => studio = await StudioHost.StartAsync(new StudioOptions { Models = [Opened.Text], Work = folder });

    public async ValueTask DisposeAsync()
    {
        client.Dispose();
        await studio.DisposeAsync();
    }

    [Theory, InlineData("/"), InlineData("/tour"), InlineData("/_framework/blazor.web.js"), InlineData("/_blazor/negotiate"), InlineData("/studio.css")]
    public async Task Nobody_is_let_in_without_the_token(string path)
        => (await client.GetAsync(new Uri(studio.Address, path))).StatusCode.ShouldBe(HttpStatusCode.Forbidden);

    [Fact]
    public async Task Another_token_is_refused()
        => (await client.GetAsync(new Uri(studio.Address, "?key=0123456789abcdef0123456789abcdef"))).StatusCode.ShouldBe(HttpStatusCode.Forbidden);

    [Fact]
    public async Task With_the_token_everything_comes_from_the_program_itself()
    {
        var page = await client.GetStringAsync(studio.Entrance);
        page.ShouldContain("<html lang=\"en\">");
        page.ShouldNotContain("://");
        foreach (var path in new[] { "_framework/blazor.web.js", "views.css", "studio.css", "studio.js" })
        {
            var text = await client.GetStringAsync(new Uri(studio.Address, path));
            text.Length.ShouldBeGreaterThan(500);
            if (path.EndsWith(".css", StringComparison.Ordinal))
            {
                text.ShouldNotContain("@import");
                text.ShouldNotContain("url(");
            }
        }

        (await client.GetAsync(new Uri(studio.Address, "tour/neuron?neuron=3"))).StatusCode.ShouldBe(HttpStatusCode.OK);
    }

    /// <remarks>What a page of another site could send: its own name for this address, or its own origin with the cookie of a browser.</remarks>
    [Theory, InlineData("Host", "rebound.example"), InlineData("Origin", "http://rebound.example"), InlineData("Origin", "http://127.0.0.1:1")]
    public async Task Other_names_and_origins_stay_out_even_with_the_cookie(string header, string value)
    {
        await client.GetStringAsync(studio.Entrance);
        using var request = new HttpRequestMessage(HttpMethod.Get, studio.Address);
        request.Headers.TryAddWithoutValidation(header, value);
        (await client.SendAsync(request)).StatusCode.ShouldBe(HttpStatusCode.Forbidden);
    }

    [Fact]
    public void It_listens_on_the_loopback_address_alone() => studio.Address.Host.ShouldBe("127.0.0.1");

    [Fact]
    public async Task A_port_that_is_taken_is_told()
        => (await Should.ThrowAsync<VitrineException>(() => StudioHost.StartAsync(new StudioOptions { Port = studio.Address.Port, Work = folder })))
            .Message.ShouldContain("--port");

    [Fact]
    public void A_model_is_opened_once_whatever_blanks_stand_around_its_name()
        => Opened.Models.Open($" {Opened.Speaking} ").ShouldBeSameAs(Opened.Models.Open(Opened.Speaking));

    [Fact]
    public async Task A_model_that_is_not_there_is_named()
        => (await Should.ThrowAsync<VitrineException>(() => StudioHost.StartAsync(new StudioOptions { Models = ["no/such-model"], Work = folder })))
            .Message.ShouldContain("no/such-model");
}
