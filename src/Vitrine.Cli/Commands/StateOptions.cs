using System.CommandLine;
using Vitrine.Policies;
using Vitrine.Worlds;

namespace Vitrine.Cli.Commands;

/// <summary>Where the situations of a one-decision experiment come from: a world, a folder of pictures, or a file of observations.</summary>
internal sealed class StateOptions
{
    private readonly Option<string?> world = new("--world")
    {
        Description = $"Draw the situations from this world: {string.Join(", ", StateSource.Worlds)}, with options as tabletop:adverbs=false. "
            + "The default for a policy that was trained in it.",
    };
    private readonly Option<string?> pictures = new("--pictures") { Description = "Folder of PNG and JPEG files to decide on instead; with --instruction." };
    private readonly Option<string?> instruction = new("--instruction") { Description = "With --pictures: what the robot is asked to do." };
    private readonly Option<string?> observations = new("--observations")
    {
        Description = """JSON list of {"cameras": {"image": "a.png"}, "instruction": "...", "state": {"joints": [0.1]}} to decide on instead.""",
    };

    private readonly Option<int?> states;

    /// <param name="drawn">How many situations are drawn of a world where no number is given.</param>
    /// <param name="hasShort">Whether <c>-n</c> says how many, too.</param>
    public StateOptions(int drawn, bool hasShort = true) => states = new Option<int?>("--states", hasShort ? ["-n"] : [])
    {
        Description = $"Situations: {drawn} of a world, all of a folder or a file by default.",
    };

    /// <summary>What <c>--pictures</c> is for, where it is another thing than situations too.</summary>
    public string PicturesAre
    {
        init => pictures.Description = value;
    }

    /// <summary>The options of situations alone, without the folder of pictures and the seed.</summary>
    public IReadOnlyList<Option> OfSituations => [world, instruction, observations, states];

    /// <summary><c>--pictures</c> itself.</summary>
    public Option PicturesOption => pictures;

    /// <summary>The folder of <c>--pictures</c>; null where none is named.</summary>
    public string? Pictures(ParseResult parsed) => parsed.GetValue(pictures);

    /// <summary>Decides what a world draws.</summary>
    public Option<ulong> Seed { get; } = new("--seed") { Description = "Decides what is drawn.", DefaultValueFactory = _ => 1 };

    /// <summary>Adds the options to a command.</summary>
    public void AddTo(Command command)
    {
        foreach (var option in new Option[] { world, pictures, instruction, observations, states, Seed })
        {
            command.Add(option);
        }
    }

    /// <summary>How many are wanted; null where nothing was said.</summary>
    /// <exception cref="VitrineException">Less than one.</exception>
    public int? Count(ParseResult parsed)
        => parsed.GetValue(states) is < 1 and var count ? throw new VitrineException($"--states is {count}; expected at least 1.") : parsed.GetValue(states);

    /// <summary>The source.</summary>
    /// <exception cref="VitrineException">Several are named, or none for a policy that fits no world; or a file is broken.</exception>
    public StateSource Source(ParseResult parsed, Policy policy)
    {
        var (folder, words, file) = (parsed.GetValue(pictures), parsed.GetValue(instruction), parsed.GetValue(observations));
        (string Option, string? Value)[] sources = [("--world", parsed.GetValue(world)), ("--pictures", folder), ("--observations", file)];
        string[] named = [.. sources.Where(s => s.Value is not null).Select(s => s.Option)];
        if (named.Length > 1)
        {
            throw new VitrineException($"states: {string.Join(" and ", named)} are named; expected one of them.");
        }

        if ((folder is null) != (words is null))
        {
            throw new VitrineException($"states: {(folder is null ? "--instruction goes with --pictures DIR" : "--pictures needs --instruction \"...\"")}.");
        }

        if (words is not null)
        {
            Instructions.WarnOfUnknown(policy, words);
        }

        return folder is not null ? StateSource.Of(Observations.OfPictures(folder, words!))
            : file is not null ? StateSource.Of(Observations.Read(file))
            : StateSource.OfWorld(parsed.GetValue(world) ?? StateSource.WorldOf(policy) ?? throw NoSource(policy), parsed.GetValue(Seed));
    }

    private static VitrineException NoSource(Policy policy) => new(
        $"{policy.Name}: was trained in no world of this version; name the situations with --pictures DIR --instruction \"...\", --observations FILE.json "
        + $"or --world {StateSource.Worlds[0]}.");
}
