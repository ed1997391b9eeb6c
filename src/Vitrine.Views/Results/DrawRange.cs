namespace Vitrine.Views;

/// <summary>The smallest and largest mean among the draws of a random control.</summary>
/// <param name="Low">The smallest mean of a draw.</param>
/// <param name="High">The largest mean of a draw.</param>
/// <param name="Draws">How many draws were made.</param>
public sealed record DrawRange(double Low, double High, int Draws)
{
    /// <summary>Whether the range can be drawn.</summary>
    public bool IsFinite => double.IsFinite(Low) && double.IsFinite(High);
}
