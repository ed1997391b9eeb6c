using System.CommandLine;
using System.Globalization;
using Vitrine.Inputs.Pictures;
using Vitrine.Policies;

namespace Vitrine.Cli.Commands;

/// <summary>What a policy is shown in one act: pictures, an instruction, a state, and the noise that it starts from.</summary>
internal sealed class ObservationOptions
{
    private readonly Argument<string> picture = new("PICTURE")
    {
        Description = "A PNG or JPEG file; CAMERA=FILE where the policy has several cameras.",
    };

    private readonly Argument<string> instruction = new("INSTRUCTION") { Description = "What the robot is asked to do." };
    private readonly Argument<string[]>? words;
    private readonly Option<string[]> cameras = new("--camera") { Description = "A further camera's picture, CAMERA=FILE; may be repeated." };
    private readonly Option<string?> state = new("--state") { Description = "What the robot measures of itself, e.g. 0.5,0.2,0.8,1." };
    private readonly Option<string?> noise = new("--noise")
    {
        Description = "Where a flow policy starts: a seed (0 by default), or a file with one tensor of the chunk's rows and columns.",
    };

    /// <param name="words">Holds picture and instruction, for verbs that read other things too; null for arguments of their own.</param>
    public ObservationOptions(Argument<string[]>? words = null) => this.words = words;

    /// <summary>All but picture and instruction.</summary>
    public IReadOnlyList<Option> Further => [cameras, state, noise];

    /// <summary>Those that say what is seen beside the picture.</summary>
    public Option[] OfPicture => [cameras, state];

    /// <summary>Adds the options to a command.</summary>
    /// <param name="command">Where to.</param>
    /// <param name="optional">Whether the command does without an observation, for models that are no policies.</param>
    public void AddTo(Command command, bool optional = false)
    {
        if (optional)
        {
            (picture.Arity, instruction.Arity) = (ArgumentArity.ZeroOrOne, ArgumentArity.ZeroOrOne);
        }

        foreach (var argument in words is null ? (Argument[])[picture, instruction] : [words])
        {
            command.Add(argument);
        }

        command.Add(cameras);
        command.Add(state);
        command.Add(noise);
    }

    /// <summary>Whether an observation, or a part of one, was given.</summary>
    public bool IsGiven(ParseResult parsed) => parsed.GetValue(picture) is not null;

    /// <summary>What is seen.</summary>
    /// <exception cref="VitrineException">A picture cannot be read, a camera has no name or is given twice, or the state is no list of numbers.</exception>
    public Observation Observation(ParseResult parsed)
    {
        if (words is null && (parsed.GetValue(picture) is null || parsed.GetValue(instruction) is null))
        {
            throw new VitrineException(
                $"{parsed.CommandResult.Command.Name}: a policy is shown a picture and told an instruction; give both, PICTURE \"INSTRUCTION\".");
        }

        var pictures = new Dictionary<string, Picture>();
        string[] given = words is null ? [parsed.GetValue(picture)!, parsed.GetValue(instruction)!] : parsed.GetValue(words)!;
        var (seen, told) = (given[0], given[1]);
        foreach (var (camera, file) in parsed.GetValue(cameras)!.Select(Camera).Prepend(First(seen)))
        {
            if (!File.Exists(file) && File.Exists(told))
            {
                throw new VitrineException($"act: '{told}' is a file and '{file}' is none; the picture stands before the instruction.");
            }

            if (!pictures.TryAdd(camera, PictureFile.Read(file)))
            {
                throw new VitrineException($"--camera: the camera '{camera}' is given twice.");
            }
        }

        return new Observation(pictures, told)
        {
            State = parsed.GetValue(state) is { } numbers ? new Dictionary<string, StateVector> { ["state"] = new(Numbers(numbers)) } : [],
        };
    }

    /// <summary>Where the act starts; null for the policy's own.</summary>
    /// <exception cref="VitrineException">It is neither a seed nor a file with one tensor.</exception>
    public ActNoise? Noise(ParseResult parsed) => parsed.GetValue(noise) switch
    {
        null => null,
        { } seed when long.TryParse(seed, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) => ActNoise.OfSeed(number),
        { } file when File.Exists(file) => ActNoise.Load(file),
        { } other => throw new VitrineException($"--noise is '{other}'; expected a whole number or a file with one tensor."),
    };

    /// <remarks>A file whose own name has an equals sign is a file.</remarks>
    private static (string Camera, string File) First(string text)
        => !File.Exists(text) && text.Split('=', 2) is [{ Length: > 0 } camera, var file] ? (camera, file) : (Policies.Observation.OnlyCamera, text);

    private static (string Camera, string File) Camera(string text)
        => text.Split('=', 2) is [{ Length: > 0 } camera, { Length: > 0 } file]
            ? (camera, file)
            : throw new VitrineException($"--camera is '{text}'; expected CAMERA=FILE.");

    private static double[] Numbers(string text)
        => [.. text.Split([',', ' '], StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).Select(part =>
            double.TryParse(part, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) && double.IsFinite(number)
                ? number
                : throw new VitrineException($"--state is '{text}'; '{part}' is no number. Expected e.g. 0.5,0.2,0.8,1."))];
}
