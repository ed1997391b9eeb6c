using System.Text.Json;
using System.Text.Json.Nodes;
using Vitrine.Transformers;
using Vitrine.Transformers.Edits;

namespace Vitrine.Mechanisms.Doses;

/// <summary>An edit with its schedule.</summary>
/// <param name="Edit">At strength 1.</param>
/// <param name="Schedule">Its strength over the control steps.</param>
/// <remarks>
/// Strength s makes of a clamp to v a clamp to s v (so that a clamp to 1 under a closed loop is the published alpha_t), multiplies the factor of an addition
/// and the beta of a conceptor, and moves the factor of a scaling to 1 + s (factor - 1). Other edits are on or off: they know the strength 1 only, and a step
/// without edit.
/// </remarks>
public sealed record ScheduledEdit(Edit Edit, Schedule Schedule)
{
    /// <summary>The edit at a strength.</summary>
    /// <exception cref="VitrineException">The edit has no strength other than 1.</exception>
    public Edit At(double strength) => Edit switch
    {
        Clamp clamp => clamp with { Values = [.. clamp.Values.Select(v => (float)(v * strength))] },
        Add add => add with { Factor = add.Factor * strength },
        Conceptor conceptor => conceptor with { Beta = conceptor.Beta * strength },
        Scale scale => scale with { Factor = 1 + (strength * (scale.Factor - 1)) },
        _ when strength == 1 => Edit,
        _ => throw new VitrineException($"schedule: {Edit.GetType().Name} is on or off; strength {strength} is asked of it. Use a window of strength 1."),
    };

    /// <summary>Edits with their schedules as JSON.</summary>
    public static string ToJson(IReadOnlyList<ScheduledEdit> edits)
    {
        ArgumentNullException.ThrowIfNull(edits);
        return new JsonArray([.. edits.Select(e => new JsonObject
        {
            ["plan"] = JsonNode.Parse(RunPlan.Editing(e.Edit).ToJson()), ["schedule"] = JsonNode.Parse(e.Schedule.ToJson()),
        })]).ToJsonString();
    }

    /// <summary>Reads what <see cref="ToJson"/> wrote.</summary>
    /// <param name="json">The text.</param>
    /// <param name="source">What to call it in errors.</param>
    /// <exception cref="VitrineException">It is no list of scheduled edits.</exception>
    public static IReadOnlyList<ScheduledEdit> FromJson(string json, string source = "scheduled edits")
    {
        try
        {
            using var document = JsonDocument.Parse(json, new JsonDocumentOptions { AllowDuplicateProperties = false });
            return
            [
                .. document.RootElement.EnumerateArray().SelectMany((e, i) =>
                {
                    if (e.EnumerateObject().FirstOrDefault(p => p.Name is not ("plan" or "schedule")) is { Value.ValueKind: not JsonValueKind.Undefined } other)
                    {
                        throw new VitrineException($"{source}: entry {i} has the key '{other.Name}'; known are plan, schedule.");
                    }

                    var schedule = Schedule.FromJson(e.GetProperty("schedule").GetRawText(), source);
                    return RunPlan.FromJson(e.GetProperty("plan").GetRawText(), source).Edits.Select(edit => new ScheduledEdit(edit, schedule));
                }),
            ];
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or KeyNotFoundException)
        {
            throw new VitrineException($"{source}: is no list of edits with schedules ({e.Message}).", e);
        }
    }
}
