using System.Text.Json.Serialization;

namespace Vitrine.Mechanisms.Circuits;

/// <summary>Circuits as JSON without reflection.</summary>
[JsonSourceGenerationOptions(
    GenerationMode = JsonSourceGenerationMode.Metadata,
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    AllowDuplicateProperties = false,
    NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
    RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true,
    WriteIndented = true)]
[JsonSerializable(typeof(Circuit))]
[JsonSerializable(typeof(CircuitStudy))]
[JsonSerializable(typeof(CircuitWork))]
internal sealed partial class CircuitJsonContext : JsonSerializerContext;
