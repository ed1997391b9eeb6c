using System.Text.RegularExpressions;
using System.Xml;
using System.Xml.Linq;

namespace Vitrine.Tests.Views;

/// <summary>A page read back strictly: an XML reader refuses unbalanced tags, doubled attributes and forbidden characters.</summary>
internal static partial class RenderedPage
{
    public static XElement Parse(string html)
    {
        html = Style().Replace(html, "<style></style>");
        html = Script().Replace(html, "<script></script>");
        using var reader = XmlReader.Create(new StringReader(html), new XmlReaderSettings { DtdProcessing = DtdProcessing.Ignore });
        return XDocument.Load(reader).Root!;
    }

    public static XElement ParseFragment(string html) => Parse("<div>" + html + "</div>");

    /// <summary>Elements by their name, HTML and SVG alike.</summary>
    public static IEnumerable<XElement> All(this XElement root, string name) => root.DescendantsAndSelf().Where(element => element.Name.LocalName == name);

    /// <summary>All that a page shows or draws, without packed data, in which any letters may follow each other.</summary>
    public static string Shown(string html)
    {
        var root = Parse(html);
        var numbers = root.DescendantsAndSelf().Attributes()
            .Where(a => !a.Value.StartsWith("data:") && a.Name.LocalName is not ("data-values" or "data-largest"));
        return string.Join('\n', root.DescendantNodes().OfType<XText>().Where(text => !text.Parent!.Is("weights")).Select(text => text.Value)
            .Concat(numbers.Select(a => a.Value)));
    }

    public static string Get(this XElement element, string attribute) => (string?)element.Attribute(attribute) ?? "";

    public static double Number(this XElement element, string attribute)
        => double.Parse(element.Get(attribute), System.Globalization.CultureInfo.InvariantCulture);

    public static bool Is(this XElement element, string @class) => element.Get("class").Split(' ').Contains(@class);

    [GeneratedRegex("<style>.*?</style>", RegexOptions.Singleline)]
    private static partial Regex Style();

    [GeneratedRegex("<script>.*?</script>", RegexOptions.Singleline)]
    private static partial Regex Script();
}
