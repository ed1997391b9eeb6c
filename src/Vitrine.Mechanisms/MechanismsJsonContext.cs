using System.Text.Json.Serialization;
using Vitrine.Mechanisms.Doses;
using Vitrine.Mechanisms.Probes;
using Vitrine.Mechanisms.ValueVectors;

namespace Vitrine.Mechanisms;

/// <summary>The records of this room as JSON without reflection.</summary>
[JsonSourceGenerationOptions(GenerationMode = JsonSourceGenerationMode.Metadata)]
[JsonSerializable(typeof(Calibration))]
[JsonSerializable(typeof(Schedule))]
[JsonSerializable(typeof(ProbeForm))]
[JsonSerializable(typeof(ProjectionLine))]
[JsonSerializable(typeof(IReadOnlyDictionary<string, string>))]
internal sealed partial class MechanismsJsonContext : JsonSerializerContext;
