using System.Text.Json.Serialization;

namespace Vitrine.Certification.Certified;

/// <summary>The certificate's file as JSON without reflection.</summary>
[JsonSourceGenerationOptions(GenerationMode = JsonSourceGenerationMode.Metadata)]
[JsonSerializable(typeof(CertifiedFile))]
internal sealed partial class CertifiedJsonContext : JsonSerializerContext;
