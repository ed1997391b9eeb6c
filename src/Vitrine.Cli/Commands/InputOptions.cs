using System.CommandLine;
using Vitrine.Policies;
using Vitrine.Worlds;

namespace Vitrine.Cli.Commands;

/// <summary>What a verb of text models and policies alike is given to read: a prompt, or an observation.</summary>
internal sealed class InputOptions
{
    private readonly Argument<string[]> words = new("INPUT")
    {
        Description = """A text model's prompt, in quotes; a policy's PICTURE "INSTRUCTION", as 'vitrine act' takes them, or nothing: a state of its world.""",
        Arity = new ArgumentArity(0, 2),
    };

    private readonly ObservationOptions seen;
    private readonly Option<string?> units = UnitsOption.Create();
    private readonly Option<ulong> seed;

    /// <param name="seed">Decides, where a policy is given nothing, which state of its world it sees.</param>
    public InputOptions(Option<ulong> seed) => (seen, this.seed) = (new ObservationOptions(words), seed);

    /// <summary>Adds the argument and the options to a command.</summary>
    public void AddTo(Command command)
    {
        seen.AddTo(command);
        command.Add(units);
    }

    /// <summary>What a text model reads.</summary>
    /// <param name="parsed">The command line.</param>
    /// <param name="name">Of the model.</param>
    /// <exception cref="VitrineException">There is no prompt, or more than one, or an option of policies is given.</exception>
    public string Prompt(ParseResult parsed, string name)
    {
        Refuse(parsed, $"{name} is a text model; policies take it", [.. seen.Further, units]);
        return parsed.GetValue(words) is [var prompt]
            ? prompt
            : throw new VitrineException($"{name}: is a text model; expected one prompt in quotes, found {parsed.GetValue(words)!.Length} texts.");
    }

    /// <summary>What a policy sees, and where it starts.</summary>
    /// <param name="parsed">The command line.</param>
    /// <param name="policy">The policy.</param>
    /// <param name="ofTexts">Options that mean something for text models alone.</param>
    /// <exception cref="VitrineException">
    /// The observation is refused, nothing is given to a policy that was trained in no world of this version, or an option of text models is given.
    /// </exception>
    public (Observation Seen, ActNoise? Noise) Observation(ParseResult parsed, Policy policy, params Option[] ofTexts)
    {
        Refuse(parsed, $"{policy.Name} is a policy; text models take it", ofTexts);
        switch (parsed.GetValue(words))
        {
            case []:
                Refuse(parsed, "it goes with PICTURE \"INSTRUCTION\"", seen.OfPicture);
                var world = StateSource.WorldOf(policy) ?? throw new VitrineException(
                    $"{policy.Name}: was trained in no world of this version; expected PICTURE \"INSTRUCTION\", as 'vitrine act' takes them.");
                return (StateSource.OfWorld(world, parsed.GetValue(seed)).ForTest(1)[0], seen.Noise(parsed));
            case [var one]:
                throw new VitrineException($"{policy.Name}: is a policy; expected PICTURE \"INSTRUCTION\", or nothing, found '{one}' alone.");
            default:
                var given = seen.Observation(parsed);
                Instructions.WarnOfUnknown(policy, given.Instruction);
                return (given, seen.Noise(parsed));
        }
    }

    /// <summary>Whose units a policy answers in.</summary>
    public string? Units(ParseResult parsed) => parsed.GetValue(units);

    private static void Refuse(ParseResult parsed, string why, params Option[] options)
    {
        if (Array.Find(options, o => parsed.GetResult(o) is { Implicit: false }) is { } given)
        {
            throw new VitrineException($"{given.Name}: {why}.");
        }
    }
}
