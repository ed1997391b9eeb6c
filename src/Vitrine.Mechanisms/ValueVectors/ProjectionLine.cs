using System.Text.Json.Serialization;

namespace Vitrine.Mechanisms.ValueVectors;

/// <summary>One neuron's reading as a line of JSON.</summary>
internal sealed record ProjectionLine(
    [property: JsonPropertyName("layer")] int Layer,
    [property: JsonPropertyName("neuron")] int Neuron,
    [property: JsonPropertyName("top")] IEnumerable<string> Top,
    [property: JsonPropertyName("top_ids")] IReadOnlyList<int> TopIds,
    [property: JsonPropertyName("top_logits")] IReadOnlyList<float> TopLogits,
    [property: JsonPropertyName("bottom")] IEnumerable<string> Bottom,
    [property: JsonPropertyName("bottom_ids")] IReadOnlyList<int> BottomIds,
    [property: JsonPropertyName("bottom_logits")] IReadOnlyList<float> BottomLogits);
