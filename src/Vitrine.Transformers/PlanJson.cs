using System.Text.Json;
using System.Text.Json.Serialization;
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
    public static JsonSerializerOptions Options(string? folder, string source = "plan") => new()
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
        TypeInfoResolver = EditTypes.Resolver,
        Converters = { new NeuronSetJson(), new EditValueJson(folder, source), new JsonStringEnumConverter(JsonNamingPolicy.SnakeCaseLower,
            allowIntegerValues: false) },
    };

    private sealed class NeuronSetJson : JsonConverter<NeuronSet>
    {
        private sealed record Form(string? Stack = null, IReadOnlyList<int[]>? Neurons = null);

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

    /// <summary>Numbers in place, or a safetensors file beside the plan and a key.</summary>
    private sealed class EditValueJson(string? folder, string source) : JsonConverter<EditValue>
    {
        private sealed record Form(IReadOnlyList<long>? Shape = null, IReadOnlyList<float>? Data = null, string? File = null, string? Key = null);

        public override EditValue Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
            => JsonSerializer.Deserialize<Form>(ref reader, options) switch
            {
                { Shape: { } shape, Data: { } data, File: null, Key: null } => new EditValue(shape, data),
                { Shape: null, Data: null, File: { } file, Key: { } key } => EditValue.FromFile(Beside(file), key),
                _ => throw new JsonException("a value is 'shape' and 'data', or 'file' and 'key'."),
            };

        public override void Write(Utf8JsonWriter writer, EditValue value, JsonSerializerOptions options)
            => JsonSerializer.Serialize(writer, Relative(value) is { } file ? new Form(File: file, Key: value.Source!.Key) : new Form(value.Shape, value.Data),
                options);

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
