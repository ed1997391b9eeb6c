using Vitrine.Mechanisms.Statistics;
using Vitrine.Worlds.Tabletop;

namespace Vitrine.Worlds.Training;

/// <summary>Sentences that keep the words of a token policy alive: plans and captions of a frame, and what words mean.</summary>
internal static class TrainingSentences
{
    private const double UsualWord = .15;

    /// <summary>What is said of a frame behind its picture, and how many of the first words are not to be learnt.</summary>
    /// <param name="frame">Whose state and instructions.</param>
    /// <param name="random">Decides everything.</param>
    public static (string Text, int Given) OfFrame(TrainingFrame frame, RandomStream random)
    {
        if (!random.Chance(.65))
        {
            return (random.Chance(.5) ? OfGripper(frame.State, random) : OfObjects(frame.State, random), 1);
        }

        var asked = frame.Asked.Count == 1 || random.Chance(.46) ? frame.Asked[0] : frame.Asked[1 + random.Below(frame.Asked.Count - 1)];
        var question = $"In: Describe how to {asked.Words} ?Out:";
        return ($"{question} {Plan(frame.State, asked, random)} </s>", question.Split(' ').Length);
    }

    /// <summary>A sentence without a picture.</summary>
    public static string OfWords(RandomStream random)
    {
        var kind = random.NextDouble();
        var concept = TabletopVocabulary.Concepts[random.Below(TabletopVocabulary.Concepts.Count)];
        if (kind < .45)
        {
            return $"{string.Join(' ', random.Shuffled(concept.Words).Take(3))} mean the same </s>";
        }

        if (kind < .60)
        {
            var pair = random.Shuffled(concept.Words);
            return $"the word {pair[0]} means {pair[1]} </s>";
        }

        if (kind < .75 && concept.Opposite is { } opposite)
        {
            return $"the opposite of {Any(concept.Name, random)} is {Any(opposite, random)} </s>";
        }

        return $"the robot moves {Any(random.Chance(.5) ? "fast" : "slow", random)} {Any(Name((Direction)random.Below(6)), random)} "
            + $"{Any(random.Chance(.5) ? "high" : "low", random)} towards the {Any(Name((ObjectColour)random.Below(5)), random)} "
            + $"{Any(Name((ObjectShape)random.Below(3)), random)} </s>";
    }

    private static string Plan(TabletopState state, AskedFrame asked, RandomStream random)
    {
        var action = asked.Chunk[0];
        var largest = Enumerable.Range(0, 3).MaxBy(i => Math.Abs(action[i]));
        string[] names = action[largest] < 0 ? ["left", "backward", "down"] : ["right", "forward", "up"];
        string[] parts =
        [
            asked.Spec.Speed == Speed.None ? "medium speed" : Any(Name(asked.Spec.Speed), random),
            asked.Spec.Height == Height.None ? "medium height" : Any(Name(asked.Spec.Height), random),
            Any(names[largest], random),
        ];
        var towards = asked.Spec.Target < 0 ? "" : $" towards the {Named(state.Objects[asked.Spec.Target], random)}";
        return $"it moves {string.Join(' ', random.Shuffled(parts))}{towards}";
    }

    private static string OfGripper(TabletopState state, RandomStream random)
        => $"the gripper is {Any(state.Open ? "open" : "closed", random)} at the {Zone(state.Gripper, random)} and "
            + $"{(state.Gripper.Z > .55 ? Any("high", random) : state.Gripper.Z < .25 ? Any("low", random) : "medium height")} </s>";

    private static string OfObjects(TabletopState state, RandomStream random)
    {
        var two = random.Shuffled(state.Objects);
        return $"a {Named(two[0], random)} is on the {Zone(two[0].Position, random)} and a {Named(two[1], random)} on the {Zone(two[1].Position, random)} </s>";
    }

    private static string Zone(Position at, RandomStream random)
    {
        var across = at.X < .4 ? Any("left", random) : at.X > .6 ? Any("right", random) : "middle";
        return $"{(at.Y < .4 ? "near" : at.Y > .6 ? "far" : "centre")} {across} side";
    }

    private static string Named(TabletopObject item, RandomStream random) => $"{Any(Name(item.Colour), random)} {Any(Name(item.Shape), random)}";

    private static string Name<T>(T value) where T : struct, Enum => value.ToString().ToLowerInvariant();

    private static string Any(string concept, RandomStream random)
    {
        var words = TabletopVocabulary.Concept(concept).Words;
        return random.Chance(UsualWord) ? words[0] : words[1 + random.Below(words.Count - 1)];
    }
}
