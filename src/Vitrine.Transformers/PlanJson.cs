using System.Diagnostics.CodeAnalysis;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using Vitrine.Transformers.Edits;

namespace Vitrine.Transformers;

/// <summary>How plans are spelled in JSON.</summary>
internal static class PlanJson
{
    private static volatile JsonSerializerOptions? alone;

    /// <remarks>A library that is loaded later may bring edits of its own.</remarks>
    static PlanJson() => AppDomain.CurrentDomain.AssemblyLoad += (_, _) => alone = null;

    /// <summary>Options for plans that travel alone. They are kept: what they know of the edits' types takes longer to make than a plan to write.</summary>
    public static JsonSerializerOptions Alone => alone ??= Options(folder: null);

    /// <param name="folder">Where the plan's file lies, so that it may name files beside it; null where the plan travels alone.</param>
    /// <param name="source">What to call the plan in errors.</param>
    /// <param name="further">What else is written and read with plans in it; null for nothing.</param>
    public static JsonSerializerOptions Options(string? folder, string source = "plan", IJsonTypeInfoResolver? further = null) => new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        AllowDuplicateProperties = false,
        AllowOutOfOrderMetadataProperties = true,
        RespectNullableAnnotations = true,
        RespectRequiredConstructorParameters = true,
        WriteIndented = true,
        TypeInfoResolver = EditTypes.Resolver(further),
        Converters = { new NeuronSetJson(), new EditValueJson(folder, source), EnumsByName() },
    };

    public static string Write<T>(T value, JsonSerializerOptions options) => JsonSerializer.Serialize(value, Contract<T>(options));

    /// <exception cref="JsonException">The text is no such value.</exception>
    public static T? Read<T>(string json, JsonSerializerOptions options) => JsonSerializer.Deserialize(json, Contract<T>(options));

    public static JsonTypeInfo<T> Contract<T>(JsonSerializerOptions options) => (JsonTypeInfo<T>)options.GetTypeInfo(typeof(T));

    [UnconditionalSuppressMessage("AOT", "IL3050", Justification = "Edits of one's own may have enums of their own; those of this library are known.")]
    private static JsonStringEnumConverter EnumsByName() => new(JsonNamingPolicy.SnakeCaseLower, allowIntegerValues: false);

    private sealed class NeuronSetJson : JsonConverter<NeuronSet>
    {
        public override NeuronSet Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
        {
            var form = JsonSerializer.Deserialize(ref reader, Contract<NeuronSetForm>(options));
            return form?.Neurons is { } neurons && neurons.All(n => n is { Length: 2 })
                ? new NeuronSet(neurons.Select(n => new Neuron(n[0], n[1])), form.Stack ?? "language")
                : throw new JsonException("neurons are pairs [layer, index].");
        }

        public override void Write(Utf8JsonWriter writer, NeuronSet value, JsonSerializerOptions options)
            => JsonSerializer.Serialize(
                writer, new NeuronSetForm(value.Stack, [.. value.Neurons.Select(n => new[] { n.Layer, n.Index })]), Contract<NeuronSetForm>(options));
    }

    /// <summary>Numbers in place, or a safetensors file beside the plan and a key.</summary>
    private sealed class EditValueJson(string? folder, string source) : JsonConverter<EditValue>
    {
        public override EditValue Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
            => JsonSerializer.Deserialize(ref reader, Contract<EditValueForm>(options)) switch
            {
                { Shape: { } shape, Data: { } data, File: null, Key: null } => new EditValue(shape, data),
                { Shape: null, Data: null, File: { } file, Key: { } key } => EditValue.FromFile(Beside(file), key),
                _ => throw new JsonException("a value is 'shape' and 'data', or 'file' and 'key'."),
            };

        public override void Write(Utf8JsonWriter writer, EditValue value, JsonSerializerOptions options)
            => JsonSerializer.Serialize(
                writer, Relative(value) is { } file ? new EditValueForm(File: file, Key: value.Source!.Key) : new EditValueForm(value.Shape, value.Data),
                Contract<EditValueForm>(options));

        /// <summary>A plan may come from anywhere: it reads only what lies in its own folder or below.</summary>
        private string Beside(string file)
        {
            if (folder is null)
            {
                throw new VitrineException($"{source}: names the file '{file}'; only a plan that is itself read from a file can.");
            }

            return Path.IsPathRooted(file) || file.Contains('\0', StringComparison.Ordinal) || file.Split('/', '\\').Any(p => p is ".." or "")
                ? throw new VitrineException($"{source}: names the file '{file}'; expected a path inside the plan's own folder.")
                : Path.Combine(folder, file);
        }

        private string? Relative(EditValue value)
        {
            if (folder is null || value.Source is not { } from)
            {
                return null;
            }

            var relative = Path.GetRelativePath(folder, from.File);
            return Path.IsPathRooted(relative) || relative.Split('/', '\\').Contains("..") ? null : relative.Replace('\\', '/');
        }
    }
}
