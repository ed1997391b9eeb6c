using System.CommandLine;
using System.Globalization;
using Vitrine.Checkpoints;
using Vitrine.Inputs.Pictures;
using Vitrine.Policies;
using Vitrine.Transformers;

namespace Vitrine.Cli.Commands;

/// <summary>What <c>vitrine image</c> and <c>vitrine classify</c> are asked alike.</summary>
internal sealed class PictureOptions
{
    private const int LargestScale = 16;

    private readonly Argument<string> model = ModelArgument.Image();
    private readonly Argument<string> picture = new("PICTURE") { Description = "A PNG or JPEG file." };
    private readonly Option<string?> tower = new("--tower") { Description = "Which image tower of a policy: dino or siglip; the first by default." };
    private readonly Option<string?> output = new("--out") { Description = "Folder for page.html, data.json and the maps as PNG files." };
    private readonly Option<int> scale = new("--scale")
    {
        Description = "Pixels of a PNG map for each pixel that the model sees.",
        DefaultValueFactory = _ => 2,
    };
    private readonly DeviceOption device = DeviceOption.Create();
    private readonly NonFiniteOption allowed = NonFiniteOption.Create();
    private readonly Option<bool> json = Output.JsonOption();

    /// <summary>Adds the options to a command.</summary>
    public void AddTo(Command command)
    {
        command.Add(model);
        command.Add(picture);
        command.Add(tower);
        command.Add(output);
        command.Add(scale);
        command.Add(device);
        command.Add(allowed);
        command.Add(json);
    }

    /// <summary>Whether JSON is printed.</summary>
    public bool IsJson(ParseResult parsed) => parsed.GetValue(json);

    /// <summary>The folder to write; null for none.</summary>
    public string? Folder(ParseResult parsed) => parsed.GetValue(output);

    /// <summary>Pixels of a PNG map for each pixel of the picture.</summary>
    /// <exception cref="VitrineException">Out of bounds.</exception>
    public int Scale(ParseResult parsed)
        => parsed.GetValue(scale) is >= 1 and <= LargestScale and var s
            ? s
            : throw new VitrineException($"--scale is {parsed.GetValue(scale)}; expected 1 to {LargestScale}.");

    /// <summary>The command line without the path of the program.</summary>
    public string CommandLine(string verb, ParseResult parsed) => PageMade.CommandLine(verb, parsed);

    /// <summary>Opens model and picture, when it is sure that the result can be written.</summary>
    public (VisionModel Model, PictureInput Input, string File) Open(ParseResult parsed)
    {
        if (Folder(parsed) is { } folder)
        {
            if (Directory.Exists(folder))
            {
                AtomicFile.RequireFolder(folder);
            }
            else
            {
                AtomicFile.RequireWritable(folder);
            }
        }

        var file = parsed.GetValue(picture)!;
        var seen = PictureFile.Read(file, upright: true);
        var opened = ImageEncoder.Open(parsed.GetValue(model)!, parsed.GetValue(tower), allowed.Over(device.ModelOptionsOf(parsed), parsed));
        try
        {
            return (opened, opened.Prepare(seen), file);
        }
        catch
        {
            opened.Dispose();
            throw;
        }
    }

    /// <summary>A number with its sign.</summary>
    public static string Signed(double value) => double.IsFinite(value) ? value.ToString("+0.000;-0.000;0.000", CultureInfo.InvariantCulture) : "-";

    /// <summary>A number.</summary>
    public static string Plain(double value) => value.ToString("0.000", CultureInfo.InvariantCulture);

    /// <summary>A share; a dash where there is none.</summary>
    public static string Share(double? value) => value?.ToString("0.0 %", CultureInfo.InvariantCulture) ?? "-";
}
