using System.Text.Json.Serialization;

namespace Vitrine.Mechanisms.Patching;

/// <summary>Sweeps and their results as JSON without reflection.</summary>
[JsonSourceGenerationOptions(
    GenerationMode = JsonSourceGenerationMode.Metadata,
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    AllowDuplicateProperties = false,
    AllowOutOfOrderMetadataProperties = true,
    RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true,
    UseStringEnumConverter = true,
    WriteIndented = false)]
[JsonSerializable(typeof(PatchResult))]
[JsonSerializable(typeof(PatchProgress))]
internal sealed partial class PatchJsonContext : JsonSerializerContext;
