using Vitrine.Inputs.Pictures;

namespace Vitrine.Policies.LeRobot;

/// <summary>Finds a policy's cameras among those of an observation.</summary>
internal static class CameraNames
{
    /// <summary>Pictures by feature.</summary>
    /// <param name="cameras">Of the observation, by <c>top</c> or by <c>observation.images.top</c>.</param>
    /// <param name="expected">The policy's, in order.</param>
    /// <param name="renamed">From a camera's name in the observation to the policy's (<c>rename_map</c>).</param>
    /// <remarks>A camera may be absent: what a policy does without it is its family's to say. A name that is not the policy's is refused.</remarks>
    /// <exception cref="VitrineException">A camera has another name, or there is none; expected and found are listed, with the nearest of each.</exception>
    public static IReadOnlyDictionary<string, Picture> Match(
        IReadOnlyDictionary<string, Picture> cameras, IReadOnlyList<PolicyFeature> expected, IReadOnlyDictionary<string, string> renamed)
    {
        if (expected.Count == 0)
        {
            return new Dictionary<string, Picture>();
        }

        if (cameras.Count == 1 && expected.Count == 1 && cameras.ContainsKey(Observation.OnlyCamera))
        {
            return new Dictionary<string, Picture> { [expected[0].Name] = cameras.Values.First() };
        }

        var found = cameras.Select(c => (Given: c.Key, Feature: FeatureOf(c.Key, renamed), c.Value)).ToArray();
        var others = found.Where(f => expected.All(e => e.Name != f.Feature)).Select(f => f.Given).ToArray();
        if (others.Length > 0 || found.Length == 0)
        {
            throw Other([.. cameras.Keys], [.. expected.Select(e => e.ShortName)], others);
        }

        return found.GroupBy(f => f.Feature).FirstOrDefault(g => g.Count() > 1) is { } twice
            ? throw new VitrineException(
                $"act: the cameras {string.Join(" and ", twice.Select(t => t.Given))} are the same camera '{twice.Key}' of the policy.")
            : found.ToDictionary(f => f.Feature, f => f.Value);
    }

    private static string FeatureOf(string camera, IReadOnlyDictionary<string, string> renamed)
    {
        var feature = PolicyFeature.OfCamera(camera);
        return renamed.TryGetValue(camera, out var name) || renamed.TryGetValue(feature, out name) ? name : feature;
    }

    private static VitrineException Other(string[] given, string[] expected, string[] others)
    {
        var nearest = others.Select(o => $"{o} -> {Nearest.Of(o, expected)}");
        return new VitrineException(
            $"act: the observation has the cameras {(given.Length == 0 ? "none" : string.Join(", ", given))}; the policy was trained on "
                + $"{string.Join(", ", expected)}{(others.Length == 0 ? "" : $"; nearest: {string.Join(", ", nearest)}")}.");
    }
}
