namespace Vitrine.Policies.LeRobot;

/// <summary>Finds a policy's state among the vectors of an observation.</summary>
internal static class StateNames
{
    private const string Short = "state";

    /// <summary>The state in float32, in the robot's units.</summary>
    /// <param name="vectors">Of the observation: one, or one called <c>state</c>.</param>
    /// <param name="expected">The policy's.</param>
    /// <param name="renamed">From a vector's name in the observation to the policy's (<c>rename_map</c>).</param>
    /// <param name="names">What its numbers are, where the data set says it.</param>
    /// <exception cref="VitrineException">There is none, several may be meant, or it has another width.</exception>
    public static float[] Match(
        IReadOnlyDictionary<string, StateVector> vectors, PolicyFeature expected, IReadOnlyDictionary<string, string> renamed, IReadOnlyList<string> names)
    {
        var meaning = names.Count == expected.Width ? $" ({string.Join(", ", names)})" : "";
        var own = renamed.Where(r => r.Value == expected.Name).Select(r => r.Key).Append(expected.Name).Append(Short);
        var vector = own.FirstOrDefault(vectors.ContainsKey) is { } name ? vectors[name]
            : vectors.Count == 1 ? vectors.Values.First()
            : throw new VitrineException(
                $"act: the policy reads a state of {expected.Width} numbers{meaning}; the observation has "
                    + $"{(vectors.Count == 0 ? "none" : $"{string.Join(", ", vectors.Keys)}: expected one of them to be called '{Short}'")}.");
        return vector.Values.Count == expected.Width
            ? [.. vector.Values.Select(v => (float)v)]
            : throw new VitrineException(
                $"act: the state has {vector.Values.Count} numbers; the policy reads {expected.Width}{meaning}.");
    }
}
