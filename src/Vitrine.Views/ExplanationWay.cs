using Vitrine.Mechanisms.Explaining;
using Vitrine.Views.Drawing;

namespace Vitrine.Views;

/// <summary>The way from what was asked about to what was measured: the parts that were chosen, in order, with what each gives and takes away.</summary>
/// <param name="explanation">Whose way.</param>
public sealed class ExplanationWay(Explanation explanation) : View
{
    private const double Top = 34, BoxHeight = 50, Half = 12;

    /// <summary>Bars stand beside the boxes, or under them where there is no room.</summary>
    private static readonly Layout Wide = new("wide", 640, 300, 86, 340, 210, 10), Narrow = new("narrow", 340, 320, 122, 14, 250, 58);

    private static readonly (ClaimKind Gives, ClaimKind? Takes, string Role)[] Stations =
    [
        (ClaimKind.ReadSufficient, ClaimKind.ReadNecessary, "read from"),
        (ClaimKind.EntersSufficient, ClaimKind.EntersNecessary, "comes in through"),
        (ClaimKind.HeadSufficient, null, "of its heads"),
        (ClaimKind.CarriesSufficient, ClaimKind.CarriesNecessary, "carried by"),
        (ClaimKind.NeuronsSufficient, null, "of its neurons"),
    ];

    internal override void Write(Markup page)
    {
        page.Open("figure");
        Draw(page, Wide);
        Draw(page, Narrow);
        page.Open("figcaption").Open("p", ("class", "legend"))
            .Open("span").Leaf("span", ("class", "key")).Text("gives, put in alone (denoising, sufficient)").Close("span")
            .Open("span").Leaf("span", ("class", "key feedforward-part")).Text("is lost where it is held (noising, necessary)").Close("span")
            .Open("span").Leaf("span", ("class", "key tick")).Text("the control: a random step as far, or random neurons").Close("span")
            .Close("p").Close("figcaption");
        Numbers().WriteFolded(page);
        page.Close("figure");
    }

    private void Draw(Markup page, Layout layout)
    {
        var stations = Stations.Select(s => (s.Role, Gives: Find(s.Gives), Takes: s.Takes is { } takes ? Find(takes) : null))
            .Where(s => s.Gives is not null).ToArray();
        var last = Top + (layout.Pitch * (stations.Length + 1));
        var farthest = stations.Max(s => Math.Max(s.Gives!.Share!.Mean, s.Takes?.Share!.Mean ?? 0));
        var scale = new AxisScale(0, Math.Max(1, farthest), layout.BarLeft, layout.BarLeft + layout.BarWidth);
        page.OpenDrawing(
            $"drawing way {layout.Class}", layout.Width, last + BoxHeight + 10, $"The way of {explanation.With} to {explanation.Metric}",
            string.Join(" ", stations.Select(s => $"{s.Role} {s.Gives!.Place}: gives {Figures.Share(s.Gives.Share)}.")));
        page.Label("small soft", scale.At(1), 20, "the whole effect", "end").Line("zero", scale.At(1), 28, scale.At(1), last - 8);
        Node(page, layout, Top, explanation.With, $"against {explanation.Without}", explanation.Claims[0].IsShown);
        foreach (var (index, (role, gives, takes)) in stations.Index())
        {
            var y = Top + (layout.Pitch * (index + 1));
            var (name, of) = gives!.Place.IndexOf(" of ", StringComparison.Ordinal) is > 0 and var at
                ? (gives.Place[..at], $"{role}, {gives.Place[(at + 1)..]}")
                : (gives.Place, role);
            Arrow(page, layout, y);
            Node(page, layout, y, name, of, gives.IsShown);
            Bar(page, scale, y + layout.BarsBelow, gives, "attention-part");
            if (takes is not null)
            {
                Bar(page, scale, y + layout.BarsBelow + 22, takes, "feedforward-part");
            }
        }

        Arrow(page, layout, last);
        Node(page, layout, last, explanation.Metric, $"changes by {Figures.Change(explanation.Claims[0].Effect)}", explanation.Claims[0].IsShown);
        page.Close("svg");
    }

    private Claim? Find(ClaimKind kind) => explanation.Claims.FirstOrDefault(c => c.Kind == kind);

    private static void Node(Markup page, Layout layout, double y, string name, string role, bool isShown)
        => page.Box(isShown ? "part" : "part unshown", 10, y, layout.BoxWidth, BoxHeight, 8).Label("heading", 24, y + 22, name)
            .Label("small soft", 24, y + 40, role);

    private static void Arrow(Markup page, Layout layout, double y)
    {
        var x = layout == Wide ? 40 : layout.Width - 28;
        page.Line("wire", x, y - (layout.Pitch - BoxHeight), x, y - 4)
            .Leaf("path", ("class", "head"), ("d", FormattableString.Invariant($"M{x - 4} {y - 8} L{x + 4} {y - 8} L{x} {y - 1} Z")));
    }

    private static void Bar(Markup page, AxisScale scale, double y, Claim claim, string part)
    {
        var (from, share) = (scale.At(0), claim.Share!);
        page.Open("g").Box("bar " + part, from, y, scale.At(Math.Max(0, share.Mean)) - from, Half, 2);
        if (claim.Control is { IsFinite: true } control && claim.Effect.Mean != 0)
        {
            var at = scale.At(Math.Clamp(control.Mean / claim.Effect.Mean * share.Mean, 0, scale.High));
            page.Line("shuffled", at, y - 2, at, y + Half + 2);
        }

        page.Label("small", scale.At(Math.Max(0, share.Mean)) + 6, y + Half - 1, Figures.Percent(share.Mean)).Close("g");
    }

    private sealed record Layout(string Class, double Width, double BoxWidth, double Pitch, double BarLeft, double BarWidth, double BarsBelow);

    private NumberTable Numbers()
    {
        var table = new NumberTable("claims", ["claim", "effect", "share of the whole", "control", "p (Holm)", ""]);
        foreach (var claim in explanation.Claims)
        {
            table.Add(
                $"{claim.Name}{(claim.Place.Length > 0 ? $", {claim.Place}" : "")}", Figures.Change(claim.Effect), Figures.Share(claim.Share),
                claim.Control is { IsFinite: true } control ? Figures.Change(control.Mean, Figures.Fine) : Figures.Missing, Figures.Probability(claim.Adjusted),
                claim.IsShown ? "shown" : explanation.IsDescribed ? "described" : "not shown");
        }

        return table;
    }
}
