using Vitrine.Worlds.Studies;

namespace Vitrine.Views;

/// <summary>One plain sentence about what a run showed or did not show. Words between asterisks are set in italics.</summary>
/// <param name="Text">The sentence.</param>
/// <param name="Class">What was found; null for what is neither, as a limit of the study.</param>
public sealed record Statement(string Text, VerdictClass? Class = null)
{
    /// <summary>The numbers that it rests on, a line each.</summary>
    public IReadOnlyList<string> Evidence { get; init; } = [];
}
