namespace Vitrine.Policies.LeRobot;

/// <summary>What a feature of a LeRobot policy is.</summary>
internal enum FeatureKind
{
    /// <summary>A camera's picture.</summary>
    Visual,

    /// <summary>What the robot measures of itself.</summary>
    State,

    /// <summary>What the robot does.</summary>
    Action,

    /// <summary>What a simulator tells of the world.</summary>
    Environment,
}

/// <summary>One input or output of a policy, as config.json names it.</summary>
/// <param name="Name">e.g. <c>observation.images.top</c>.</param>
/// <param name="Kind">What it is.</param>
/// <param name="Shape">Channels, rows and columns of a picture; the width of a vector.</param>
internal sealed record PolicyFeature(string Name, FeatureKind Kind, IReadOnlyList<int> Shape)
{
    /// <summary>Names of the features that every policy may have.</summary>
    public const string State = "observation.state", Action = "action";

    private const string Images = "observation.images.", Image = "observation.image", Observation = "observation.";

    /// <summary>The first size.</summary>
    public int Width => Shape[0];

    /// <summary>A camera as people call it: <c>top</c> for <c>observation.images.top</c>.</summary>
    public string ShortName => Name.StartsWith(Images, StringComparison.Ordinal) ? Name[Images.Length..]
        : Name.StartsWith(Observation, StringComparison.Ordinal) ? Name[Observation.Length..]
        : Name;

    /// <summary>The feature that a camera of an observation is, by either of its names.</summary>
    public static string OfCamera(string camera) => camera.StartsWith(Image, StringComparison.Ordinal) ? camera : Images + camera;
}
