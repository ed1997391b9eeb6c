using System.CommandLine;
using Vitrine.Inputs.Pictures;

namespace Vitrine.Cli.Commands;

/// <summary><c>--image FILE...</c>: the pictures of a prompt, in the order of their placeholders.</summary>
internal sealed class PicturesOption() : Option<string[]>("--image")
{
    /// <summary>The option.</summary>
    public static PicturesOption Create() => new()
    {
        Description = "A PNG or JPEG file that the prompt shows, for models that see; repeat it for several, in the order of their placeholders in the prompt.",
        AllowMultipleArgumentsPerToken = true,
    };

    /// <summary>The pictures; none where none is named.</summary>
    /// <exception cref="VitrineException">A file is no picture.</exception>
    public IReadOnlyList<Picture> Read(ParseResult parsed) => [.. (parsed.GetValue(this) ?? []).Select(file => PictureFile.Read(file, upright: true))];
}
