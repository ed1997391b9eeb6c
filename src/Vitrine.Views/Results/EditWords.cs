using Vitrine.Mechanisms.Causes;
using Vitrine.Worlds;
using Vitrine.Worlds.Decisions;
using Vitrine.Worlds.Studies;

namespace Vitrine.Views;

/// <summary>How sentences speak of edits, of what they move, and of parts of a network.</summary>
internal static class EditWords
{
    /// <summary>What is done, as the subject of a sentence; only the lexical clamp names its concept.</summary>
    public static string Doing(ArmLabel arm) => arm.Name switch
    {
        ConceptArms.LexicalClamp => $"holding the neurons that spell *{arm.Concept}*",
        ConceptArms.AttentionMeanDifference => "adding what attention writes on average",
        ConceptArms.FeedForwardMeanDifference => "adding what the feed-forward parts write on average",
        _ when arm.Name.StartsWith(FlowArms.Row, StringComparison.Ordinal) => $"letting the expert read the {arm.Name}",
        _ when arm.Name.StartsWith(FlowArms.Neurons, StringComparison.Ordinal) => $"pushing the expert’s {arm.Name},",
        _ => $"the edit “{arm.Name}”",
    };

    /// <summary>What becomes of the robot: <c>makes the robot faster</c>.</summary>
    /// <param name="measure">By name.</param>
    /// <param name="rises">Whether the measure rises.</param>
    /// <param name="plain">Whether the verb stands behind <c>does not</c>.</param>
    public static string Effect(string measure, bool rises, bool plain = false)
    {
        var s = plain ? "" : "s";
        return (measure, rises) switch
        {
            _ when measure == Measure.Speed.Name => $"make{s} the robot {(rises ? "faster" : "slower")}",
            _ when measure == Measure.Height.Name => $"{(rises ? "raise" : "lower")}{s} the gripper",
            _ when measure == Measure.Success.Name => $"make{s} the robot succeed {(rises ? "more" : "less")} often",
            _ => $"make{s} the robot take {(rises ? "more" : "fewer")} steps",
        };
    }

    /// <summary>A part of the network: <c>the feed-forward part of layer 5</c>.</summary>
    public static string Part(PartEstimate part)
        => $"{(part.Component == Component.Attention ? "attention" : $"the {OneStepResult.NameOf(part.Component)} part")} of "
            + (part.Layer is { } layer ? $"layer {layer}" : "all layers");

    /// <summary>A list as people say it: <c>a, b and c</c>.</summary>
    public static string List(IReadOnlyList<string> names, string last = "and")
        => names.Count < 2 ? string.Concat(names) : $"{string.Join(", ", names.Take(names.Count - 1))} {last} {names[^1]}";

    /// <summary>A sentence out of a clause.</summary>
    public static string Sentence(string clause) => char.ToUpperInvariant(clause[0]) + clause[1..] + ".";
}
