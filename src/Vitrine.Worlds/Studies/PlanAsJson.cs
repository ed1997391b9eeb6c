using System.Text.Json;
using System.Text.Json.Serialization;
using Vitrine.Mechanisms.Doses;
using Vitrine.Transformers;

namespace Vitrine.Worlds.Studies;

/// <summary>A plan within a study's JSON, in the form of plan files.</summary>
internal sealed class PlanAsJson : JsonConverter<RunPlan>
{
    public override RunPlan Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        using var document = JsonDocument.ParseValue(ref reader);
        return RunPlan.FromJson(document.RootElement.GetRawText(), "the arm's plan");
    }

    public override void Write(Utf8JsonWriter writer, RunPlan value, JsonSerializerOptions options) => writer.WriteRawValue(value.ToJson());
}

/// <summary>A schedule within a study's JSON, in the form of schedule files.</summary>
internal sealed class ScheduleAsJson : JsonConverter<Schedule>
{
    public override Schedule Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        using var document = JsonDocument.ParseValue(ref reader);
        return Schedule.FromJson(document.RootElement.GetRawText(), "the arm's schedule");
    }

    public override void Write(Utf8JsonWriter writer, Schedule value, JsonSerializerOptions options) => writer.WriteRawValue(value.ToJson());
}
