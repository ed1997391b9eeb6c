using System.Net;
using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Http;

namespace Vitrine.Serving.Protocols;

/// <summary>Who may come in: a token where the server is not on loopback, and no page of another site anywhere.</summary>
internal static class Door
{
    /// <summary>Refuses a server that others can reach and that asks for nothing.</summary>
    /// <exception cref="VitrineException">The address is no address, or not loopback and there is no token.</exception>
    public static IPAddress Require(ServerOptions options)
    {
        var address = options.Host == "localhost" ? IPAddress.Loopback
            : IPAddress.TryParse(options.Host, out var parsed) ? parsed
            : throw new VitrineException($"serve: '{options.Host}' is no address to listen at; give one such as 127.0.0.1 or 0.0.0.0.");
        return IPAddress.IsLoopback(address) || options.Token is { Length: >= 16 }
            ? address
            : throw new VitrineException($"serve: {options.Host} can be reached from other machines; give a token of at least 16 characters.");
    }

    /// <summary>Whether a client's token is the server's; takes as long whichever character differs.</summary>
    public static bool IsToken(string expected, string? given)
        => given is not null
            && CryptographicOperations.FixedTimeEquals(SHA256.HashData(Encoding.UTF8.GetBytes(expected)), SHA256.HashData(Encoding.UTF8.GetBytes(given)));

    /// <summary>Why a request may not come in; null where it may.</summary>
    public static (int Status, string Why)? Refusal(HttpContext context, ServerOptions options)
    {
        var (request, loopback) = (context.Request, context.Connection.LocalIpAddress is { } local && IPAddress.IsLoopback(local));
        if (request.Headers.Origin.ToString() is { Length: > 0 } origin
            && !(Uri.TryCreate(origin, UriKind.Absolute, out var page) && (page.IsLoopback || page.Authority == request.Host.Value)))
        {
            return (StatusCodes.Status403Forbidden, $"a page of {origin} may not speak to this server");
        }

        if (loopback && options.Token is null && !IsLoopbackName(request.Host.Host))
        {
            return (StatusCodes.Status403Forbidden, $"'{request.Host.Host}' is no name of this machine's loopback");
        }

        return options.Token is not { } token || IsToken(token, Given(request)) ? null : (StatusCodes.Status401Unauthorized, "the token is missing or wrong");
    }

    private static bool IsLoopbackName(string host)
        => host == "localhost" || (IPAddress.TryParse(host.Trim('[', ']'), out var address) && IPAddress.IsLoopback(address));

    /// <summary>openpi's <c>Api-Key</c>, a bearer token, or a part of the address for clients that can send no header.</summary>
    private static string? Given(HttpRequest request)
    {
        var said = request.Headers.Authorization.ToString();
        foreach (var scheme in (string[])["Api-Key ", "Bearer "])
        {
            if (said.StartsWith(scheme, StringComparison.OrdinalIgnoreCase))
            {
                return said[scheme.Length..].Trim();
            }
        }

        return request.Query["token"] is [var token] ? token : null;
    }
}
