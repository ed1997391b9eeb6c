using System.Security.Cryptography;
using System.Text;
using Vitrine.Views.Drawing;

namespace Vitrine.Views;

/// <summary>How every page begins: one file that asks nothing of a network.</summary>
internal static class PageHead
{
    /// <summary>Opens the page and writes its head; <c>html</c> stays open.</summary>
    /// <param name="page">Empty so far.</param>
    /// <param name="title">In plain words.</param>
    /// <param name="styles">The style sheet.</param>
    /// <param name="script">The page's only script; null for none.</param>
    /// <remarks>The policy forbids every request and every script but our own, so that even markup from hostile data could do nothing.</remarks>
    public static void Write(Markup page, string title, string styles, string? script)
    {
        var allowed = script is null ? "" : $"; script-src 'sha256-{Convert.ToBase64String(SHA256.HashData(Encoding.UTF8.GetBytes(script)))}'";
        page.Open("html", ("lang", "en")).Open("head").Leaf("meta", ("charset", "utf-8"))
            .Leaf("meta", ("name", "viewport"), ("content", "width=device-width, initial-scale=1"))
            .Leaf("meta", ("http-equiv", "Content-Security-Policy"),
                ("content", $"default-src 'none'; img-src data:; style-src 'unsafe-inline'{allowed}; base-uri 'none'; form-action 'none'"))
            .Leaf("meta", ("name", "color-scheme"), ("content", "light dark")).Leaf("meta", ("name", "generator"), ("content", "Vitrine"))
            .Text("title", title + " · Vitrine").Open("style").Raw(styles).Close("style").Close("head");
    }

    /// <summary>A view as a page of its own.</summary>
    /// <param name="view">What it shows.</param>
    /// <param name="title">Heading.</param>
    /// <param name="note">What was drawn, and from which model.</param>
    public static string Alone(View view, string title, string note)
    {
        ArgumentNullException.ThrowIfNull(title);
        ArgumentNullException.ThrowIfNull(note);
        var page = new Markup();
        page.Raw("<!doctype html>").Open("html", ("lang", "en")).Open("head").Leaf("meta", ("charset", "utf-8"))
            .Leaf("meta", ("name", "viewport"), ("content", "width=device-width, initial-scale=1"))
            .Text("title", title).Open("style").Raw(Report.StyleSheet).Close("style").Close("head").Open("body").Open("main").Text("h1", title)
            .Text("p", note, ("class", "lead"));
        view.Write(page);
        page.Close("main").Close("body").Close("html");
        return page.ToString();
    }
}
