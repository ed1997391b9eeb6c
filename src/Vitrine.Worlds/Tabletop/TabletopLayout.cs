using Vitrine.Mechanisms.Statistics;

namespace Vitrine.Worlds.Tabletop;

/// <summary>A starting situation: the table, what is to be done on it, and how that is said.</summary>
/// <param name="State">The table.</param>
/// <param name="Spec">The task.</param>
/// <param name="Instruction">Its wording.</param>
public sealed record TabletopLayout(TabletopState State, TaskSpec Spec, string Instruction)
{
    private const int Objects = 3;

    /// <summary>Draws a layout. The gripper is open, as always in evaluation; layouts that are not feasible are drawn again.</summary>
    /// <param name="key">Decides everything.</param>
    /// <param name="adverbs">Whether instructions may say how fast and how high.</param>
    /// <exception cref="VitrineException">The key's task is none of the tabletop's.</exception>
    public static TabletopLayout Draw(LayoutKey key, bool adverbs = true)
    {
        ArgumentNullException.ThrowIfNull(key);
        var task = TaskOf(key.Task);
        var random = key.Random("layout");
        while (true)
        {
            var state = DrawState(random);
            var spec = DrawSpec(random, task, adverbs);
            if (spec.IsFeasible(state))
            {
                return new(state, spec, TabletopInstruction.Of(spec, state).Say(random));
            }
        }
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
            if (places.Index().All(a => places.Take(a.Index).All(b => b.DistanceTo(a.Item) > .24)))
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
