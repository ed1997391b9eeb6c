namespace Vitrine.Views.Drawing;

/// <summary>How the numbers of a map are printed, by the page's program and by its script alike.</summary>
/// <param name="Form">Plain, a share in per cent, or with a sign.</param>
/// <param name="Decimals">Behind the point.</param>
internal readonly record struct PatchNumber(PatchNumber.Forms Form, int Decimals)
{
    internal enum Forms
    {
        Plain,
        Share,
        Signed,
    }

    public static PatchNumber Plain { get; } = new(Forms.Plain, 3);

    public static PatchNumber Share(int decimals = 1) => new(Forms.Share, decimals);

    public static PatchNumber Signed(int decimals = 3) => new(Forms.Signed, decimals);

    public string Print(double value) => Form switch
    {
        Forms.Share => Figures.Percent(value, Decimals),
        Forms.Signed => Figures.Change(value, Decimals),
        _ => Figures.Plain(value, Decimals),
    };

    /// <summary>The form as an attribute: <c>share 1</c>.</summary>
    public override string ToString() => FormattableString.Invariant($"{Form.ToString().ToLowerInvariant()} {Decimals}");
}
