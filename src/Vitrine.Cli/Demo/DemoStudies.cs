using Vitrine.Worlds.Studies.Files;

namespace Vitrine.Cli.Demo;

/// <summary>The study files that come along: what the demo runs in closed loop.</summary>
internal static class DemoStudies
{
    /// <summary>A file by its name, at the size that is asked for.</summary>
    /// <param name="name">As in the folder <c>Studies</c>, without its extension.</param>
    /// <param name="size">Of the demo; at its defaults the file is as it ships.</param>
    public static StudyFile Of(string name, DemoSize size)
    {
        var file = StudyFile.Parse(Text(name), $"{name}.yaml");
        return file with
        {
            Layouts = (int)Math.Ceiling(size.Layouts / (double)file.Tasks.Count),
            Steps = size.Steps,
            Seed = size.Seed,
            States = size.States,
            Draws = size.Draws,
        };
    }

    /// <summary>The text of a file.</summary>
    public static string Text(string name)
    {
        using var stream = typeof(DemoStudies).Assembly.GetManifestResourceStream($"studies/{name}.yaml")
            ?? throw new InvalidOperationException($"The study {name} is not in the program.");
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }
}
