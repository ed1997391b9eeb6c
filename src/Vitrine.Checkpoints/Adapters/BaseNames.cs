namespace Vitrine.Checkpoints.Adapters;

/// <summary>Finds a module's tensor in the base's file: saved from a class with a head, or bare, its name has one more part in front or one less.</summary>
internal sealed class BaseNames(IReadOnlyCollection<string> names)
{
    private readonly HashSet<string> all = [.. names];

    /// <returns>The one name that is meant; null where there is none, or more than one.</returns>
    public string? Find(string name)
    {
        if (all.Contains(name))
        {
            return name;
        }

        var near = all.Where(n => n.EndsWith($".{name}", StringComparison.Ordinal) || name.EndsWith($".{n}", StringComparison.Ordinal)).Take(2).ToArray();
        return near is [var only] && Math.Abs(only.Count(c => c == '.') - name.Count(c => c == '.')) == 1 ? only : null;
    }
}
