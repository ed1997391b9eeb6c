using System.Text.Json.Serialization;
using Vitrine.Transformers.Edits;

namespace Vitrine.Transformers;

/// <summary>How plans become JSON without reflection, which programs of one file (<c>dotnet run file.cs</c>) are built without.</summary>
/// <remarks>An edit that is missing here is written and read by reflection, as edits of one's own are; a test compares the list with the edits.</remarks>
[JsonSourceGenerationOptions(GenerationMode = JsonSourceGenerationMode.Metadata)]
[JsonSerializable(typeof(RunPlan))]
[JsonSerializable(typeof(Add))]
[JsonSerializable(typeof(Clamp))]
[JsonSerializable(typeof(Conceptor))]
[JsonSerializable(typeof(Constrain))]
[JsonSerializable(typeof(Interchange))]
[JsonSerializable(typeof(KnockOut))]
[JsonSerializable(typeof(Mean))]
[JsonSerializable(typeof(Project))]
[JsonSerializable(typeof(Replace))]
[JsonSerializable(typeof(Scale))]
[JsonSerializable(typeof(Zero))]
[JsonSerializable(typeof(NeuronSetForm))]
[JsonSerializable(typeof(EditValueForm))]
internal sealed partial class PlanJsonContext : JsonSerializerContext;

/// <summary>Neurons in JSON: pairs [layer, index] of a stack.</summary>
internal sealed record NeuronSetForm(string? Stack = null, IReadOnlyList<int[]>? Neurons = null);

/// <summary>An edit's numbers in JSON: in place, or a safetensors file and a key.</summary>
internal sealed record EditValueForm(IReadOnlyList<long>? Shape = null, IReadOnlyList<float>? Data = null, string? File = null, string? Key = null);
