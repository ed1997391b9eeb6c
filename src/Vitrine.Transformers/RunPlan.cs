using System.Text.Json;
using System.Text.Json.Serialization;
using Vitrine.Transformers.Edits;

namespace Vitrine.Transformers;

/// <summary>What to read and what to change in a run. An empty plan costs nothing.</summary>
public sealed record RunPlan
{
    /// <summary>Neither reads nor changes.</summary>
    [JsonIgnore]
    public static RunPlan Empty { get; } = new();

    /// <summary>Addresses to keep, wildcards allowed: without a step the prefill, <c>@k</c> decode step k, <c>@*</c> every pass.</summary>
    public IReadOnlyList<string> Capture { get; init; } = [];

    /// <summary>Changes, applied in this order.</summary>
    public IReadOnlyList<Edit> Edits { get; init; } = [];

    /// <summary>Addresses whose gradient can be asked of the run; they are captured too.</summary>
    public IReadOnlyList<string> Gradients { get; init; } = [];

    /// <summary>Computes scores and patterns explicitly in every layer, instead of only where they are edited.</summary>
    /// <remarks>The fused kernel rounds differently; compare runs of one kind when bits matter.</remarks>
    public bool ExplicitAttention { get; init; }

    /// <summary>A plan that only reads.</summary>
    public static RunPlan Capturing(params string[] addresses) => new() { Capture = addresses };

    /// <summary>A plan that only changes.</summary>
    public static RunPlan Editing(params Edit[] edits) => new() { Edits = edits };

    /// <summary>The plan as JSON.</summary>
    /// <exception cref="VitrineException">It holds a callback, which no file can.</exception>
    public string ToJson()
        => Edits.Any(e => e is CallbackEdit)
            ? throw new VitrineException("plan: a callback edit cannot be saved; use the edit records.")
            : JsonSerializer.Serialize(this, PlanJson.Options);

    /// <summary>Reads what <see cref="ToJson"/> wrote.</summary>
    /// <param name="json">The text.</param>
    /// <param name="source">What to call it in errors, e.g. the file's name.</param>
    /// <exception cref="VitrineException">It is no plan, with the place.</exception>
    public static RunPlan FromJson(string json, string source = "plan")
    {
        try
        {
            return JsonSerializer.Deserialize<RunPlan>(json, PlanJson.Options) ?? throw new VitrineException($"{source}: is null; expected a plan.");
        }
        catch (JsonException e)
        {
            throw new VitrineException($"{source}: {e.Message}", e);
        }
    }
}

internal static class PlanJson
{
    public static JsonSerializerOptions Options { get; } = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        WriteIndented = true,
        Converters = { new NeuronSetJson() },
    };

    private sealed class NeuronSetJson : JsonConverter<NeuronSet>
    {
        private sealed record Form(string Stack, IReadOnlyList<int[]> Neurons);

        public override NeuronSet Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
        {
            var form = JsonSerializer.Deserialize<Form>(ref reader, options);
            return form?.Neurons is { } neurons && neurons.All(n => n is { Length: 2 })
                ? new NeuronSet(neurons.Select(n => new Neuron(n[0], n[1])), form.Stack ?? "language")
                : throw new JsonException("neurons are pairs [layer, index].");
        }

        public override void Write(Utf8JsonWriter writer, NeuronSet value, JsonSerializerOptions options)
            => JsonSerializer.Serialize(writer, new Form(value.Stack, [.. value.Neurons.Select(n => new[] { n.Layer, n.Index })]), options);
    }
}
