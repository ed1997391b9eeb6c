using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Http;

namespace Vitrine.Studio.Hosting;

/// <summary>Lets in who shows the token: in the address once, in a cookie from then on. Other hosts' names and other origins stay out.</summary>
/// <remarks>
/// A page of another site cannot reach a server on the loopback address without it: its name would not be that of the loopback address (DNS rebinding), a
/// socket would have its own origin, and the cookie is sent to this site alone.
/// </remarks>
internal sealed class Gate(RequestDelegate next, string token)
{
    /// <summary>Of the address's query, and the beginning of the cookie's name.</summary>
    public const string Key = "key";

    private readonly byte[] expected = Encoding.UTF8.GetBytes(token);

    public async Task InvokeAsync(HttpContext context)
    {
        var (request, headers) = (context.Request, context.Response.Headers);
        headers.ContentSecurityPolicy = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; "
            + "font-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'";
        headers["Referrer-Policy"] = "no-referrer";
        headers["X-Content-Type-Options"] = "nosniff";
        if (request.Host.Host is not ("127.0.0.1" or "localhost") || !IsOwnOrigin(request))
        {
            await RefuseAsync(context, "This studio answers at its own address alone.").ConfigureAwait(false);
            return;
        }

        var cookie = $"vitrine-{Key}-{request.Host.Port}";
        if (HttpMethods.IsGet(request.Method) && request.Query.TryGetValue(Key, out var shown))
        {
            if (!IsToken(shown))
            {
                await RefuseAsync(context, "The token in the address is another studio's.").ConfigureAwait(false);
                return;
            }

            context.Response.Cookies.Append(cookie, token, new CookieOptions { HttpOnly = true, SameSite = SameSiteMode.Strict, IsEssential = true });
            var rest = QueryString.Create(request.Query.Where(q => q.Key != Key));
            context.Response.Redirect($"{request.Path}{rest}");
            return;
        }

        if (!IsToken(request.Cookies[cookie]))
        {
            await RefuseAsync(context, "Open the address that 'vitrine studio' printed: it holds the token that lets you in.").ConfigureAwait(false);
            return;
        }

        await next(context).ConfigureAwait(false);
    }

    private static bool IsOwnOrigin(HttpRequest request)
        => request.Headers.Origin is not [{ Length: > 0 } origin] || origin == $"{request.Scheme}://{request.Host}";

    private bool IsToken(string? shown) => shown is not null && CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(shown), expected);

    private static async Task RefuseAsync(HttpContext context, string why)
    {
        context.Response.StatusCode = StatusCodes.Status403Forbidden;
        context.Response.ContentType = "text/plain; charset=utf-8";
        await context.Response.WriteAsync(why + "\n").ConfigureAwait(false);
    }
}
