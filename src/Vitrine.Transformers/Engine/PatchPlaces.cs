namespace Vitrine.Transformers.Engine;

/// <summary>What the tokens of a tower show that reads pictures as one sequence: its points are in this order.</summary>
/// <param name="Tokens">For each token its picture, and row and column of its patch there.</param>
/// <param name="Windows">How many tokens behind each other see themselves alone in blocks that look through windows; whole pictures where none does.</param>
public sealed record PatchPlaces(IReadOnlyList<(int Picture, int Row, int Column)> Tokens, IReadOnlyList<int> Windows);
