namespace Vitrine.Policies.LeRobot;

/// <summary>One step from the network's numbers to the robot's units.</summary>
internal interface IActionStep
{
    /// <summary>One row of a chunk, rewritten.</summary>
    /// <param name="row">[dimension].</param>
    /// <param name="input">What the policy saw.</param>
    float[] Apply(float[] row, PolicyInput input);
}

/// <summary>Back in the data set's units (<c>unnormalizer_processor</c>).</summary>
internal sealed class UnnormaliseStep(Normaliser action) : IActionStep
{
    public float[] Apply(float[] row, PolicyInput input) => [.. row.Select((v, i) => action.Unnormalise(i, v))];
}

/// <summary>Adds the state that an action is relative to (<c>absolute_actions_processor</c>).</summary>
/// <param name="excluded">Parts of the names of dimensions that are absolute already.</param>
/// <param name="names">Of the dimensions; null where the file does not say them, and then no dimension is excluded.</param>
/// <remarks>Source: lerobot, processor/relative_action_processor.py.</remarks>
internal sealed class AddStateStep(IReadOnlyList<string> excluded, IReadOnlyList<string>? names) : IActionStep
{
    public float[] Apply(float[] row, PolicyInput input)
    {
        var state = input.RawState ?? throw new VitrineException("act: actions are relative to the state, and no relative_actions_processor kept it.");
        return state.Length >= row.Length
            ? [.. row.Select((v, i) => IsAbsolute(i) ? v : v + state[i])]
            : throw new VitrineException($"act: actions of {row.Length} numbers are relative to a state of {state.Length}.");
    }

    private bool IsAbsolute(int dimension) => names is not null && dimension < names.Count
        && excluded.Any(e => e.Length > 0 && names[dimension].Contains(e, StringComparison.OrdinalIgnoreCase));
}
