using System.CommandLine;
using Vitrine.Worlds;
using Vitrine.Worlds.Tabletop;

namespace Vitrine.Cli.Commands;

/// <summary>The <c>--world</c> option: a world by name, with options behind a colon.</summary>
internal static class WorldOption
{
    public static Option<string> Create(string? further = null) => new("--world")
    {
        Description = $"World and options, e.g. tabletop:distractors=2,light=.8. Options: {string.Join(", ", TabletopOptions.Family.Options.Keys)}."
            + further,
        DefaultValueFactory = _ => TabletopOptions.Family.Name,
    };

    /// <summary>What was named, with what other options of the command say.</summary>
    /// <exception cref="VitrineException">It is named wrongly, or an option is set twice.</exception>
    public static (string Name, Dictionary<string, string> Settings) Of(string text, params (string Option, string? Value, string Switch)[] others)
    {
        var (name, options) = WorldRegistry.Parse(text);
        var settings = options.ToDictionary();
        foreach (var (option, value, @switch) in others.Where(o => o.Value is not null))
        {
            if (!settings.TryAdd(option, value!))
            {
                throw new VitrineException($"--world sets '{option}', and so does {@switch}; name it once.");
            }
        }

        return (name, settings);
    }
}
