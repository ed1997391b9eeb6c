using Vitrine.Mechanisms.Statistics;

namespace Vitrine.Worlds.Tabletop;

/// <summary>What an instruction says: a task without the table it is for. Objects are named by colour and shape.</summary>
/// <param name="Task">The task.</param>
/// <param name="Colour">The target's colour; null for move.</param>
/// <param name="Shape">The target's shape; null for move.</param>
/// <param name="Direction">For push and move.</param>
/// <param name="Speed">How fast.</param>
/// <param name="Height">How high.</param>
public sealed record TabletopInstruction(
    TabletopTask Task, ObjectColour? Colour = null, ObjectShape? Shape = null, Direction? Direction = null,
    Speed Speed = Speed.None, Height Height = Height.None)
{
    /// <summary>Names a task on a table.</summary>
    public static TabletopInstruction Of(TaskSpec spec, TabletopState state)
    {
        ArgumentNullException.ThrowIfNull(spec);
        ArgumentNullException.ThrowIfNull(state);
        var target = spec.Target < 0 ? null : state.Objects[spec.Target];
        return new(spec.Task, target?.Colour, target?.Shape, spec.Direction, spec.Speed, spec.Height);
    }

    /// <summary>Puts it into words, as in training.</summary>
    /// <remarks>
    /// Verb, the object, the direction, then the adverbs in random order; with probability .25 the first adverb goes to the front. Each word is
    /// the usual one with probability .4, else any other of its concept.
    /// </remarks>
    public string Say(RandomStream random)
    {
        ArgumentNullException.ThrowIfNull(random);
        List<string> words = [Word(Task, random)];
        if (Colour is { } colour && Shape is { } shape)
        {
            words.AddRange("the", Word(colour, random), Word(shape, random));
        }

        if (Direction is { } direction)
        {
            words.Add(Word(direction, random));
        }

        List<string> adverbs = [];
        if (Speed != Speed.None)
        {
            adverbs.Add(Word(Speed, random));
        }

        if (Height != Height.None)
        {
            adverbs.Insert(adverbs.Count > 0 && random.Chance(.5) ? 0 : adverbs.Count, Word(Height, random));
        }

        if (adverbs.Count > 0 && random.Chance(.25))
        {
            words.Insert(0, adverbs[0]);
            adverbs.RemoveAt(0);
        }

        return string.Join(' ', words.Concat(adverbs));
    }

    /// <summary>Reads an instruction of the tabletop's language.</summary>
    /// <exception cref="VitrineException">It is none; the message names the word that does not fit.</exception>
    public static TabletopInstruction Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var words = text.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        var at = 0;
        var (speed, height) = (Speed.None, Height.None);
        _ = TakeAdverb();
        var task = Take<TabletopTask>() ?? throw Unexpected("a verb");
        ObjectColour? colour = null;
        ObjectShape? shape = null;
        if (task != TabletopTask.Move)
        {
            if (at == words.Length || words[at++] != "the")
            {
                at = Math.Min(at, words.Length);
                throw new VitrineException($"instruction '{text}': expected 'the', a colour and a shape after the verb.");
            }

            colour = Take<ObjectColour>() ?? throw Unexpected("a colour");
            shape = Take<ObjectShape>() ?? throw Unexpected("a shape");
        }

        Direction? direction = task is TabletopTask.Push or TabletopTask.Move ? Take<Direction>() ?? throw Unexpected("a direction") : null;
        while (at < words.Length)
        {
            if (!TakeAdverb())
            {
                throw Unexpected("an adverb of speed or height, each at most once");
            }
        }

        return new(task, colour, shape, direction, speed, height);

        bool TakeAdverb()
        {
            if (speed == Speed.None && Take<Speed>() is { } s)
            {
                speed = s;
                return true;
            }

            if (height == Height.None && Take<Height>() is { } h)
            {
                height = h;
                return true;
            }

            return false;
        }

        T? Take<T>() where T : struct, Enum
        {
            if (at < words.Length && TabletopVocabulary.ConceptOf(words[at]) is { } concept && Enum.TryParse<T>(concept.Name, ignoreCase: true, out var value))
            {
                at++;
                return value;
            }

            return null;
        }

        VitrineException Unexpected(string expected)
            => new($"instruction '{text}': found {(at < words.Length ? $"'{words[at]}'" : "its end")}; expected {expected}.");
    }

    private static string Word<T>(T value, RandomStream random) where T : struct, Enum
    {
        var words = TabletopVocabulary.Concept(value.ToString().ToLowerInvariant()).Words;
        return random.Chance(.4) ? words[0] : words[1 + random.Below(words.Count - 1)];
    }
}
