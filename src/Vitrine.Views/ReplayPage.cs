using Vitrine.Views.Drawing;

namespace Vitrine.Views;

/// <summary>A recorded episode beside what would have been, as an HTML file that needs nothing beside it.</summary>
public static class ReplayPage
{
    /// <summary>The page as text.</summary>
    /// <param name="pair">The episode as recorded, and with the change.</param>
    /// <param name="made">How to make it again.</param>
    public static string Render(EpisodePair pair, Provenance made)
    {
        ArgumentNullException.ThrowIfNull(pair);
        ArgumentNullException.ThrowIfNull(made);
        var page = new Markup();
        PageFrame.Section[] sections = [new("paths", "Both paths", "Both paths", () => new EpisodePlayer(pair).Write(page))];
        return PageFrame.Render(
            page, "What if the edit began *here*?", "One layout, the same sensor noise: the recorded episode, and the same beginning under another condition.",
            [], sections, made, Report.StyleSheet, Report.Script);
    }
}
