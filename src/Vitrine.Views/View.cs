using Vitrine.Views.Drawing;

namespace Vitrine.Views;

/// <summary>A result as a picture. Each is made once and shown alike by command, report and studio.</summary>
public abstract class View
{
    /// <summary>The view as HTML with inline SVG; it is styled by <see cref="Report.StyleSheet"/>.</summary>
    public string Render()
    {
        var page = new Markup();
        Write(page);
        return page.ToString();
    }

    /// <summary>Writes the view into a page.</summary>
    internal abstract void Write(Markup page);
}
