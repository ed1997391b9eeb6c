using Vitrine.Checkpoints;
using Vitrine.Policies.LeRobot;

namespace Vitrine.Policies.Flow;

/// <summary>Keys of config.json that flow policies spell alike.</summary>
internal static class FlowConfig
{
    /// <param name="files">Of the policy.</param>
    /// <param name="steps">What the family calls the number of Euler steps.</param>
    /// <param name="hasState">Whether the network reads the state as numbers.</param>
    /// <exception cref="VitrineException">The state or the action has more numbers than the network.</exception>
    public static FlowSettings Read(LeRobotConfig files, string steps, bool hasState = true)
    {
        var json = files.Json;
        var flow = new FlowSettings(
            json.Size(steps, 10), json.Size("max_action_dim", 32), json.Size("max_state_dim", 32), json.Number("min_period", 4e-3),
            json.Number("max_period", 4));
        if (files.Action.Width > flow.ActionWidth || (hasState && files.State is { } state && state.Width > flow.StateWidth))
        {
            throw new VitrineException(
                $"{json.Source}: the action has {files.Action.Width} numbers and the state {files.State?.Width ?? 0}; max_action_dim is {flow.ActionWidth} and "
                    + $"max_state_dim {flow.StateWidth}.");
        }

        return !hasState || files.State is not null
            ? flow
            : throw new VitrineException($"{json.Source}: input_features has no '{PolicyFeature.State}', which this family reads.");
    }

    /// <summary>Columns and rows, or rows and columns, as the family means them.</summary>
    public static (int First, int Second) Pair(ConfigReader json, string key, int otherwise) => !json.Spells(key)
        ? (otherwise, otherwise)
        : json.Sizes(key) is [var first, var second]
            ? (first, second)
            : throw json.Wrong(key, json.Root.GetProperty(key), "two positive whole numbers");
}
