using System.Text.Json.Serialization;

namespace Vitrine.Transformers.Captures;

/// <summary>The index of a folder of captured activations as JSON without reflection; plans in it are written as plans are.</summary>
[JsonSourceGenerationOptions(GenerationMode = JsonSourceGenerationMode.Metadata)]
[JsonSerializable(typeof(CaptureDescription))]
internal sealed partial class CaptureJsonContext : JsonSerializerContext;
