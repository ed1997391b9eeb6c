using Vitrine.Mechanisms.Statistics;
using Vitrine.Worlds.Tabletop;

namespace Vitrine.Worlds.Training;

/// <summary>
/// The frames of a training: episodes of the scripted expert with noise, and such in which the student itself acts; the labels are always the expert's.
/// </summary>
/// <remarks>
/// Random numbers come from the seed, the step and the episode alone, so that the episodes and the number of the step are all that a training must remember to
/// go on as if it had never been stopped.
/// </remarks>
internal sealed class TrainingStream
{
    private const int LongestEpisode = 70, StallSteps = 8;
    private const double StallLength = .03;

    private readonly TrainingRecipe recipe;
    private readonly TabletopOptions world;
    private readonly int horizon;
    private readonly TrainingEpisode[] experts, students;

    /// <param name="recipe">How much of what.</param>
    /// <param name="world">In which world.</param>
    /// <param name="horizon">Actions of a label.</param>
    public TrainingStream(TrainingRecipe recipe, TabletopOptions world, int horizon)
    {
        (this.recipe, this.world, this.horizon) = (recipe, world, horizon);
        experts = [.. Enumerable.Range(0, recipe.ExpertEpisodes).Select(i => NewWorld(-1, recipe.Random("expert-start", 0, i), opens: 0))];
        students = [.. Enumerable.Range(0, recipe.StudentEpisodes).Select(i => NewWorld(-1, recipe.Random("student-start", 0, i), opens: .6))];
    }

    private TrainingStream(TrainingRecipe recipe, TabletopOptions world, int horizon, TrainingEpisode[] experts, TrainingEpisode[] students)
        => (this.recipe, this.world, this.horizon, this.experts, this.students) = (recipe, world, horizon, experts, students);

    /// <summary>All episodes as they stand.</summary>
    public (IReadOnlyList<TrainingEpisode> Experts, IReadOnlyList<TrainingEpisode> Students) Episodes => (experts, students);

    /// <summary>A stream that goes on.</summary>
    public static TrainingStream Resumed(
        TrainingRecipe recipe, TabletopOptions world, int horizon, IReadOnlyList<TrainingEpisode> experts, IReadOnlyList<TrainingEpisode> students)
        => new(recipe, world, horizon, [.. experts], [.. students]);

    /// <summary>The frames of a step. Episodes of the expert move on to them; those of the student wait for <see cref="Advance"/>.</summary>
    public IReadOnlyList<TrainingFrame> Draw(int step)
    {
        var (frames, instructions) = recipe.SizeAt(step);
        var ofStudents = students.Length > 0 && step >= recipe.StudentFrom * recipe.Steps ? frames / 2 : 0;
        var order = recipe.Random("choice", step, 0);
        int[] chosenExperts = [.. order.Shuffled([.. Enumerable.Range(0, experts.Length)]).Take(frames - ofStudents)];
        int[] chosenStudents = [.. order.Shuffled([.. Enumerable.Range(0, students.Length)]).Take(ofStudents)];
        foreach (var i in chosenExperts)
        {
            experts[i] = Moved(experts[i], recipe.Random("expert", step, i));
        }

        return
        [
            .. chosenExperts.Select(i => Frame(experts[i], i, isStudent: false, step, instructions)),
            .. chosenStudents.Select(i => Frame(students[i], i, isStudent: true, step, instructions)),
        ];
    }

    /// <summary>Lets the student's actions happen.</summary>
    /// <param name="step">The step that was drawn.</param>
    /// <param name="frames">Its frames.</param>
    /// <param name="chunks">Of the student's frames, in order: its actions.</param>
    public void Advance(int step, IReadOnlyList<TrainingFrame> frames, IReadOnlyList<IReadOnlyList<double[]>> chunks)
    {
        foreach (var (n, frame) in frames.Where(f => f.IsStudent).Index())
        {
            var random = recipe.Random("student", step, frame.Episode);
            students[frame.Episode] = Acted(students[frame.Episode], chunks[n], random);
        }
    }

    /// <summary>The expert's next actions, in a copy of the world.</summary>
    internal IReadOnlyList<double[]> Label(TabletopState state, TaskSpec spec)
    {
        var actions = new List<double[]>();
        for (var i = 0; i < horizon; i++)
        {
            actions.Add(TabletopExpert.Decide(state, spec).Action);
            state = i + 1 < horizon ? world.Physics.Step(state, actions[^1]) : state;
        }

        return actions;
    }

    private TrainingFrame Frame(TrainingEpisode episode, int index, bool isStudent, int step, int instructions)
    {
        var kind = isStudent ? "student" : "expert";
        var view = TabletopView.Of(world, new LayoutKey(recipe.Seed, LayoutSplit.Selection, $"train-{kind}-{index}", episode.Number));
        var noise = world.SensorNoise > 0 ? recipe.Random($"{kind}-sensor", step, index) : null;
        var state = episode.Now;
        var asked = new List<AskedFrame> { new(episode.Spec, episode.Instruction, Label(state, episode.Spec)) };
        var words = recipe.Random($"{kind}-words", step, index);
        while (asked.Count < instructions)
        {
            var another = Said(state, words, mustBeFeasible: false);
            asked.Add(another is { } said ? new(said.Spec, said.Words, Label(state, said.Spec)) : asked[0]);
        }

        return new(index, isStudent, TabletopWorld.Seen(state, view, noise, world.SensorNoise, episode.Instruction), state, view, asked);
    }

    /// <summary>One to four steps of the expert, not always as it would.</summary>
    private TrainingEpisode Moved(TrainingEpisode episode, RandomStream random)
    {
        var count = 1 + random.Below(4);
        for (var i = 0; i < count; i++)
        {
            var action = (double[])TabletopExpert.Decide(episode.Now, episode.Spec).Action.Clone();
            Disturb(action, episode.Noise, random.Chance(.35), random);
            if (random.Chance(.02))
            {
                action[^1] = 1 - action[^1];
            }

            episode = Done(episode, [action], random, teleports: .02);
            if (IsOver(episode) || random.Chance(.02))
            {
                episode = Renewed(episode, random, newWorld: .55, opens: 0);
            }
        }

        return episode;
    }

    private TrainingEpisode Acted(TrainingEpisode episode, IReadOnlyList<double[]> chunk, RandomStream random)
    {
        IReadOnlyList<double[]> actions = [.. chunk.Take(horizon == 1 ? 1 : 1 + random.Below(Math.Min(4, chunk.Count))).Select(a => (double[])a.Clone())];
        if (episode.Guided > 0)
        {
            actions = [TabletopExpert.Decide(episode.Now, episode.Spec).Action];
            episode = episode with { Guided = episode.Guided - 1 };
        }
        else
        {
            foreach (var action in actions)
            {
                Disturb(action, episode.Noise, random.Chance(.1), random);
            }
        }

        episode = Done(episode, actions, random, teleports: .005);
        if (IsOver(episode) || random.Chance(.005))
        {
            return Renewed(episode, random, newWorld: .75, opens: .6);
        }

        if (episode.Guided > 0 || episode.Path.Count <= StallSteps || episode.Path[0].DistanceTo(episode.Path[^1]) >= StallLength)
        {
            return episode;
        }

        return random.Chance(.3)
            ? NewWorld(episode.Number, random, opens: .6)
            : episode with { Guided = 1 + random.Below(7), Path = [episode.Now.Gripper] };
    }

    private TrainingEpisode Done(TrainingEpisode episode, IReadOnlyList<double[]> actions, RandomStream random, double teleports)
    {
        var (state, path) = (episode.Now, episode.Path.ToList());
        foreach (var action in actions)
        {
            state = world.Physics.Step(state, action);
            path.Add(state.Gripper);
        }

        if (random.Chance(teleports) && state.Held < 0)
        {
            state = state with { Gripper = new Position(random.Uniform(.08, .92), random.Uniform(.08, .92), random.Uniform(.06, .85)) };
            path = [state.Gripper];
        }

        return episode with { Now = state, Steps = episode.Steps + actions.Count, Path = [.. path.TakeLast(StallSteps + 1)] };
    }

    private static void Disturb(double[] action, double deviation, bool happens, RandomStream random)
    {
        for (var i = 0; happens && i < 3; i++)
        {
            action[i] += deviation * random.Gaussian();
        }
    }

    private static bool IsOver(TrainingEpisode episode)
        => episode.Steps > LongestEpisode || episode.Spec.IsSolved(episode.Start, episode.Now);

    private TrainingEpisode Renewed(TrainingEpisode episode, RandomStream random, double newWorld, double opens)
        => !random.Chance(newWorld) && Said(episode.Now, random, mustBeFeasible: true) is { } said
            ? episode with { Start = episode.Now, Spec = said.Spec, Instruction = said.Words, Steps = 0, Path = [episode.Now.Gripper], Guided = 0 }
            : NewWorld(episode.Number, random, opens);

    /// <param name="number">Of the world before.</param>
    /// <param name="random">Decides everything.</param>
    /// <param name="opens">How often a gripper that would begin closed begins open.</param>
    private TrainingEpisode NewWorld(int number, RandomStream random, double opens)
    {
        var layout = TabletopLayout.Draw(random, world.Distractors > 0 ? random : null, DrawTask, world);
        var open = random.Chance(.85) || random.Chance(opens);
        var state = layout.State with { Open = open };
        return new(number + 1, state, state, layout.Spec, layout.Instruction, random.Uniform(0, .05), 0, [state.Gripper], 0);
    }

    /// <summary>Another instruction for a state; null where none was found that fits.</summary>
    private (TaskSpec Spec, string Words)? Said(TabletopState state, RandomStream random, bool mustBeFeasible)
    {
        const int Tries = 400;
        for (var i = 0; i < Tries; i++)
        {
            if (TabletopLayout.Ask(state, DrawTask(random), random, world, mustBeFeasible) is { } asked
                && !(mustBeFeasible && asked.Spec.IsSolved(state, state)))
            {
                return (asked.Spec, asked.Instruction);
            }
        }

        return null;
    }

    private TabletopTask DrawTask(RandomStream random)
    {
        var at = random.NextDouble();
        for (var task = 0; task < recipe.Tasks.Count; task++)
        {
            at -= recipe.Tasks[task];
            if (at < 0 && recipe.Tasks[task] > 0)
            {
                return (TabletopTask)task;
            }
        }

        return (TabletopTask)recipe.Tasks.Index().Last(t => t.Item > 0).Index;
    }
}
