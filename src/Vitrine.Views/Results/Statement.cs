namespace Vitrine.Views;

/// <summary>One plain sentence about what a run showed or did not show. Words between asterisks are set in italics.</summary>
/// <param name="Text">The sentence.</param>
/// <param name="IsEffect">True: an effect was found. False: it was looked for and not found. Null: neither, as for a limit of the study.</param>
public sealed record Statement(string Text, bool? IsEffect = null);
