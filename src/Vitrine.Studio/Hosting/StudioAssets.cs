using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Vitrine.Views;

namespace Vitrine.Studio.Hosting;

/// <summary>What a browser loads beside the pages, all out of the program itself.</summary>
internal static class StudioAssets
{
    /// <summary>Adds them to the addresses that are served.</summary>
    public static void Map(IEndpointRouteBuilder endpoints)
    {
        var (script, styles, own) = (Resource("blazor.web.js"), Report.StyleSheet, Resource("studio.css"));
        var small = Resource("studio.js");
        Serve("/_framework/blazor.web.js", "text/javascript", script);
        Serve("/views.css", "text/css", styles + Report.Resource("picture.css"));
        Serve("/studio.css", "text/css", own);
        Serve("/studio.js", "text/javascript", small);

        void Serve(string path, string type, string text) => endpoints.MapGet(path, () => Results.Text(text, type));
    }

    /// <summary>The text of an embedded file.</summary>
    public static string Resource(string name)
    {
        using var reader = new StreamReader(Stream(name));
        return reader.ReadToEnd();
    }

    /// <summary>An embedded file; the caller's to dispose.</summary>
    public static Stream Stream(string name) => typeof(StudioAssets).Assembly.GetManifestResourceStream(name)
        ?? throw new InvalidOperationException($"The resource {name} is not in {typeof(StudioAssets).Assembly.GetName().Name}.");
}
