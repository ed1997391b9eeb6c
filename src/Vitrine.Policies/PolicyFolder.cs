using Vitrine.Transformers.Points;

namespace Vitrine.Policies;

/// <summary>Finds the folder that a user means by a policy's name.</summary>
public static class PolicyFolder
{
    private const string Scheme = "embedded:";

    /// <summary>Policies that come with Vitrine.</summary>
    public static IReadOnlyList<string> Embedded { get; } = [.. Directory.Exists(Home) ? Directory.GetDirectories(Home).Select(d => Scheme + Path.GetFileName(d)).Order(StringComparer.Ordinal) : Enumerable.Empty<string>()];

    private static string Home => Path.Combine(AppContext.BaseDirectory, "embedded");

    /// <summary>The folder of a policy.</summary>
    /// <param name="name">A folder, or <c>embedded:tabletop</c>.</param>
    /// <exception cref="VitrineException">There is no such folder; the nearest embedded one is named.</exception>
    public static string Resolve(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        if (name.StartsWith(Scheme, StringComparison.Ordinal))
        {
            return Embedded.Contains(name)
                ? Path.Combine(Home, name[Scheme.Length..])
                : throw new VitrineException($"{name}: there is no such embedded policy; the nearest is '{Nearest.Of(name, Embedded)}'.");
        }

        return Directory.Exists(name) ? name : throw new VitrineException($"{name}: is neither a folder nor an embedded policy ({string.Join(", ", Embedded)}). Nothing is downloaded.");
    }
}
