using Vitrine.Mechanisms.Statistics;

namespace Vitrine.Worlds.Tabletop;

/// <summary>A starting situation: the table, what is to be done on it, and how that is said.</summary>
/// <param name="State">The table.</param>
/// <param name="Spec">The task.</param>
/// <param name="Instruction">Its wording.</param>
public sealed record TabletopLayout(TabletopState State, TaskSpec Spec, string Instruction)
{
    private const int Objects = 3;
    private const double Apart = .24;

    /// <summary>Draws a layout. The gripper is open, as always in evaluation; layouts that are not feasible are drawn again.</summary>
    /// <param name="key">Decides everything.</param>
    /// <param name="adverbs">Whether instructions may say how fast and how high.</param>
    /// <exception cref="VitrineException">The key's task is none of the tabletop's.</exception>
    public static TabletopLayout Draw(LayoutKey key, bool adverbs = true) => Draw(key, new TabletopOptions { Adverbs = adverbs });

    /// <summary>Draws a layout of a world whose options are chosen: what they do not change is drawn as in the usual world.</summary>
    /// <param name="key">Decides everything.</param>
    /// <param name="options">What was chosen about the world.</param>
    /// <exception cref="VitrineException">The key's task is none of the tabletop's.</exception>
    public static TabletopLayout Draw(LayoutKey key, TabletopOptions options)
    {
        ArgumentNullException.ThrowIfNull(key);
        ArgumentNullException.ThrowIfNull(options);
        var task = TaskOf(key.Task);
        return Draw(key.Random("layout"), options.Distractors > 0 ? key.Random("distractors") : null, _ => task, options);
    }

    /// <summary>Draws a layout from random numbers of one's own.</summary>
    /// <param name="random">Table, task and words.</param>
    /// <param name="further">Objects beyond the three; null where there are none.</param>
    /// <param name="taskOf">The task, of the same random numbers as all else.</param>
    /// <param name="options">What was chosen about the world.</param>
    internal static TabletopLayout Draw(RandomStream random, RandomStream? further, Func<RandomStream, TabletopTask> taskOf, TabletopOptions options)
    {
        while (true)
        {
            var state = DrawState(random);
            state = state with { Light = state.Light with { Gain = state.Light.Gain * options.Light } };
            if (WithDistractors(state, further, options.Distractors) is not { } whole)
            {
                continue;
            }

            if (Ask(whole, taskOf(random), random, options) is { } asked)
            {
                return asked;
            }
        }
    }

    /// <summary>Asks for a task on a table; null where what was drawn is not feasible, or is not said in this world.</summary>
    internal static TabletopLayout? Ask(TabletopState state, TabletopTask task, RandomStream random, TabletopOptions options)
    {
        var spec = DrawSpec(random, task, options.Adverbs);
        if (!spec.IsFeasible(state))
        {
            return null;
        }

        var instruction = TabletopInstruction.Of(spec, state).Say(random);
        return IsSaid(instruction, task, options) ? new(state, spec, instruction) : null;
    }

    /// <summary>Whether the world's instructions are of this kind, where combinations are held out.</summary>
    internal static bool IsSaid(string instruction, TabletopTask task, TabletopOptions options) => options.Combinations switch
    {
        CombinationUse.Seen => !options.HeldOut.Any(h => h.IsNamedBy(instruction)),
        CombinationUse.HeldOut => task == TabletopTask.Move || options.HeldOut.Any(h => h.IsNamedBy(instruction)),
        _ => true,
    };

    /// <summary>The table with further objects, unlike all others and as far from them; null where no place was found.</summary>
    private static TabletopState? WithDistractors(TabletopState state, RandomStream? random, int count)
    {
        const int Tries = 400;
        List<TabletopObject> objects = [.. state.Objects];
        for (var tries = 0; random is not null && objects.Count < Objects + count; tries++)
        {
            if (tries == Tries)
            {
                return null;
            }

            var (colour, shape) = (OneOf<ObjectColour>(random), OneOf<ObjectShape>(random));
            var place = new Position(random.Uniform(.15, .85), random.Uniform(.15, .85), 0);
            var further = new TabletopObject(place, colour, shape, random.Uniform(3.6, 4.8));
            if (objects.All(o => (o.Colour, o.Shape) != (colour, shape) && o.Position.DistanceTo(place) > Apart))
            {
                objects.Add(further);
            }
        }

        return objects.Count == Objects ? state : state with { Objects = objects };
    }

    private static TabletopTask TaskOf(string name)
        => Enum.GetValues<TabletopTask>().Cast<TabletopTask?>().FirstOrDefault(t => t.ToString()!.Equals(name, StringComparison.OrdinalIgnoreCase))
            ?? throw new VitrineException($"tabletop: no task '{name}'; there are {string.Join(", ", TabletopWorld.TaskNames)}.");

    private static TabletopState DrawState(RandomStream random)
    {
        var kinds = DrawKinds(random);
        var places = DrawPlaces(random);
        TabletopObject[] objects = [.. kinds.Zip(places, (kind, place) => new TabletopObject(place, kind.Colour, kind.Shape, random.Uniform(3.6, 4.8)))];
        var gripper = new Position(random.Uniform(.08, .92), random.Uniform(.08, .92), random.Uniform(.2, .85));
        var light = new TableLight(random.Uniform(.85, 1.12), random.Uniform(-.05, .05), random.Uniform(-.05, .05), random.Uniform(-.05, .05));
        return new(gripper, Open: true, Held: -1, objects, light);
    }

    /// <remarks>No two objects are alike; tables on which a colour repeats are kept with probability .15.</remarks>
    private static (ObjectColour Colour, ObjectShape Shape)[] DrawKinds(RandomStream random)
    {
        while (true)
        {
            (ObjectColour Colour, ObjectShape Shape)[] kinds =
                [.. Enumerable.Range(0, Objects).Select(_ => (OneOf<ObjectColour>(random), OneOf<ObjectShape>(random)))];
            if (kinds.Distinct().Count() == Objects && (kinds.DistinctBy(k => k.Colour).Count() == Objects || random.Chance(.15)))
            {
                return kinds;
            }
        }
    }

    private static Position[] DrawPlaces(RandomStream random)
    {
        while (true)
        {
            Position[] places = [.. Enumerable.Range(0, Objects).Select(_ => new Position(random.Uniform(.15, .85), random.Uniform(.15, .85), 0))];
            if (places.Index().All(a => places.Take(a.Index).All(b => b.DistanceTo(a.Item) > Apart)))
            {
                return places;
            }
        }
    }

    private static TaskSpec DrawSpec(RandomStream random, TabletopTask task, bool adverbs) => new(
        task,
        task == TabletopTask.Move ? -1 : random.Below(Objects),
        task switch { TabletopTask.Push => (Direction)random.Below(4), TabletopTask.Move => (Direction)random.Below(6), _ => null },
        adverbs ? OneOf<Speed>(random) : Speed.None,
        adverbs && task is TabletopTask.Reach or TabletopTask.Lift ? OneOf<Height>(random) : Height.None);

    private static T OneOf<T>(RandomStream random) where T : struct, Enum => Enum.GetValues<T>()[random.Below(Enum.GetValues<T>().Length)];
}
