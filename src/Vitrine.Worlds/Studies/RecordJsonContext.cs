using System.Text.Json.Serialization;
using Vitrine.Worlds.Monitors;
using Vitrine.Worlds.Records;

namespace Vitrine.Worlds.Studies;

/// <summary>The records of studies as JSON without reflection.</summary>
[JsonSourceGenerationOptions(GenerationMode = JsonSourceGenerationMode.Metadata)]
[JsonSerializable(typeof(Study))]
[JsonSerializable(typeof(StudyRun))]
[JsonSerializable(typeof(StudyResult))]
[JsonSerializable(typeof(StudyFolder.Header))]
[JsonSerializable(typeof(StudyFolder.Stored))]
[JsonSerializable(typeof(RecordHeader))]
[JsonSerializable(typeof(RecordedStep))]
[JsonSerializable(typeof(MonitorFacts))]
internal sealed partial class RecordJsonContext : JsonSerializerContext;
