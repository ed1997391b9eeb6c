using Vitrine.Checkpoints;

namespace Vitrine.Policies;

/// <summary>Finds the folder that a user means by a policy's name.</summary>
public static class PolicyFolder
{
    private const string Scheme = "embedded:";

    /// <summary>Policies that come with Vitrine.</summary>
    public static IReadOnlyList<string> Embedded { get; } = [.. Directory.Exists(Home) ? Directory.GetDirectories(Home).Select(d => Scheme + Path.GetFileName(d)).Order(StringComparer.Ordinal) : Enumerable.Empty<string>()];

    private static string Home => Path.Combine(AppContext.BaseDirectory, "embedded");

    /// <summary>Whether a name can only mean a policy that comes with Vitrine.</summary>
    public static bool IsEmbedded(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        return name.StartsWith(Scheme, StringComparison.Ordinal);
    }

    /// <summary>The embedded policy that a misspelled name most likely means; null for none.</summary>
    public static string? Meant(string name) => Embedded.FirstOrDefault(e => Nearest.Close(name, [e, e[Scheme.Length..]]) is not null);

    /// <summary>The folder of a policy.</summary>
    /// <param name="name">A folder, ORG/NAME in the local Hugging Face cache, or <c>embedded:tabletop</c>.</param>
    /// <exception cref="VitrineException">There is no such folder; the nearest is named. Nothing is downloaded.</exception>
    public static string Resolve(string name)
    {
        if (IsEmbedded(name))
        {
            return Embedded.Contains(name)
                ? Path.Combine(Home, name[Scheme.Length..])
                : throw new VitrineException($"{name}: there is no such embedded policy; the nearest is '{Nearest.Of(name, Embedded)}'.");
        }

        if (Directory.Exists(name))
        {
            return name;
        }

        if (Meant(name) is { } embedded)
        {
            throw new VitrineException($"{name}: there is no such folder; the nearest policy is '{embedded}'.");
        }

        var location = ModelLocation.Resolve(name);
        return location.GgufFile is null ? location.Folder : throw new VitrineException($"{name}: is a text model's file; expected a policy's folder, ORG/NAME, or one of {string.Join(", ", Embedded)}.");
    }
}
