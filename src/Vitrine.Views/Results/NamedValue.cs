namespace Vitrine.Views;

/// <summary>One line of a small table: a headline number, a seed, a version.</summary>
/// <param name="Name">What it is.</param>
/// <param name="Value">Its value, ready to print.</param>
public sealed record NamedValue(string Name, string Value);
