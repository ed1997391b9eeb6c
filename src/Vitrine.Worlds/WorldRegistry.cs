using Vitrine.Policies;

namespace Vitrine.Worlds;

/// <summary>A kind of world that can be named, with its options: one public type and one of these is all that a world of one's own needs.</summary>
/// <param name="Name">What it is called, e.g. <c>tabletop</c>.</param>
/// <param name="Open">
/// From options to what makes a world for each episode. It refuses options that it does not know, or whose value does not fit, by name.
/// </param>
public sealed record WorldFamily(string Name, Func<WorldSettings, Func<IWorld>> Open)
{
    /// <summary>Its options, in words: name to what it does.</summary>
    public IReadOnlyDictionary<string, string> Options { get; init; } = new Dictionary<string, string>();

    /// <summary>
    /// Draws situations to make edits and doses on, from options, a seed, a split, tasks in turn and a number; episodes as they begin serve where it is null.
    /// </summary>
    public Func<WorldSettings, ulong, LayoutSplit, IReadOnlyList<string>, int, IReadOnlyList<Observation>>? Draw { get; init; }

    /// <summary>Draws situations to calibrate on, varied and of every task, from a seed and a number; those to make edits on serve where it is null.</summary>
    public Func<ulong, int, IReadOnlyList<Observation>>? DrawForCalibration { get; init; }

    /// <summary>Makes worlds under the same options.</summary>
    /// <exception cref="VitrineException">An option is unknown or does not fit; it is named.</exception>
    public Func<IWorld> Of(IReadOnlyDictionary<string, string> options) => Open(new WorldSettings(Name, options, Options));

    internal IReadOnlyList<Observation> Situations(
        IReadOnlyDictionary<string, string> options, ulong seed, LayoutSplit split, IReadOnlyList<string> tasks, int count)
    {
        if (Draw is not null)
        {
            return Draw(new WorldSettings(Name, options, Options), seed, split, tasks, count);
        }

        var newWorld = Of(options);
        return
        [
            .. Enumerable.Range(0, count).Select(i =>
            {
                var world = newWorld();
                world.Reset(new LayoutKey(seed, split, tasks[i % tasks.Count], i / tasks.Count));
                return world.Observe();
            }),
        ];
    }

    internal IReadOnlyList<Observation> ForCalibration(IReadOnlyDictionary<string, string> options, ulong seed, int count)
        => DrawForCalibration is not null ? DrawForCalibration(seed, count) : Situations(options, seed, LayoutSplit.Selection, Of(options)().Tasks, count);
}

/// <summary>Worlds by name.</summary>
public static class WorldRegistry
{
    /// <summary>The worlds of this version.</summary>
    public static IReadOnlyList<WorldFamily> All { get; } = [Tabletop.TabletopOptions.Family];

    /// <summary>Opens a world.</summary>
    /// <param name="name">One of <see cref="All"/>, or of <paramref name="further"/>.</param>
    /// <param name="options">Name to value, as a study file or a command has them; none when null.</param>
    /// <param name="further">Worlds of one's own.</param>
    /// <returns>Makes a world for every episode.</returns>
    /// <exception cref="VitrineException">There is no such world, or an option is unknown or does not fit; it is named.</exception>
    public static Func<IWorld> Open(string name, IReadOnlyDictionary<string, string>? options = null, IReadOnlyList<WorldFamily>? further = null)
    {
        ArgumentNullException.ThrowIfNull(name);
        return Find(name, further).Of(options ?? new Dictionary<string, string>());
    }

    /// <summary>The kind of world of a name.</summary>
    /// <exception cref="VitrineException">There is none; those that there are, are named.</exception>
    internal static WorldFamily Find(string name, IReadOnlyList<WorldFamily>? further = null)
    {
        WorldFamily[] known = [.. further ?? [], .. All];
        return known.FirstOrDefault(f => f.Name == name)
            ?? throw new VitrineException($"world '{name}': there is none; known are {string.Join(", ", known.Select(f => f.Name))}.");
    }

    /// <summary>Opens a world that is written in one line, e.g. <c>tabletop:distractors=2,light=.8</c>.</summary>
    /// <param name="text">The name, then options behind a colon, separated by commas.</param>
    /// <param name="further">Worlds of one's own.</param>
    /// <exception cref="VitrineException">As <see cref="Open(string, IReadOnlyDictionary{string, string}?, IReadOnlyList{WorldFamily}?)"/> says.</exception>
    public static Func<IWorld> OpenText(string text, IReadOnlyList<WorldFamily>? further = null)
    {
        var (name, options) = Parse(text);
        return Open(name, options, further);
    }

    /// <summary>Takes a line apart into a name and options.</summary>
    /// <exception cref="VitrineException">An option has no value, or stands there twice.</exception>
    public static (string Name, IReadOnlyDictionary<string, string> Options) Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var colon = text.IndexOf(':', StringComparison.Ordinal);
        if (colon < 0)
        {
            return (text.Trim(), new Dictionary<string, string>());
        }

        var options = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var part in text[(colon + 1)..].Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            var equals = part.IndexOf('=', StringComparison.Ordinal);
            if (equals <= 0)
            {
                throw new VitrineException($"world '{text}': found '{part}'; expected NAME=VALUE.");
            }

            if (!options.TryAdd(part[..equals].Trim(), part[(equals + 1)..].Trim()))
            {
                throw new VitrineException($"world '{text}': the option '{part[..equals].Trim()}' stands there twice.");
            }
        }

        return (text[..colon].Trim(), options);
    }
}
