namespace Vitrine.Worlds.Studies;

/// <summary>Says by name in what two studies differ.</summary>
internal static class StudyDifferences
{
    private const int Named = 4;

    /// <summary>One phrase a difference; none where both give the same episodes.</summary>
    /// <param name="there">The study that is there.</param>
    /// <param name="asked">The study that is asked for.</param>
    public static IEnumerable<string> Of(Study there, Study asked)
    {
        (string What, object? There, object? Asked)[] parts =
        [
            ("the policy's weights", there.Policy?.Short, asked.Policy?.Short), ("the policy's units", there.Policy?.Units, asked.Policy?.Units),
            ("the world", there.World, asked.World), ("the name", there.Name, asked.Name),
            ("the tasks", string.Join(", ", there.Tasks), string.Join(", ", asked.Tasks)),
            ("the layouts of each task", there.LayoutsPerTask, asked.LayoutsPerTask),
            ("the first layout", there.FirstLayout, asked.FirstLayout), ("the step limit", there.StepLimit, asked.StepLimit),
            ("the seed", there.Seed, asked.Seed),
            ("the split", there.Split, asked.Split), ("the block size", there.BlockSize, asked.BlockSize),
            ("the rows of each chunk that are carried out", there.ActionSteps, asked.ActionSteps),
        ];
        string[] arms = [.. Arms(there, asked)];
        return
        [
            .. parts.SelectMany(p => Of(p.What, p.There, p.Asked)),
            .. arms.Take(Named),
            .. arms.Length > Named ? [$"{arms.Length - Named} further differences between arms"] : Array.Empty<string>(),
        ];
    }

    /// <summary>One phrase where a part differs; none where it does not.</summary>
    public static IEnumerable<string> Of(string what, object? there, object? asked)
        => Equals(there, asked) ? [] : [$"{what}: '{there ?? "none"}' there, '{asked ?? "none"}' asked for"];

    private static IEnumerable<string> Arms(Study there, Study asked)
    {
        var (old, wanted) = (there.Arms.DistinctBy(a => a.Name).ToDictionary(a => a.Name), asked.Arms.ToDictionary(a => a.Name));
        foreach (var arm in there.Arms.Where(a => !wanted.ContainsKey(a.Name)))
        {
            yield return $"the arm '{arm.Name}' is there and not asked for";
        }

        foreach (var arm in asked.Arms)
        {
            if (!old.TryGetValue(arm.Name, out var known))
            {
                yield return $"the arm '{arm.Name}' is asked for and not there";
            }
            else if (string.Join(", ", Parts(known, arm)) is { Length: > 0 } parts)
            {
                yield return $"the arm '{arm.Name}' has another {parts}";
            }
        }

        if (!there.Arms.Select(a => a.Name).SequenceEqual(asked.Arms.Select(a => a.Name)) && old.Keys.ToHashSet().SetEquals(wanted.Keys))
        {
            yield return "the arms stand in another order";
        }
    }

    private static IEnumerable<string> Parts(Arm there, Arm asked)
    {
        (string What, object? There, object? Asked)[] parts =
        [
            ("plan", there.Plan?.ToJson(), asked.Plan?.ToJson()), ("schedule", there.Schedule?.ToJson(), asked.Schedule?.ToJson()),
            ("word", there.Word, asked.Word), ("swap", there.Swap, asked.Swap), ("component", there.Part, asked.Part),
            ("kind", there.Kind, asked.Kind), ("concept", there.Concept, asked.Concept), ("group", there.Group, asked.Group),
        ];
        return parts.Where(p => !Equals(p.There, p.Asked)).Select(p => p.What);
    }
}
