namespace Vitrine.Mechanisms.Metrics;

/// <summary>Positions that come into a stack together.</summary>
/// <param name="Name">E.g. <c>image</c>, <c>word:quickly</c>, <c>state</c>.</param>
/// <param name="Positions">In the row's own sequence, the same in every row.</param>
internal sealed record TokenGroup(string Name, IReadOnlyList<int> Positions);
