using System.CommandLine;
using Vitrine.Serving.Fit;
using Vitrine.Serving.Protocols;
using Vitrine.Transformers;

namespace Vitrine.Cli.Commands;

/// <summary>What a policy and its clients call things, and how actions travel: shared by <c>serve</c> and <c>check-fit</c>.</summary>
internal sealed class ServingOptions
{
    private readonly Option<string[]> cameras = new("--camera")
    {
        Description = "Which of the client's pictures is a camera of the policy, CAMERA=PICTURE; may be repeated.",
    };

    private readonly Option<string?> state = new("--state")
    {
        Description = "The client's vectors that make the state, in order, e.g. joint_position,gripper_position.",
    };

    private readonly Option<string?> instruction = new("--instruction") { Description = "What the robot is asked to do where a client does not say it." };
    private readonly Option<int?> horizon = new("--horizon") { Description = "Rows of a chunk that are sent at most; all by default." };

    private readonly Option<bool> strict = new("--strict") { Description = "Refuse what would have to be guessed about names." };

    /// <summary>Adds the options.</summary>
    public void AddTo(Command command)
    {
        foreach (var option in (Option[])[cameras, state, instruction, horizon, strict])
        {
            command.Add(option);
        }
    }

    /// <summary>Rows of a chunk that are sent.</summary>
    /// <exception cref="VitrineException">There would be none.</exception>
    public int? Horizon(ParseResult parsed)
        => parsed.GetValue(horizon) is not { } rows || rows > 0 ? parsed.GetValue(horizon)
            : throw new VitrineException($"--horizon is {rows}; expected at least 1.");

    /// <summary>What the user says about names.</summary>
    /// <exception cref="VitrineException">A camera is no CAMERA=PICTURE, or is named twice.</exception>
    public NameMap Names(ParseResult parsed)
    {
        var map = new Dictionary<string, string>();
        foreach (var text in parsed.GetValue(cameras) ?? [])
        {
            if (text.Split('=') is not [{ Length: > 0 } camera, { Length: > 0 } picture] || !map.TryAdd(camera, picture))
            {
                throw new VitrineException($"--camera is '{text}'; expected each camera of the policy once, CAMERA=PICTURE such as image=observation/image.");
            }
        }

        return new NameMap
        {
            Cameras = map,
            State = Output.List(parsed.GetValue(state) is { } vectors ? [vectors] : null),
            Instruction = parsed.GetValue(instruction),
            Strict = parsed.GetValue(strict),
        };
    }

    /// <summary>Reads <c>[STACK.]LAYER:INDEX,...</c>, all of one stack.</summary>
    /// <exception cref="VitrineException">It is no list of neurons of one stack.</exception>
    public static NeuronSet? Neurons(string? text)
        => text is null ? null : EditText.Neurons(text, text, "--watch", "neurons of one stack, such as 5:111,5:130 or expert.3:17");

    /// <summary>Reads <c>PROTOCOL</c> or <c>PROTOCOL:PORT</c>.</summary>
    /// <exception cref="VitrineException">There is no such protocol, or no such port.</exception>
    public static (string Protocol, int Port) Protocol(string text)
    {
        var colon = text.IndexOf(':', StringComparison.Ordinal);
        var name = colon < 0 ? text : text[..colon];
        var usual = PolicyServer.PortOf(name);
        var chosen = colon < 0 ? usual : NeuronText.Whole(text[(colon + 1)..]) ?? -1;
        return chosen is >= 0 and <= 65535 ? (name, chosen)
            : throw new VitrineException($"--protocol is '{text}'; expected {name} or {name}:PORT, with a port up to 65535.");
    }
}
